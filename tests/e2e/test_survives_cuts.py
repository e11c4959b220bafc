"""Cuts between peers, in both directions or in one, and lines that are slow."""

import asyncio
from pathlib import Path

import pytest

from raftwerk.host.draw import SplitMix64
from tests.e2e.clients import Clients
from tests.e2e.cluster import BACK_SECONDS, Cluster, NodeProcess
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

WAYS = {
    "neither hears nor is heard": {"hears": False, "is_heard": False},
    "is heard and does not hear": {"hears": False, "is_heard": True},
    "hears and is not heard": {"hears": True, "is_heard": False},
}


async def cut_off(
    cluster: Cluster, clients: Clients, node: NodeProcess, way: str, draw: SplitMix64
) -> None:
    """Cut a node off, let the rest work, and heal."""
    failover = Stopwatch(*cluster.pids)
    cluster.relay.cut_off(node.name, **WAYS[way])
    await clients.reach(cluster.others(node))
    said = f"{node.name} {way}: all others write after {failover}"
    assert failover.seconds < BACK_SECONDS, said
    # Below and above two seconds, when peers take a silent connection for dead: each
    # call of the node that is cut off holds a client up.
    await clients.progress(5 + draw.below(20))
    healing = Stopwatch(*cluster.pids)
    cluster.relay.heal()
    await clients.reach(cluster.nodes)
    said += f", itself {healing} after the heal"
    print(said)
    assert healing.seconds < BACK_SECONDS, said


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_lost_when_the_leader_is_cut_off(way: str, tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, is_relayed=True) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for _ in range(2):
                    await clients.progress(10 + draw.below(20))
                    await cut_off(cluster, clients, await cluster.leader(), way, draw)
            await clients.check()

    asyncio.run(story())


@pytest.mark.long
def test_nothing_is_lost_in_many_cuts_at_random(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, is_relayed=True) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for _ in range(40):
                    await clients.progress(10 + draw.below(20))
                    node = cluster.nodes[draw.below(len(cluster.nodes))]
                    way = list(WAYS)[draw.below(len(WAYS))]
                    await cut_off(cluster, clients, node, way, draw)
            await clients.check()

    asyncio.run(story())


def test_slow_lines_cost_time_and_no_leader(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, is_relayed=True) as cluster:
            leader = await cluster.leader()
            async with Clients(cluster, draw) as clients:
                await clients.progress(10)
                # Far below the election timeout, far above what loopback takes.
                cluster.relay.slow_down(0.02)
                await clients.progress(10, through=cluster.nodes)
                cluster.relay.slow_down(0.0)
                await clients.progress(10, through=cluster.nodes)
            await clients.check()
            assert await cluster.leader() is leader

    asyncio.run(story())
