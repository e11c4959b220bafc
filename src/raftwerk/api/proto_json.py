r"""How etcd's messages are read from JSON: the rules of its gateway, one for each kind.

A member may be called by its ``snake_case`` or its ``camelCase`` name, which has
precedence; unknown members are ignored; ``null`` is the default; of a repeated member
the last one counts. Numbers of 64 bits may be numbers or texts, bytes are standard
base64 with padding or a list of numbers, enumerations are names or numbers. Of a body
only the first value is read. All of it was observed on etcd 3.5.1; the texts of errors
are our own, for etcd's are those of its language, and no client depends on them.
"""

import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, NoReturn, TypeGuard, TypeVar

import msgspec

from raftwerk.api.errors import BadRequest

__all__ = [
    "Convert",
    "Enumeration",
    "Message",
    "Nested",
    "Repeated",
    "parse",
    "read_bool",
    "read_bytes",
    "read_int64",
    "read_text",
    "read_uint64",
]

Made = TypeVar("Made")
Convert = Callable[[Any], Any]

_WHITESPACE: Final = " \t\r\n"
_INTEGER: Final = re.compile(r"[ \t\r\n]*(-?(?:0|[1-9][0-9]{0,18})|null)[ \t\r\n]*")
_UNSIGNED: Final = re.compile(r"[ \t\r\n]*(0|[1-9][0-9]{0,19}|null)[ \t\r\n]*")
_DECODER: Final = msgspec.json.Decoder()


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and its like, which Python's JSON has and JSON has not."""
    raise ValueError(f"{name} is no JSON value")


_LENIENT_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def parse(body: bytes) -> dict[str, Any]:
    """Return the first value of a body.

    Parameters
    ----------
    body : bytes
        As it came; empty for an empty message.

    Returns
    -------
    dict
        The members; none for an empty body and for ``null``.

    Raises
    ------
    BadRequest
        If it does not begin with a JSON object.

    Examples
    --------
    >>> parse(b'{"key": "Zm9v"} and more')
    {'key': 'Zm9v'}
    """
    if not body:
        return {}
    try:
        value = _DECODER.decode(body)
    except ValueError:
        value = _parse_first(body)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{_kind_of(value)}; the body must be an object")
    return value


def _parse_first(body: bytes) -> object:
    """Return the first value of a body that is more than one, or none at all."""
    text = body.decode("utf-8", "replace").lstrip(_WHITESPACE)
    if not text:
        return None
    try:
        value, _ = _LENIENT_DECODER.raw_decode(text)
    except ValueError as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    return value


class Message(Generic[Made]):
    """One kind of message: its members, how each is read, and what is made of them.

    Parameters
    ----------
    kind : str
        What etcd calls it; in the document of the API.
    make : callable
        Takes the members that were given, as keywords.
    **fields : callable
        For each member, by its ``snake_case`` name, what reads its value; it raises
        `BadRequest`.
    """

    def __init__(
        self, kind: str, make: Callable[..., Made], /, **fields: Convert
    ) -> None:
        self.name = kind
        self.fields: Mapping[str, Convert] = fields
        self._make = make
        self._readers: dict[str, tuple[str, Convert, str | None]] = {}
        for field, convert in fields.items():
            read, other = _directly(convert), _camel_case(field)
            self._readers[other] = (field, read, None)
            if other != field:
                self._readers[field] = (field, read, other)

    def __call__(self, value: Any) -> Made:
        """Return what is made of a value that stands within another message."""
        if not isinstance(value, dict):
            raise BadRequest(f"{_kind_of(value)}; it must be an object")
        return self.read(value)

    def read(self, members: Mapping[str, Any]) -> Made:
        """Return what is made of a message.

        Parameters
        ----------
        members : mapping
            From `parse`.

        Returns
        -------
        Made
            What `make` returned.

        Raises
        ------
        BadRequest
            If a member can't be read; the message names it.
        """
        readers = self._readers
        given: dict[str, Any] = {}
        for written, value in members.items():
            field = readers.get(written)
            if field is None:
                continue
            name, convert, other = field
            if value is None or other in members:
                continue  # what is called in camelCase has precedence, null as well
            try:
                given[name] = convert(value)
            except BadRequest as error:
                raise error.within(written) from None
        return self._make(**given)


class Repeated(Generic[Made]):
    """Reads a list.

    Parameters
    ----------
    element : callable
        What reads an element.
    null : object
        What ``null`` stands for among the elements: the default of their kind.
    """

    def __init__(self, element: Callable[[Any], Made], null: object) -> None:
        self.element = element
        self._null = null
        self._read = _directly(element)

    def __call__(self, value: Any) -> tuple[Made, ...]:
        """Return the elements of a value, read."""
        if not isinstance(value, list):
            raise BadRequest(f"{_kind_of(value)}; it must be a list")
        elements = []
        for place, element in enumerate(value):
            try:
                elements.append(self._read(self._null if element is None else element))
            except BadRequest as error:
                raise error.within(f"[{place}]") from None
        return tuple(elements)


