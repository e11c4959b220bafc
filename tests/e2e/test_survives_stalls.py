"""Disks of real processes that hang: another one leads, or all stays as it is."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e import sick_node
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.processes import Stopwatch
from tests.e2e.test_leases import Leases
from tests.e2e.test_survives_disks import log_lines
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

T = 1.5
"""The greatest election timeout, in seconds: long, for the machine may be busy."""
FLAGS = [
    "--heartbeat-interval=100",
    "--election-timeout=1000",
    "--election-timeout-max=1500",
]


def sick_cluster(folder: Path) -> tuple[Cluster, dict[str, Path]]:
    """Return a cluster, and for each node the file that makes its disk sick."""
    cluster = Cluster(folder, flags=FLAGS)
    orders = {node.name: folder / f"{node.name} is sick" for node in cluster.nodes}
    for node in cluster.nodes:
        node.program = sick_node.program(orders[node.name])
    return cluster, orders


async def write(cluster: Cluster, node: NodeProcess, value: bytes) -> None:
    """Write through a node until that is acknowledged, for a bounded time."""

    async def look() -> bool:
        return await cluster.put(node, b"key", value) is not None

    await until(look, f"{node.name} writes", READY_SECONDS)


def test_a_leader_whose_disk_hangs_hands_over_and_no_lease_is_lost(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        cluster, orders = sick_cluster(tmp_path)
        async with cluster:
            old = await cluster.leader()
            await asyncio.gather(*map(cluster.answers, cluster.nodes))
            leases = Leases(cluster)
            await leases.begin()
            others = cluster.others(old)
            for node in cluster.nodes:
                await write(cluster, node, b"before")

            beats = leases.beats
            orders[old.name].touch()
            handover = Stopwatch(*cluster.pids)
            new = old
            while new is old:
                await asyncio.gather(*(write(cluster, n, b"during") for n in others))
                new = await cluster.leader()
            await write(cluster, new, b"with another leader")
            print(f"another one leads and writes after {handover}")
            assert handover.seconds < 3 * T, "within three election timeouts"
            await asyncio.sleep(T)  # Leases that nobody counts would be over by then.
            orders[old.name].unlink()
            await write(cluster, old, b"after")
            await until(
                lambda: _has_beaten(leases, beats), "leases are kept", READY_SECONDS
            )
            await leases.check()
            for beating in leases.keeping:
                beating.cancel()
            assert log_lines(old, "the disk hangs")
            assert len(log_lines(old, "hands leadership over because of its disk")) == 1
            assert len(log_lines(old, "the disk answers again")) == 1

    asyncio.run(story())


async def _has_beaten(leases: Leases, beats: int) -> bool:
    """Tell whether leases were kept alive since."""
    return leases.beats >= beats + 3 * len(leases.keeping)


@pytest.mark.long
def test_with_all_disks_slow_leadership_does_not_wander(tmp_path: Path) -> None:
    async def story() -> None:
        cluster, orders = sick_cluster(tmp_path)
        async with cluster:
            leader = await cluster.leader()
            await asyncio.gather(*map(cluster.answers, cluster.nodes))
            for order in orders.values():
                order.write_text(str(1.3 * T))
            before = await cluster.status(leader)
            assert before is not None
            written = 0
            end = time.monotonic() + 30 * T
            while time.monotonic() < end:
                # Two syncs on the way, each of them slow: patience is needed.
                done = await cluster.put(cluster.nodes[written % 3], b"k", b"v", 30.0)
                written += done is not None
            after = await cluster.status(leader)
            assert after is not None
            assert (after.state, after.term) == ("LEADER", before.term)
            assert written >= 5, f"{written} writes: an idle run shows nothing"
            assert not log_lines(leader, "hands leadership over because of its disk")
            print(f"{written} writes in {30 * T} s")

    asyncio.run(story())
