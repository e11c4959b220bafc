"""SIGSTOP of the leader: the rest elects, and waking up it says nothing stale."""

import asyncio
import time
from pathlib import Path

import pytest

from raftwerk.sim import Operation
from raftwerk.sim.history import Action
from tests.e2e.clients import Clients
from tests.e2e.cluster import BACK_SECONDS, Cluster, NodeProcess
from tests.e2e.gateway import Caller, NothingHappened
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 20.0
"""Of those who ask a node that sleeps, and want to hear what it says on waking."""


async def ask_the_sleeper(clients: Clients, node: NodeProcess, number: int) -> None:
    """Read and write through a paused node, as a part of the history."""
    caller = Caller()
    action = (Action.PUT, Action.READ, Action.COMPARE_AND_PUT)[number % 3]
    operation = Operation(
        client=100 + number,
        action=action,
        key=b"key 0",
        value=None if action is Action.READ else f"asleep {number}".encode(),
        started=time.monotonic(),
    )
    try:
        await clients.carry_out(caller, node, operation, PATIENCE_SECONDS)
    except NothingHappened:
        pass
    finally:
        caller.close()


@pytest.mark.parametrize("pauses", [3, pytest.param(20, marks=pytest.mark.long)])
def test_a_leader_that_slept_acknowledges_nothing_stale(
    pauses: int, tmp_path: Path
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for _ in range(pauses):
                    await clients.progress(10 + draw.below(20))
                    old = await cluster.leader()
                    failover = Stopwatch(*cluster.pids)
                    old.pause()
                    asking = [
                        asyncio.create_task(ask_the_sleeper(clients, old, number))
                        for number in range(6)
                    ]
                    await clients.reach(cluster.others(old))
                    said = f"{old.name} paused, all others write after {failover}"
                    assert failover.seconds < BACK_SECONDS, said
                    await clients.progress(5 + draw.below(20))
                    assert await cluster.leader(cluster.others(old)) is not old
                    waking = Stopwatch(*cluster.pids)
                    old.resume()
                    await clients.reach(cluster.nodes)
                    print(f"{said}, itself {waking} after it woke")
                    assert waking.seconds < BACK_SECONDS, said
                    await asyncio.gather(*asking)
            await clients.check()

    asyncio.run(story())
