"""Keys and conditions as HTTP has them: percent-decoded bytes, entity tags, JSON.

A key is whatever bytes stand behind the prefix of the path, slashes too. The decoded
path of ASGI is of no use for that: what is no UTF-8 is lost in it.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from raftwerk.api.asgi import Scope
from raftwerk.api.errors import BadRequest
from raftwerk.kv import Compare, CompareResult, CompareTarget, KeyValue

__all__ = [
    "condition_of",
    "etag_of",
    "key_of",
    "mod_revision_of",
    "prefix_end",
    "query_bytes",
    "show_key",
    "show_kv",
]

_ETAG: Final = re.compile(r'(?:W/)?"?(0|[1-9][0-9]{0,17})"?', re.ASCII)

EVERY_KEY: Final = b"\0"
"""The end of a range that has none."""


def key_of(scope: Scope, prefix: str) -> bytes:
    """Return the key that a request's path names.

    Parameters
    ----------
    scope : Scope
        The request.
    prefix : str
        What stands before the key in the path; a proxy's part may stand before it.

    Returns
    -------
    bytes
        Percent-decoded.

    Examples
    --------
    >>> key_of({"raw_path": b"/api/v1/kv/a%2Fb/%FF"}, "/api/v1/kv/")
    b'a/b/\\xff'
    """
    raw: bytes = scope["raw_path"]
    path = unquote_to_bytes(raw.partition(b"?")[0])
    return path.partition(prefix.encode())[2]


def query_bytes(scope: Scope) -> Mapping[str, bytes]:
    """Return the fields of a request's query, percent-decoded.

    Parameters
    ----------
    scope : Scope
        The request.

    Returns
    -------
    mapping of str to bytes
        The last value of each.

    Examples
    --------
    >>> query_bytes({"query_string": b"prefix&after=%ff"})
    {'prefix': b'', 'after': b'\\xff'}
    """
    text = scope["query_string"].decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
    return {name: value.encode("latin-1") for name, value in pairs}


def prefix_end(prefix: bytes) -> bytes:
    r"""Return the end of the range of all keys with a prefix.

    Parameters
    ----------
    prefix : bytes
        May be empty.

    Returns
    -------
    bytes
        As `raftwerk.kv.Range` has it.

    Examples
    --------
    >>> prefix_end(b"a"), prefix_end(b"a\xff"), prefix_end(b"")
    (b'b', b'b', b'\x00')
    """
    rest = prefix.rstrip(b"\xff")
    return rest[:-1] + bytes((rest[-1] + 1,)) if rest else EVERY_KEY


def etag_of(revision: int) -> str:
    """Return the entity tag of a version of a key.

    Parameters
    ----------
    revision : int
        The one that made it.

    Returns
    -------
    str
        The number in quotes.
    """
    return f'"{revision}"'


def mod_revision_of(header: str, text: str) -> int:
    """Return the revision that a condition names, with or without quotes.

    Parameters
    ----------
    header : str
        The header's name.
    text : str
        Its value.

    Returns
    -------
    int
        The revision.

    Raises
    ------
    BadRequest
        If it is none.
    """
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise BadRequest(
            f"{header} is {text[:40]!r}; it must be a mod revision, as ETag has it"
        )
    return int(found[1])


def condition_of(
    key: bytes, if_match: str | None, if_none: str | None
) -> list[Compare]:
    """Return what must be true of a key before it is written.

    Parameters
    ----------
    key : bytes
        The key.
    if_match : str or None
        ``If-Match``: the mod revision that it must have, or ``*`` for any.
    if_none : str or None
        ``If-None-Match``: only ``*``, that there must be no such key.

    Returns
    -------
    list of Compare
        Empty if nothing was asked for.

    Raises
    ------
    BadRequest
        If one of them is something else.
    """
    compares = []
    exists = Compare(
        key, result=CompareResult.GREATER, target=CompareTarget.CREATE, number=0
    )
    if if_match is not None and if_match.strip() == "*":
        compares.append(exists)
    elif if_match is not None:
        number = mod_revision_of("If-Match", if_match)
        # Revision 0 is that of keys that are not there; no ETag has it.
        compares += [exists, Compare(key, target=CompareTarget.MOD, number=number)]
    if if_none is not None:
        if if_none.strip() != "*":
            raise BadRequest(f"If-None-Match is {if_none[:40]!r}; a write takes only *")
        compares.append(Compare(key, target=CompareTarget.CREATE, number=0))
    return compares


def show_key(key: bytes) -> str:
    """Return a key as it stands in a path.

    Parameters
    ----------
    key : bytes
        Any.

    Returns
    -------
    str
        Percent-encoded, with its slashes.
    """
    return quote_from_bytes(key, safe="/")


def show_kv(kv: KeyValue) -> dict[str, Any]:
    """Return a key with all that is known of it, for an answer in JSON.

    Parameters
    ----------
    kv : KeyValue
        The key.

    Returns
    -------
    dict
        Its value as base64, and as text if it is one.
    """
    try:
        text = kv.value.decode()
    except UnicodeDecodeError:
        text = None
    return {
        "key": show_key(kv.key),
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "lease": str(kv.lease),
        "value": base64.b64encode(kv.value).decode(),
        "text": text,
    }