class Enumeration:
    """Reads an enumeration: a name, or a number as it is, known or not.

    Parameters
    ----------
    names : mapping
        The names and their numbers.
    """

    def __init__(self, names: Mapping[str, int]) -> None:
        self.names = dict(names)

    def __call__(self, value: Any) -> int:
        """Return the number of a value."""
        if _is_integer(value) and -(2**31) <= value < 2**31:
            return value
        if not isinstance(value, str) or value not in self.names:
            known = ", ".join(self.names)
            raise BadRequest(
                f"{_kind_of(value)}; it must be one of {known}, or a number"
            )
        return self.names[value]


class Nested(Generic[Made]):
    """Reads a message that may hold others of its own kind.

    Attributes
    ----------
    message : Message
        To be set once it is there: its members are written down before it is.
    """

    message: Message[Made]

    def __call__(self, value: Any) -> Made:
        """Return what is made of a value."""
        return self.message(value)


def read_int64(value: Any) -> int:
    """Return an integer of 64 bits from a number or its text.

    Parameters
    ----------
    value : object
        From JSON.

    Returns
    -------
    int
        Within 64 bits with a sign.

    Raises
    ------
    BadRequest
        If it is none.
    """
    number: int | None = None
    if _is_integer(value):
        number = value
    elif isinstance(value, str) and (found := _INTEGER.fullmatch(value)):
        number = 0 if found[1] == "null" else int(found[1])
    if number is None or not -(2**63) <= number < 2**63:
        raise BadRequest(f"{_kind_of(value)}; it must be an integer of 64 bits")
    return number


def read_uint64(value: Any) -> int:
    """Return an integer of 64 bits without a sign, from a number or its text.

    Parameters
    ----------
    value : object
        From JSON.

    Returns
    -------
    int
        From 0 up to 2**64 - 1.

    Raises
    ------
    BadRequest
        If it is none.
    """
    number: int | None = None
    if _is_integer(value):
        number = value
    elif isinstance(value, str) and (found := _UNSIGNED.fullmatch(value)):
        number = 0 if found[1] == "null" else int(found[1])
    if number is None or not 0 <= number < 2**64:
        raise BadRequest(
            f"{_kind_of(value)}; it must be an integer of 64 bits without a sign"
        )
    return number


def read_text(value: Any) -> str:
    """Return a text.

    Parameters
    ----------
    value : object
        From JSON.

    Returns
    -------
    str
        As it is.

    Raises
    ------
    BadRequest
        If it is something else.
    """
    if not isinstance(value, str):
        raise BadRequest(f"{_kind_of(value)}; it must be a text")
    return value


def read_bool(value: Any) -> bool:
    """Return a truth value.

    Parameters
    ----------
    value : object
        From JSON.

    Returns
    -------
    bool
        As it is.

    Raises
    ------
    BadRequest
        If it is something else, a text that says it too.
    """
    if not isinstance(value, bool):
        raise BadRequest(f"{_kind_of(value)}; it must be true or false")
    return value


def read_bytes(value: Any) -> bytes:
    """Return bytes from standard base64 with padding, or from a list of numbers.

    Parameters
    ----------
    value : object
        From JSON.

    Returns
    -------
    bytes
        What the text stands for.

    Raises
    ------
    BadRequest
        If it is neither. Line breaks within the text are no error, as in etcd.
    """
    if isinstance(value, list):
        return _bytes_of_numbers(value)
    if not isinstance(value, str):
        raise BadRequest(f"{_kind_of(value)}; it must be a text in base64")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        pass
    try:
        text = value.replace("\n", "").replace("\r", "")
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise BadRequest(
            f"no standard base64 with padding: {str(error)[:80].lower()}"
        ) from None


def _directly(convert: Convert) -> Convert:
    """Return a reader to be called without a detour through C, which nests deeper."""
    if isinstance(convert, Message | Repeated | Enumeration | Nested):
        return convert.__call__
    return convert


def _bytes_of_numbers(numbers: list[object]) -> bytes:
    """Return bytes that are written one by one; ``null`` is 0."""
    for place, number in enumerate(numbers):
        if number is not None and not (_is_integer(number) and 0 <= number < 256):
            said = f"[{place}]: {_kind_of(number)}; it must be from 0 to 255"
            raise BadRequest(said)
    return bytes([number if _is_integer(number) else 0 for number in numbers])


def _camel_case(name: str) -> str:
    """Return the other name of a member."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _is_integer(value: object) -> TypeGuard[int]:
    """Tell whether a JSON value is an integer; in Python, so are truth values."""
    return isinstance(value, int) and not isinstance(value, bool)


def _kind_of(value: object) -> str:
    """Say what a JSON value is, for a message."""
    match value:
        case bool():
            return "it is a truth value"
        case int() | float():
            return "it is a number"
        case str():
            return f"it is the text {value[:40]!r}"
        case list():
            return "it is a list"
        case dict():
            return "it is an object"
        case _:
            return "it is null"
