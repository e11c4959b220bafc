"""Random watches on a real etcd and on us: the same messages, watch by watch."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import run
from tests.api.asgi_stream import Exchange
from tests.api.conformance import test_against_etcd
from tests.api.whole_member import WholeMember

pytestmark = pytest.mark.e2e

fixture_etcd = test_against_etcd.fixture_etcd

Op = tuple[str, dict[str, Any]]
Lines = dict[str, list[Any]]

KEYS = (b"a", b"ab", b"b", b"c")
ENDS = (b"", b"\0", b"b", b"d")
SECONDS = 5.0
QUIET_SECONDS = 0.5
ETCD_SYNC_SECONDS = 0.25


def text(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(data).decode()


EVERYTHING = {"key": text(b"\0"), "range_end": text(b"\0")}
THE_END: Op = (
    "txn",
    {"success": [{"request_put": {"key": text(key)}} for key in KEYS]},
)
"""The last change, which ends what each watch is told that wants puts."""


class Story:
    """What is done, from one seed: writes, watches, more writes."""

    def __init__(self, seed: int) -> None:
        self._draw = SplitMix64(seed)
        self.before = [self._op() for _ in range(self._draw.below(6))]
        self.after = [self._op() for _ in range(1 + self._draw.below(6))] + [THE_END]
        self.watches = [self._watch() for _ in range(1 + self._draw.below(3))]
        self.is_first_cancelled = self._draw.below(5) == 0

    def _op(self) -> Op:
        draw = self._draw
        key = text(KEYS[draw.below(len(KEYS))])
        value = text(b"%d" % draw.below(9))
        kind = draw.below(20)
        if kind < 11:
            return "put", {"key": key, "value": value}
        if kind < 15:
            return "deleterange", {"key": key, "range_end": text(ENDS[draw.below(4)])}
        if kind < 19:
            puts = [{"key": key, "value": value}, {"key": text(b"zz")}]
            return "txn", {"success": [{"request_put": put} for put in puts]}
        return "compaction", {"back": draw.below(3)}

    def _watch(self) -> dict[str, Any]:
        draw = self._draw
        watch: dict[str, Any] = {
            "key": text((*KEYS, b"")[draw.below(5)]),
            "range_end": text(ENDS[draw.below(4)]),
            "prev_kv": draw.below(2) == 0,
            "fragment": draw.below(5) == 0,
        }
        if draw.below(2):
            watch["back"] = draw.below(8) - 4
        if draw.below(3) == 0:
            watch["filters"] = [("NOPUT", "NODELETE")[draw.below(2)]]
        if draw.below(5) == 0:
            watch["watch_id"] = draw.below(3)
        return watch

    def requests(self, revision: int) -> bytes:
        """Return the body of the stream, at a revision of the store."""
        body = b""
        for watch in self.watches:
            fields = {k: v for k, v in watch.items() if k != "back"}
            if "back" in watch:
                fields["start_revision"] = str(max(1, revision - watch["back"]))
            body += msgspec.json.encode({"create_request": fields})
        if self.is_first_cancelled:
            body += b'{"cancel_request":{"watch_id":0}}'
        return body


def told(line: Any, base: int) -> Any:
    """Return a message without who sent it, its revisions counted from a base."""
    if isinstance(line, list):
        return [told(each, base) for each in line]
    if not isinstance(line, dict):
        return line
    return {
        name: str(int(value) - base) if name.endswith("revision") else told(value, base)
        for name, value in line.items()
        if name not in ("cluster_id", "member_id", "raft_term")
    }


def by_watch(lines: list[Any], base: int) -> Lines:
    """Return the messages of each watch; those of two may come in any order."""
    found: Lines = {}
    for line in lines:
        name = line["result"].get("watch_id", "0")
        found.setdefault(name, []).append(told(line, base))
    return found


def compaction(fields: dict[str, Any], base: int, revision: int) -> dict[str, Any]:
    """Return the body of a call."""
    if "back" not in fields:
        return fields
    return {"revision": str(max(base, revision - fields["back"]))}


async def ours(story: Story) -> tuple[int, int, Lines]:
    """Return how many messages come before the last writes, and in all, and they."""
    member = await WholeMember.start()

    async def call(op: Op) -> int:
        name, fields = op
        body = compaction(fields, base, member.store.revision)
        exchange = member.open("POST", f"/v3/kv/{name}", msgspec.json.encode(body))
        await exchange.whole(SECONDS)
        return member.store.revision

    base = 0
    base = await call(("put", {"key": text(b"before")}))
    await call(("compaction", {"revision": str(base)}))
    for op in story.before:
        await call(op)
    body = story.requests(member.store.revision)
    exchange = member.open("POST", "/v3/watch", body)
    lines = await _all_lines(exchange)
    early = len(lines)
    for op in story.after:
        await call(op)
    lines += await _all_lines(exchange)
    await exchange.close()
    return early, len(lines), by_watch(lines, base)


async def _all_lines(exchange: Exchange) -> list[Any]:
    """Return the messages until nothing comes for a while; time is virtual."""
    lines = []
    while (line := await exchange.next_line(QUIET_SECONDS)) is not None:
        lines.append(msgspec.json.decode(line))
    return lines


def etcds(etcd: httpx.Client, story: Story, early: int, count: int) -> Lines:
    """Return what etcd tells, of as many messages as we have told."""

    def call(op: Op) -> int:
        name, fields = op
        body = compaction(fields, base, revision)
        answer = etcd.post(f"/v3/kv/{name}", json=body).json()
        return int(answer.get("header", {}).get("revision", revision))

    base = revision = 0
    call(("deleterange", EVERYTHING))
    base = revision = call(("put", {"key": text(b"before")}))
    call(("compaction", {"revision": str(base)}))
    for op in story.before:
        revision = call(op)
    body = story.requests(revision)
    with etcd.stream("POST", "/v3/watch", content=body, timeout=SECONDS) as stream:
        coming: Iterator[str] = stream.iter_lines()
        lines = [msgspec.json.decode(next(coming)) for _ in range(early)]
        if any("back" in watch for watch in story.watches):
            # Who watches from the past is seen to by a loop of etcd's own, which gives
            # no sign if there was nothing to tell.
            time.sleep(ETCD_SYNC_SECONDS)
        for op in story.after:
            revision = call(op)
        lines += [msgspec.json.decode(next(coming)) for _ in range(count - early)]
    return by_watch(lines, base)


@pytest.mark.parametrize(
    "seed",
    [
        *range(8),
        *(pytest.param(seed, marks=pytest.mark.long) for seed in range(8, 150)),
    ],
)
def test_random_watches_are_told_alike(etcd: httpx.Client, seed: int) -> None:
    story = Story(seed)
    early, count, expected = run(ours(story))
    assert etcds(etcd, story, early, count) == expected
