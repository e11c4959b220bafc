"""What the commands about keys share: how they are named, and how they are shown."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.client import KeyValue

__all__ = [
    "FromKey",
    "Hex",
    "Key",
    "Prefix",
    "PrevKv",
    "RangeEnd",
    "go_quoted",
    "key_range",
    "lease_id_of",
    "pair",
    "shown",
]

Key = Annotated[str, typer.Argument(metavar="KEY", help="The key.")]
RangeEnd = Annotated[
    str, typer.Argument(metavar="RANGE_END", help="The key before which to end.")
]
Prefix = Annotated[bool, typer.Option("--prefix", help="All keys that begin so.")]
FromKey = Annotated[bool, typer.Option("--from-key", help="All keys from it on.")]
PrevKv = Annotated[bool, typer.Option("--prev-kv", help="Print what was there.")]
Hex = Annotated[
    bool, typer.Option("--hex", help="Print keys and values byte by byte, as \\x6b.")
]


def key_range(
    key: str, range_end: str, prefix: bool, from_key: bool
) -> tuple[bytes, bytes]:
    """Return the first key of a range, and the one before which it ends.

    Parameters
    ----------
    key, range_end : str
        What was given.
    prefix, from_key : bool
        Which flags were.

    Returns
    -------
    tuple of bytes
        For a request.

    Raises
    ------
    ConfigError
        If more than one end is given.
    """
    # pylint: disable-next=import-outside-toplevel  # see `cli.ctl`
    from raftwerk.client import prefix_end

    if prefix + from_key + bool(range_end) > 1:
        raise ConfigError("of --prefix, --from-key and RANGE_END only one can be meant")
    start = os.fsencode(key)  # an argument may be any bytes
    if prefix:
        # An empty prefix means all; no key is empty.
        return start or b"\0", prefix_end(start)
    if from_key:
        return start or b"\0", b"\0"
    return start, os.fsencode(range_end)


def lease_id_of(text: str) -> int:
    """Return a lease's id, which is written in hexadecimal.

    Parameters
    ----------
    text : str
        As it stands on the command line.

    Returns
    -------
    int
        The id.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return int(text, 16)
    except ValueError:
        raise bad_setting("lease", text, "an id in hexadecimal digits") from None


def pair(kv: "KeyValue", as_hex: bool) -> bytes:
    """Return a key and its value, a line each.

    Parameters
    ----------
    kv : KeyValue
        Both.
    as_hex : bool
        Whether to print them byte by byte.

    Returns
    -------
    bytes
        To be written.
    """
    return shown(kv.key, as_hex) + b"\n" + shown(kv.value, as_hex) + b"\n"


def shown(data: bytes, as_hex: bool) -> bytes:
    r"""Return a key or a value as it is printed.

    Parameters
    ----------
    data : bytes
        It.
    as_hex : bool
        Whether to print it byte by byte, as etcdctl's ``--hex`` does.

    Returns
    -------
    bytes
        Without the end of a line.

    Examples
    --------
    >>> print(shown(b"k v", True).decode())
    \x6b\x20\x76
    """
    return b"".join(b"\\x%02x" % byte for byte in data) if as_hex else data


_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}


def go_quoted(data: bytes) -> str:
    r"""Return bytes between quotes as Go writes them, and so etcdctl.

    Parameters
    ----------
    data : bytes
        What UTF-8 has no character for becomes ``\x`` and two digits.

    Returns
    -------
    str
        With both quotes.

    Examples
    --------
    >>> print(go_quoted(b'say "hi"\n\xff'))
    "say \"hi\"\n\xff"
    """
    parts = []
    for character in data.decode(errors="surrogateescape"):
        code = ord(character)
        if character in _ESCAPES:
            parts.append(_ESCAPES[character])
        elif character.isprintable():
            parts.append(character)
        elif 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
            parts.append(f"\\x{code - 0xDC00:02x}")
        elif code < 0x80:
            parts.append(f"\\x{code:02x}")
        else:
            parts.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return f'"{"".join(parts)}"'
