"""Every acknowledged write survives ten kills of the leader under many writers."""

import asyncio
import itertools
import os
import random
import time
from pathlib import Path

import msgspec
import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

KILLS = 10

WRITERS = 8

PACE_SECONDS = 0.02
"""Of each writer, from one answer to the next write."""

PROGRESS_SECONDS = 10.0
"""How long the rest may take to acknowledge writes again; far more than it needs."""


class Written(msgspec.Struct, frozen=True):
    """One acknowledged write. Each key is written once, so what is read is known."""

    attempt: int
    key: bytes
    value: bytes
    revision: int


class Writers:
    """Write ever new keys through random nodes, and remember what was acknowledged."""

    def __init__(self, cluster: Cluster, draw: random.Random) -> None:
        self._cluster = cluster
        self._draw = draw
        self.acknowledged: list[Written] = []
        self.attempts = 0

    async def write(self, writer: int) -> None:
        """Write until cancelled."""
        for number in itertools.count():
            key = f"writer {writer} key {number}".encode()
            value = f"{writer}:{number}".encode() * self._draw.randrange(1, 20)
            node = self._draw.choice(self._cluster.nodes)
            self.attempts += 1
            attempt = self.attempts
            revision = await self._cluster.put(node, key, value, seconds=2.0)
            if revision is not None:
                self.acknowledged.append(Written(attempt, key, value, revision))
            # A steady load and no more: a node that starts needs the processors, too.
            await asyncio.sleep(PACE_SECONDS)

    async def progress(self, count: int) -> None:
        """Return once so many writes that begin now or later were acknowledged.

        Fails as idle if that takes too long.
        """
        known, before = len(self.acknowledged), self.attempts

        async def look() -> bool:
            new = self.acknowledged[known:]
            return sum(written.attempt > before for written in new) >= count

        await until(look, f"{count} new writes acknowledged", PROGRESS_SECONDS)


async def check(cluster: Cluster, acknowledged: list[Written]) -> None:
    """Demand every acknowledged write of every node."""
    for node in cluster.nodes:
        found = await cluster.get_all(node, b"writer ", b"writer!")
        for written in acknowledged:
            # The revision, too: a write that was lost and written again has another.
            expected = (written.value, written.revision)
            assert found.get(written.key) == expected, f"{node.name}: {written}"


def test_no_acknowledged_write_is_lost_when_leaders_are_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("RAFTWERK_SEED") or random.SystemRandom().getrandbits(32))
    print(f"RAFTWERK_SEED={seed}")
    draw = random.Random(seed)

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            writers = Writers(cluster, draw)
            writing = [
                asyncio.create_task(writers.write(number)) for number in range(WRITERS)
            ]
            try:
                await writers.progress(50)
                for number in range(1, KILLS + 1):
                    leader = await cluster.leader()
                    leader.kill()
                    killed = time.monotonic()
                    # The other two alone, before the killed one is there again.
                    await writers.progress(1)
                    served = time.monotonic()
                    await writers.progress(draw.randrange(20, 100))
                    leader.start()
                    started = time.monotonic()
                    await cluster.answers(leader)
                    back = time.monotonic()
                    await writers.progress(draw.randrange(20, 100))
                    print(
                        f"kill {number}: {leader.name}, a write after"
                        f" {served - killed:.2f} s, back {back - started:.2f} s after"
                        " its start"
                    )
            finally:
                for task in writing:
                    task.cancel()
                ends = await asyncio.gather(*writing, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
            revisions = [written.revision for written in writers.acknowledged]
            assert len(set(revisions)) == len(revisions), "one revision, two writes"
            print(f"{len(revisions)} of {writers.attempts} writes acknowledged")
            await check(cluster, writers.acknowledged)

    asyncio.run(story())
