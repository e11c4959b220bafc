"""What etcd's answers look like in JSON, as the document of the API tells it.

The answers themselves are put together from bytes (`kv_json` and its neighbours), for
speed; each of those modules names their shapes beside them. Tests hold every answer
that is recorded of etcd, and each that we give to it, against these shapes, and find a
member that none of them ever has.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = [
    "BOOL",
    "BYTES",
    "EMPTY",
    "HEADER",
    "INT64",
    "TEXT",
    "UINT32",
    "UINT64",
    "HEADER_ONLY",
    "KEY_VALUE",
    "Shape",
    "list_of",
    "message",
    "nested",
]


class Shape(msgspec.Struct, frozen=True):
    """The form of a value.

    Parameters
    ----------
    schema : mapping
        In the words of JSON Schema; for a message, of its members.
    example : object
        A value of this form.
    name : str
        What etcd calls it, if it is a message.
    members : mapping
        Those of a message; what is zero or empty is left out of an answer.
    element : Shape or None
        What a list has.
    """

    schema: Mapping[str, Any]
    example: Any
    name: str = ""
    members: Mapping[str, "Shape"] = {}
    element: "Shape | None" = None


def message(kind: str, /, **members: Shape) -> Shape:
    """Return the form of a message.

    Parameters
    ----------
    kind : str
        What etcd calls it.
    **members : Shape
        Its members by the names that they have in JSON.

    Returns
    -------
    Shape
        Which has no other members.
    """
    schema = {"type": "object", "additionalProperties": False}
    example = {member: shape.example for member, shape in members.items()}
    return Shape(schema, example, kind, members)


def list_of(element: Shape) -> Shape:
    """Return the form of a list.

    Parameters
    ----------
    element : Shape
        What it has.

    Returns
    -------
    Shape
        Of any length.
    """
    return Shape({"type": "array"}, [element.example], element=element)


def nested(name: str) -> Shape:
    """Return the form of a message that stands within one of its own kind.

    Parameters
    ----------
    name : str
        What etcd calls it.

    Returns
    -------
    Shape
        Without its members, which are known where it stands first.
    """
    return Shape({}, {}, name)


def _number(form: str, sign: str, example: str) -> Shape:
    """Return the form of a number that is written as a text."""
    pattern = f"^{sign}[0-9]+$"
    return Shape({"type": "string", "format": form, "pattern": pattern}, example)


INT64: Final = _number("int64", "-?", "7")
"""64 bits with a sign: a text, for readers of JSON seldom keep more than 53."""

UINT64: Final = _number("uint64", "", "2")
"""64 bits without a sign, likewise."""

UINT32: Final = Shape({"type": "integer", "minimum": 0, "maximum": 2**32 - 1}, 7)
"""A number that each reader of JSON keeps."""

BYTES: Final = Shape({"type": "string", "contentEncoding": "base64"}, "Zm9v")
"""Bytes in standard base64, with padding."""

TEXT: Final = Shape({"type": "string"}, "a text")
"""A text."""

BOOL: Final = Shape({"type": "boolean"}, True)
"""A claim; one that is false is left out."""

EMPTY: Final = message("Empty")
"""Nothing at all."""

HEADER: Final = message(
    "ResponseHeader",
    cluster_id=UINT64,
    member_id=UINT64,
    revision=INT64,
    raft_term=UINT64,
)
"""Who answers, at which revision and in which term."""

HEADER_ONLY: Final = message("HeaderResponse", header=HEADER)
"""An answer that says no more than that."""

KEY_VALUE: Final = message(
    "KeyValue",
    key=BYTES,
    create_revision=INT64,
    mod_revision=INT64,
    version=INT64,
    value=BYTES,
    lease=INT64,
)
"""One version of a key."""
