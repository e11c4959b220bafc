"""Snapshots between real nodes: for one that lags too far, and after all restart."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.sim import Operation
from raftwerk.sim.history import Action
from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster, NodeProcess, kill_at_once
from tests.e2e.commands import assert_refused, run
from tests.e2e.gateway import Caller
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

SNAPSHOT_COUNT = 500

WRITES = 3_000

WRITERS = 16

FLAGS = [f"--snapshot-count={SNAPSHOT_COUNT}"]

CATCH_UP_SECONDS = 20.0


async def fill(clients: Clients, node: NodeProcess, numbers: Iterable[int]) -> None:
    """Write keys of their own through one node, each of them once."""
    caller = Caller()
    try:
        for number in numbers:
            operation = Operation(
                client=1_000,
                action=Action.PUT,
                key=f"filling {number:06d}".encode(),
                value=f"{number}".encode() * 10,
                started=time.monotonic(),
            )
            await clients.carry_out(caller, node, operation, CATCH_UP_SECONDS)
    finally:
        caller.close()


async def all_agree(cluster: Cluster) -> int:
    """Return how many keys each node has, once all have the same ones."""

    async def look() -> int:
        first, *others = [await cluster.store(node) for node in cluster.nodes]
        return len(first[1]) if all(other == first for other in others) else 0

    return await until(look, "all stores are equal", CATCH_UP_SECONDS)


def snapshots(node: NodeProcess) -> list[Path]:
    return sorted(node.data_dir.glob("snap/*.snap"))


def test_a_member_that_lags_too_far_is_sent_a_snapshot(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, flags=FLAGS) as cluster:
            leader = await cluster.leader()
            lagging = cluster.others(leader)[draw.below(2)]
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                lagging.kill()
                assert not snapshots(lagging)
                filling = Stopwatch(*cluster.pids)
                await asyncio.gather(
                    *(
                        fill(clients, leader, range(number, WRITES, WRITERS))
                        for number in range(WRITERS)
                    )
                )
                print(f"{WRITES} writes in {filling}")
                await until(
                    lambda: cluster.log_begins_after(leader, WRITES // 2),
                    "the log was compacted",
                    CATCH_UP_SECONDS,
                )
                catching_up = Stopwatch(*cluster.pids)
                lagging.start()
                await clients.reach([lagging])
                print(f"{lagging.name} is back {catching_up} after its start")
            count = await all_agree(cluster)
            assert count >= WRITES
            assert snapshots(lagging), "it caught up by its log alone"
            await clients.check()

            # What there was after the last snapshot, and before: all comes back.
            kill_at_once(cluster.nodes)
            for node in cluster.nodes:
                node.start()
            for node in cluster.nodes:
                await cluster.answers(node)
            assert await all_agree(cluster) == count
            await clients.check()

            lagging.kill()
            assert_damage_is_refused(lagging, tmp_path, draw)

    asyncio.run(story())


def assert_damage_is_refused(node: NodeProcess, folder: Path, draw: SplitMix64) -> None:
    """Flip a bit of a node's last snapshot, and see that it does not start."""
    path = snapshots(node)[-1]
    damaged = bytearray(path.read_bytes())
    damaged[draw.below(len(damaged))] ^= 1 << draw.below(8)
    path.write_bytes(damaged)
    refused = run("serve", *node.flags, folder=folder)
    assert_refused(refused, f"{path} is damaged at byte ", "`raftwerk member replace`")
