"""Recorded values as patterns: what placeholders stand for, and what differs."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["Pattern", "body_of"]

REVISION = re.compile(r"\$REVISION(?:([+-]\d+))?")
INTEGER = re.compile(r"-?\d+")
SAME_THROUGHOUT = ("$CLUSTER_ID", "$MEMBER_ID")
TTL = re.compile(r"\$TTL:(\d+)")
TTL_SECONDS_OFF = 3
INTEGERS = ("$RAFT_TERM", "$INT", *SAME_THROUGHOUT)


class Pattern:
    """What placeholders stand for in one case.

    Parameters
    ----------
    revision : int
        The store's at the beginning.
    """

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._seen: dict[str, str] = {}
        self._bound: dict[str, str] = {}

    def fill(self, value: Any) -> Any:
        """Return a value of a request with its placeholders filled in."""
        match value:
            case dict():
                return {key: self.fill(each) for key, each in value.items()}
            case list():
                return [self.fill(each) for each in value]
            case str() if found := REVISION.fullmatch(value):
                return self._revision_of(found)
            case str() if value.startswith("$VAR:"):
                return self._bound[value.removeprefix("$VAR:")]
            case str() if value.startswith("$REPEAT:"):
                _, text, times = value.split(":")
                return text * int(times)
            case _:
                return value

    # pylint: disable-next=too-many-branches  # one for each kind of value
    def differences(self, want: Any, got: Any, where: str = "$") -> Iterator[str]:
        """Yield what is not as it was recorded."""
        match want, got:
            case str(), _ if want.startswith("$"):
                if not self._matches(want, got):
                    yield f"{where}: want {want}, got {got!r}"
            case dict(), dict():
                for key in want.keys() - got.keys():
                    yield f"{where}.{key}: missing, want {want[key]!r}"
                for key in got.keys() - want.keys():
                    yield f"{where}.{key}: unexpected, got {got[key]!r}"
                for key in want.keys() & got.keys():
                    yield from self.differences(want[key], got[key], f"{where}.{key}")
            case ["$EACH", each], list() if got:
                for place, right in enumerate(got):
                    yield from self.differences(each, right, f"{where}[{place}]")
            case ["$SET", *some], list() if len(some) == len(got):
                pairs = zip(*(sorted(side, key=repr) for side in (some, got)))
                for place, (left, right) in enumerate(pairs):
                    yield from self.differences(left, right, f"{where}[{place}]")
            case list(), list() if len(want) == len(got):
                for place, (left, right) in enumerate(zip(want, got, strict=True)):
                    yield from self.differences(left, right, f"{where}[{place}]")
            case _ if type(want) is not type(got) or want != got:
                yield f"{where}: want {want!r}, got {got!r}"

    # pylint: disable-next=too-many-return-statements  # one for each placeholder
    def _matches(self, want: str, got: object) -> bool:
        if found := REVISION.fullmatch(want):
            return got == self._revision_of(found)
        if want in INTEGERS:
            same = got if want not in SAME_THROUGHOUT else self._first(want, got)
            return isinstance(got, str) and bool(INTEGER.fullmatch(got)) and got == same
        if found := TTL.fullmatch(want):
            most = int(found[1])
            least = most - TTL_SECONDS_OFF
            return isinstance(got, str) and got.isdigit() and least <= int(got) <= most
        if want.startswith("$VAR:"):
            return got == self._bound[want.removeprefix("$VAR:")]
        if want.startswith("$BIND:"):
            self._bound[want.removeprefix("$BIND:")] = str(got)
            return isinstance(got, str) and got != ""
        if want == "$STRING":
            return isinstance(got, str) and got != ""
        if want == "$NUMBER":
            return isinstance(got, int | float) and not isinstance(got, bool)
        if want == "$ANY":
            return True
        raise NotImplementedError(want)

    def _first(self, name: str, got: object) -> str:
        return self._seen.setdefault(name, str(got))

    def _revision_of(self, found: re.Match[str]) -> str:
        return str(self._revision + int(found[1] or 0))


def body_of(step: dict[str, Any], pattern: Pattern) -> bytes | None:
    """Return the body of a recorded request."""
    if "raw_body" in step:
        filled: str = pattern.fill(step["raw_body"])
        return filled.encode()
    if "body" not in step:
        return None
    body = pattern.fill(step["body"])
    if "repeat_op" in step:
        field, count = step["repeat_op"]["field"], step["repeat_op"]["count"]
        body[field] = body[field] * count
    return msgspec.json.encode(body)
