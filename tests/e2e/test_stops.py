"""Asked to stop, a node lets go of all it does; restarted in turn, nobody notices."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

GAP_SECONDS = 0.5


@pytest.mark.parametrize("rounds", [2, pytest.param(15, marks=pytest.mark.long)])
def test_a_rolling_restart_fails_no_write_and_leaves_no_gap(
    rounds: int, tmp_path: Path
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for node in cluster.nodes * rounds:
                    await clients.progress(10 + draw.below(20), through=cluster.nodes)
                    leader = await cluster.leader()
                    restart = Stopwatch(*cluster.pids)
                    node.send(signal.SIGTERM)
                    assert await asyncio.to_thread(node.wait) == 0
                    stopped = restart.passed_seconds
                    node.start()
                    await clients.progress(1, through=[node])
                    gap = clients.longest_gap(restart.began)
                    print(
                        f"{node.name}{' (leads)' if node is leader else ''} ended after"
                        f" {stopped:.2f} s, is back after {restart}; the longest time"
                        f" without a write was {gap:.3f} s; {dict(clients.outcomes)}"
                    )
            await clients.check()

    asyncio.run(story())
