"""Kill -9 of the leader, a follower, all at once: nothing acknowledged is lost."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.clients import Clients
from tests.e2e.cluster import BACK_SECONDS, Cluster, kill_at_once
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

PATIENT: Final = ("--election-timeout=2000",)
"""For who demands that nobody else stands: a busy machine may hold a node up so long
that with the usual 150 ms another one stands, and rightly."""


@pytest.mark.parametrize("kills", [10, pytest.param(60, marks=pytest.mark.long)])
def test_nothing_is_lost_when_leaders_are_killed(kills: int, tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                for number in range(1, kills + 1):
                    leader = await cluster.leader()
                    failover = Stopwatch(*cluster.pids)
                    leader.kill()
                    # The other two alone, before the killed one is there again.
                    await clients.progress(1)
                    said = f"kill {number}: {leader.name}, a write after {failover}"
                    assert failover.seconds < BACK_SECONDS, said
                    await clients.progress(10 + draw.below(20))
                    leader.start()
                    healing = Stopwatch(*cluster.pids)
                    await clients.reach([leader])
                    said = f"{said}, one through itself {healing} after its start"
                    print(said)
                    assert healing.seconds < BACK_SECONDS, said
                    await clients.progress(10 + draw.below(20))
            await clients.check()

    asyncio.run(story())


def test_nothing_is_lost_when_a_follower_is_killed(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, flags=PATIENT) as cluster:
            leader = await cluster.leader()
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                followers = cluster.others(leader)
                for follower in followers:
                    # The others don't even notice.
                    quiet = Stopwatch(*cluster.pids)
                    follower.kill()
                    await clients.progress(5, through=cluster.others(follower))
                    print(f"{follower.name} killed, five writes each after {quiet}")
                    assert quiet.seconds < BACK_SECONDS
                    follower.start()
                    healing = Stopwatch(*cluster.pids)
                    await clients.reach(cluster.nodes)
                    print(f"started again, a write through each after {healing}")
                    assert healing.seconds < BACK_SECONDS
                    await clients.progress(5, through=cluster.nodes)
            await clients.check()
            assert await cluster.leader() is leader

    asyncio.run(story())


def test_nothing_is_lost_when_all_are_killed_at_once(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for _ in range(2):
                    await clients.progress(30 + draw.below(60))
                    kill_at_once(cluster.nodes)
                    for node in cluster.nodes:
                        node.start()
                    healing = Stopwatch(*cluster.pids)
                    await clients.reach(cluster.nodes)
                    print(f"all started again, a write through each after {healing}")
                    assert healing.seconds < BACK_SECONDS
                    await clients.progress(5, through=cluster.nodes)
            await clients.check()

    asyncio.run(story())
