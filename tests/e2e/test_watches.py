"""Watches through kills and pauses of nodes: each change once and in order."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Final

import pytest

from raftwerk.client import Client, WatchEvent, prefix_end
from raftwerk.host.draw import SplitMix64
from raftwerk.sim.history import Action
from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster, NodeProcess
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

THE_END: Final = b"the end"
"""What the last write puts; each watch sees it."""

LAST_KEY: Final = b"key 1"

PAUSE_SECONDS: Final = 1.5

END_SECONDS: Final = 30.0

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
        self, nodes: list[NodeProcess], key: bytes, range_end: bytes, pace: float
    ) -> None:
        self._client = Client(*[str(node.client) for node in nodes])
        self._span = (key, range_end)
        self._pace = pace
        self.events: list[WatchEvent] = []
        self.tellers: set[int] = set()
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async with self._client as client:
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
        assert [_told(event) for event in self.events] == [_told(e) for e in wanted]
        before: dict[bytes, WatchEvent] = {}
        for event in self.events:
            last = before.get(event.kv.key)
            was = last.kv if last is not None and last.type == "PUT" else None
            assert event.prev_kv == was, "what was there before is what was told last"
            before[event.kv.key] = event


def _told(event: WatchEvent) -> tuple[str, bytes, bytes, int]:
    """Return what tells one change from all others."""
    return (event.type, event.kv.key, event.kv.value, event.kv.mod_revision)


async def _history(node: NodeProcess) -> list[WatchEvent]:
    """Return all changes that one node has, up to the last one."""
    watcher = Watcher([node], b"\0", b"\0", 0.0)
    await asyncio.wait_for(watcher.task, END_SECONDS)
    return watcher.events


async def _trouble(
    number: int, cluster: Cluster, clients: Clients, draw: SplitMix64
) -> None:
    """Kill a node or pause it, and let the others work meanwhile."""
    node = cluster.nodes[draw.below(len(cluster.nodes))]
    if number % 3:
        node.kill()
        await clients.progress(5, through=cluster.others(node))
        node.start()
        await clients.reach([node])
    else:
        node.pause()
        await asyncio.sleep(PAUSE_SECONDS)
        node.resume()
    await clients.progress(5 + draw.below(10))


@pytest.mark.parametrize("troubles", [2, pytest.param(40, marks=pytest.mark.long)])
def test_watches_miss_nothing_and_repeat_nothing(troubles: int, tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            watchers = []
            for number, (key, range_end, pace) in enumerate(WATCHES):
                # Each begins with another node.
                nodes = cluster.nodes[number % 3 :] + cluster.nodes[: number % 3]
                watchers.append(Watcher(nodes, key, range_end, pace))
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                for number in range(1, troubles + 1):
                    await _trouble(number, cluster, clients, draw)
            leader = await cluster.leader()
            assert await cluster.put(leader, LAST_KEY, THE_END) is not None
            tasks = [watcher.task for watcher in watchers]
            await asyncio.wait_for(asyncio.gather(*tasks), END_SECONDS)

            changes = await _history(leader)
            for node in cluster.others(leader):
                assert list(map(_told, await _history(node))) == list(
                    map(_told, changes)
                ), "all nodes have one history"
            for watcher in watchers:
                watcher.check(changes)
            # Progress: there was much to tell, and it was told by more than one node.
            assert len(changes) > 20 * troubles
            assert max(len(watcher.tellers) for watcher in watchers) > 1
            told = {event.kv.mod_revision for event in changes}
            for _, operation in clients.acknowledged:
                if operation.action is Action.PUT and operation.answer is not None:
                    assert (
                        operation.answer.revision in told
                    ), "what was promised is told"

    asyncio.run(story())
