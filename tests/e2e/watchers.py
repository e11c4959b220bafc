"""Those who watch from the beginning until the end, and what they must be told."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from itertools import cycle
from typing import Final

import httpx
import msgspec

from raftwerk.client import Client, WatchEvent, prefix_end
from raftwerk.client.values import Header
from tests.e2e.calls import text
from tests.e2e.cluster import Cluster, NodeProcess

__all__ = ["Watchers"]

THE_END: Final = b"the end"
"""What the last write puts; each watch sees it."""

LAST_KEY: Final = b"key 1"

END_SECONDS: Final = 30.0

SILENCE_SECONDS: Final = 2.0
"""After which another node is asked: this one may be cut off, or stopped."""

AGAIN_SECONDS: Final = 0.05

WATCHES: Final = [
    # first key, range end        how slow a reader
    (b"\0", b"\0", 0.0),
    (b"key ", prefix_end(b"key "), 0.0),
    (LAST_KEY, b"", 0.0),
    (b"key ", prefix_end(b"key "), 0.02),
]


class Watcher:
    """One who watches from the beginning, over all nodes, until the end."""

    def __init__(
        self, nodes: Sequence[NodeProcess], key: bytes, range_end: bytes, pace: float
    ) -> None:
        self._nodes = nodes
        self._span = (key, range_end)
        self._pace = pace
        self.events: list[WatchEvent] = []
        self.tellers: set[int] = set()
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async with Client(*[str(node.client) for node in self._nodes]) as client:
            watch = client.watch(*self._span, start_revision=1, prev_kv=True)
            async with aclosing(watch) as all_told:
                async for told in all_told:
                    self.tellers.add(told.header.member_id)
                    self.events += told.events
                    if told.events[-1].kv.value == THE_END:
                        return
                    await asyncio.sleep(self._pace)

    def check(self, changes: list[WatchEvent]) -> None:
        """Raise unless it was told of all changes of its keys, each once, in order."""
        start, stop = self._span
        wanted = [
            event
            for event in changes
            if (event.kv.key == start if not stop else start <= event.kv.key)
            and (stop in (b"", b"\0") or event.kv.key < stop)
        ]
        assert list(map(_told, self.events)) == list(map(_told, wanted))
        before: dict[bytes, WatchEvent] = {}
        for event in self.events:
            last = before.get(event.kv.key)
            was = last.kv if last is not None and last.type == "PUT" else None
            assert event.prev_kv == was, "what was there before is what was told last"
            before[event.kv.key] = event


class _Result(msgspec.Struct):
    header: Header
    events: tuple[WatchEvent, ...] = ()
    canceled: bool = False


class _Line(msgspec.Struct):
    result: _Result | None = None


class BareWatcher(Watcher):
    """One who resumes at its last revision plus one by itself, at another node.

    A `Client` leaves out what it was told before; here that is a failure.
    """

    _next_revision = 1

    async def _watch(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=SILENCE_SECONDS) as http:
            for node in cycle(self._nodes):
                with suppress(httpx.TransportError):
                    if await self._watch_through(http, node):
                        return
                await asyncio.sleep(AGAIN_SECONDS)

    async def _watch_through(self, http: httpx.AsyncClient, node: NodeProcess) -> bool:
        """Take what one node tells; return whether that was the end."""
        key, range_end = map(text, self._span)
        wanted = {"key": key, "range_end": range_end, "prev_kv": True}
        wanted |= {"start_revision": str(self._next_revision)}
        asked = http.stream(
            "POST", f"{node.client}/v3/watch", json={"create_request": wanted}
        )
        async with asked as answer:
            async for line in answer.aiter_lines():
                told = msgspec.json.decode(line, type=_Line, strict=False).result
                if told is None:
                    return False  # it stops
                assert not told.canceled, line
                if told.events and self._take(told, node):
                    return True
        return False

    def _take(self, told: _Result, node: NodeProcess) -> bool:
        """Take some events, none of them for the second time; or fail."""
        revisions = [event.kv.mod_revision for event in told.events]
        assert (
            revisions[0] >= self._next_revision
        ), f"{node.name} tells of {revisions[0]}, not from {self._next_revision} on"
        self._next_revision = revisions[-1] + 1
        self.tellers.add(told.header.member_id)
        self.events += told.events
        return told.events[-1].kv.value == THE_END


class Watchers:
    """Some who watch one cluster, each beginning with another node.

    Parameters
    ----------
    cluster : Cluster
        Empty; watched from now on.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        nodes = cluster.nodes
        self._all = [
            Watcher(nodes[number % 3 :] + nodes[: number % 3], *watch)
            for number, watch in enumerate(WATCHES)
        ]
        self._bare = [
            BareWatcher(nodes[number:] + nodes[:number], *WATCHES[number % 2])
            for number in range(3)
        ]
        self._all += self._bare

    async def end(self) -> list[WatchEvent]:
        """Make the last write, demand that all was told, and return all changes.

        Nobody else may write any more.
        """
        leader = await self._cluster.leader()
        assert await self._cluster.put(leader, LAST_KEY, THE_END) is not None
        ends = asyncio.gather(*[watcher.task for watcher in self._all])
        await asyncio.wait_for(ends, END_SECONDS)
        changes = await _history(leader)
        for node in self._cluster.others(leader):
            theirs = await _history(node)
            assert list(map(_told, theirs)) == list(
                map(_told, changes)
            ), "all nodes have one history"
        for watcher in self._all:
            watcher.check(changes)
        # Told by more than one node: whichever was killed, somebody had to resume.
        assert max(len(watcher.tellers) for watcher in self._all) > 1
        assert max(len(watcher.tellers) for watcher in self._bare) > 1
        return changes


def _told(event: WatchEvent) -> tuple[str, bytes, bytes, int]:
    """Return what tells one change from all others."""
    return (event.type, event.kv.key, event.kv.value, event.kv.mod_revision)


async def _history(node: NodeProcess) -> list[WatchEvent]:
    """Return all changes that one node has, up to the last one."""
    watcher = Watcher([node], b"\0", b"\0", 0.0)
    await asyncio.wait_for(watcher.task, END_SECONDS)
    return watcher.events
