"""Watches through kills and pauses of nodes: each change once and in order."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.sim.history import Action
from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster
from tests.e2e.seeds import seeded_draw
from tests.e2e.watchers import Watchers

pytestmark = pytest.mark.e2e

PAUSE_SECONDS: Final = 1.5


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
            watchers = Watchers(cluster)
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                for number in range(1, troubles + 1):
                    await _trouble(number, cluster, clients, draw)
            changes = await watchers.end()
            assert len(changes) > 20 * troubles, "there was much to tell"
            told = {event.kv.mod_revision for event in changes}
            for _, operation in clients.acknowledged:
                if operation.action is Action.PUT and operation.answer is not None:
                    assert (
                        operation.answer.revision in told
                    ), "what was promised is told"

    asyncio.run(story())
