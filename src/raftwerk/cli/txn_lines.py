"""The lines in which a transaction is typed, by etcdctl's grammar.

First what is compared, a line each, then what is done if all of it holds, then what is
done if not; an empty line ends a part. Source: etcdctl's ``txn``.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from raftwerk.cli.ctl_keys import key_range, lease_id_of
from raftwerk.errors import ConfigError

__all__ = ["Script", "read_script"]

_COMPARE: Final = re.compile(
    r'\s*(\w+)\s*\(\s*("(?:[^"\\]|\\.)*")\s*\)\s*(=|!=|<|>)\s*("(?:[^"\\]|\\.)*")\s*'
)
_RESULTS: Final = {"=": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}
_TARGETS: Final = {
    "ver": ("VERSION", "version"),
    "version": ("VERSION", "version"),
    "c": ("CREATE", "create_revision"),
    "create": ("CREATE", "create_revision"),
    "m": ("MOD", "mod_revision"),
    "mod": ("MOD", "mod_revision"),
    "val": ("VALUE", "value"),
    "value": ("VALUE", "value"),
    "lease": ("LEASE", "lease"),
}

_Flags = Mapping[str, type]
_RANGE: Final[_Flags] = {"prefix": bool, "from-key": bool}
_FLAGS: Final[Mapping[str, _Flags]] = {
    "put": {
        "lease": str,
        "prev-kv": bool,
        "ignore-value": bool,
        "ignore-lease": bool,
    },
    "get": {
        **_RANGE,
        "rev": int,
        "limit": int,
        "order": str,
        "sort-by": str,
        "keys-only": bool,
        "count-only": bool,
    },
    "del": {**_RANGE, "prev-kv": bool},
}

Operation = dict[str, Any]


class Script(msgspec.Struct, frozen=True):
    """A transaction as `raftwerk.client` takes it.

    Parameters
    ----------
    compare, success, failure : list of dict
        Its three parts.
    """

    compare: list[Operation]
    success: list[Operation]
    failure: list[Operation]


def read_script(lines: Iterable[str]) -> Script:
    """Read a transaction.

    Parameters
    ----------
    lines : iterable of str
        Three parts, each ended by an empty line or by the end.

    Returns
    -------
    Script
        What they say.

    Raises
    ------
    ConfigError
        If a line can't be read; the message shows it.

    Examples
    --------
    >>> read_script(['mod("a") > "0"', "", "get a", "", "put a 1"]).success
    [{'request_range': {'key': b'a', 'range_end': b''}}]
    """
    coming = iter(lines)
    return Script(
        [_compare(line) for line in _part(coming)],
        [_operation(line) for line in _part(coming)],
        [_operation(line) for line in _part(coming)],
    )


def _part(coming: Iterable[str]) -> Iterable[str]:
    """Yield lines up to an empty one."""
    for line in coming:
        if not line.strip():
            return
        yield line.strip()


def _compare(line: str) -> Operation:
    """Return what a line compares."""
    found = _COMPARE.fullmatch(line)
    if found is None or found[1] not in _TARGETS:
        raise ConfigError(
            f"{line!r} compares nothing; write, for example, "
            'value("key") = "text", with value, create, mod, version or lease'
        )
    name, key, result, wanted = found.groups()
    target, field = _TARGETS[name]
    return {
        "target": target,
        "result": _RESULTS[result],
        "key": os.fsencode(_words(key)[0]),
        field: _operand(line, field, _words(wanted)[0]),
    }


def _operand(line: str, field: str, text: str) -> bytes | int:
    """Return what is compared with."""
    if field == "value":
        return os.fsencode(text)
    if field == "lease":
        return lease_id_of(text)
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{line!r}: {text!r} is no number") from None


def _operation(line: str) -> Operation:
    """Return what a line has done."""
    verb, *words = _words(line)
    if verb not in _FLAGS:
        raise ConfigError(f"{line!r} is none of put, get and del")
    places, flags = _split(line, words, _FLAGS[verb])
    most = 2
    if not 1 <= len(places) <= most or (
        verb == "put" and len(places) != most and not flags.get("ignore-value")
    ):
        needs = "a key and a value" if verb == "put" else "a key, and perhaps an end"
        raise ConfigError(f"{line!r}: {verb} needs {needs}")
    if verb == "put":
        return {"request_put": _put(places, flags)}
    start, end = key_range(
        places[0],
        places[1] if len(places) == most else "",
        flags.get("prefix", False),
        flags.get("from-key", False),
    )
    said: Operation = {"key": start, "range_end": end}
    if verb == "del":
        return {"request_delete_range": said | _set({"prev_kv": flags.get("prev-kv")})}
    sort_by = flags.get("sort-by", "").upper()
    said |= _set(
        {
            "revision": flags.get("rev"),
            "limit": flags.get("limit"),
            "sort_order": flags.get("order", "").upper(),
            "sort_target": "MOD" if sort_by == "MODIFY" else sort_by,
            "keys_only": flags.get("keys-only"),
            "count_only": flags.get("count-only"),
        }
    )
    return {"request_range": said}


def _put(places: list[str], flags: Mapping[str, Any]) -> Operation:
    """Return a put."""
    value = places[1] if len(places) > 1 else ""
    return {"key": os.fsencode(places[0])} | _set(
        {
            "value": os.fsencode(value),
            "lease": lease_id_of(flags["lease"]) if "lease" in flags else 0,
            "prev_kv": flags.get("prev-kv"),
            "ignore_value": flags.get("ignore-value"),
            "ignore_lease": flags.get("ignore-lease"),
        }
    )


def _split(
    line: str, words: list[str], known: _Flags
) -> tuple[list[str], dict[str, Any]]:
    """Return what of a line's words is no flag, and its flags."""
    places: list[str] = []
    flags: dict[str, Any] = {}
    coming = iter(words)
    for word in coming:
        if not word.startswith("--"):
            places.append(word)
            continue
        name, has_value, value = word[2:].partition("=")
        kind = known.get(name)
        if kind is None:
            raise ConfigError(f"{line!r}: there is no --{name} here")
        if kind is bool:
            flags[name] = value != "false"
            continue
        if not has_value:
            value = next(coming, "")
        try:
            flags[name] = kind(value)
        except ValueError:
            raise ConfigError(f"{line!r}: --{name} needs a number") from None
    return places, flags


def _words(line: str) -> list[str]:
    """Return a line's words, by a shell's rules."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise ConfigError(f"{line!r}: {error}".lower()) from None


def _set(fields: Operation) -> Operation:
    """Return those fields that are not at their defaults."""
    return {name: value for name, value in fields.items() if value}
