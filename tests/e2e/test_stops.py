"""Asked to stop, a node lets go of all it does; restarted in turn, nobody notices."""

import asyncio
import signal
from functools import partial
from pathlib import Path

import httpx
import pytest

from raftwerk.storage.disk import RealDisk
from raftwerk.storage.record import RecordKind
from raftwerk.storage.recovery import recover
from tests.e2e.clients import Clients
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

GAP_SECONDS = 0.5
"""The longest time without a write that a restart may cost."""

STOP_SECONDS = 2.0
"""How long a node that has nothing to do may take to stop."""

ASKING = [signal.SIGTERM, signal.SIGINT]


async def ended(node: NodeProcess) -> int:
    """Return a node's exit code while others are served."""
    return await asyncio.to_thread(node.wait)


def is_marked_clean(node: NodeProcess) -> bool:
    """Tell whether a node's log ends with the mark that all of it is durable."""
    found = recover(RealDisk(), str(node.data_dir))
    last = found.last.found.records[-1]
    return found.torn is None and last.kind is RecordKind.MARK


@pytest.mark.parametrize("asking", ASKING)
def test_a_leader_that_is_asked_to_stop_leaves_in_order(
    asking: signal.Signals, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            leader = await cluster.leader()
            heirs = cluster.others(leader)
            revision = await cluster.put(leader, b"key", b"value")
            before = await cluster.status(leader)
            stopping = Stopwatch(*cluster.pids)
            leader.send(asking)
            assert await ended(leader) == 0
            assert stopping.seconds < STOP_SECONDS
            # It has been handed over: nobody had to miss the leader first.
            after = await cluster.status(await cluster.leader(heirs))
            assert before is not None and after is not None
            assert after.term == before.term + 1
            assert is_marked_clean(leader)
            leader.start()
            assert await cluster.get(leader, b"key") == (b"value", revision)

    asyncio.run(story())


@pytest.mark.parametrize("rounds", [1, pytest.param(15, marks=pytest.mark.long)])
def test_all_that_are_asked_at_once_leave_in_order(rounds: int, tmp_path: Path) -> None:
    """Each hands leadership to another that stops too: some lead as they do so."""

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            for _ in range(rounds):
                await cluster.leader()
                for node in cluster.nodes:
                    await cluster.answers(node)
                for node in cluster.nodes:
                    node.send(signal.SIGTERM)
                codes = await asyncio.gather(*map(ended, cluster.nodes))
                assert codes == [0, 0, 0]
                assert all(map(is_marked_clean, cluster.nodes))
                for node in cluster.nodes:
                    node.start()

    asyncio.run(story())


def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            node = await cluster.leader()
            others = cluster.others(node)
            async with httpx.AsyncClient(base_url=str(node.client)) as client:
                assert (await client.get("/readyz")).status_code == 200
                for other in others:
                    other.pause()
                asking = asyncio.create_task(cluster.put(node, b"key", b"value"))
                await until(
                    partial(cluster.waits_for_a_quorum, node),
                    "the write is under way",
                    READY_SECONDS,
                )
                node.send(signal.SIGTERM)
                await until(node.is_stopping, "it says that it stops", READY_SECONDS)
                answer = await client.get("/readyz")
                assert (answer.status_code, answer.text) == (
                    503,
                    "not ready: stopping\n",
                )
                assert answer.headers["connection"] == "close"
                assert not asking.done()
            for other in others:
                other.resume()
            revision = await asking
            assert revision is not None
            assert await ended(node) == 0
            assert is_marked_clean(node)
            assert await cluster.get(others[0], b"key") == (b"value", revision)

    asyncio.run(story())


@pytest.mark.parametrize("asking", ASKING)
def test_asked_twice_it_ends_at_once(asking: signal.Signals, tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            node = await cluster.leader()
            for other in cluster.others(node):
                other.pause()
            # It would wait for this to be answered.
            writing = asyncio.create_task(cluster.put(node, b"key", b"value"))
            await until(
                partial(cluster.waits_for_a_quorum, node),
                "the write is under way",
                READY_SECONDS,
            )
            node.send(asking)
            await until(node.is_stopping, "it says that it stops", READY_SECONDS)
            twice = Stopwatch(node.pid)
            node.send(asking)
            assert await ended(node) == -asking
            assert twice.seconds < 0.5
            assert await writing is None

    asyncio.run(story())


@pytest.mark.parametrize("rounds", [1, pytest.param(15, marks=pytest.mark.long)])
def test_a_rolling_restart_fails_no_write_and_leaves_no_gap(
    rounds: int, tmp_path: Path
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw, count=12, call_seconds=10.0) as clients:
                for node in cluster.nodes * rounds:
                    await clients.progress(5 + draw.below(10), through=cluster.nodes)
                    leader = await cluster.leader()
                    restart = Stopwatch(*cluster.pids)
                    node.send(signal.SIGTERM)
                    assert await ended(node) == 0
                    stopped = restart.passed_seconds
                    node.start()
                    await clients.reach([node])
                    gap = clients.longest_gap(restart.began)
                    said = (
                        f"{node.name}{' (leads)' if node is leader else ''} ended after"
                        f" {stopped:.2f} s, is back after {restart}; the longest time"
                        f" without a write was {gap:.3f} s"
                    )
                    print(said)
                    assert gap < GAP_SECONDS + restart.withheld_seconds, said
            await clients.check()
            # Who was told that nothing had happened tried again, elsewhere; and nobody
            # was left to wonder.
            assert not [kind for kind in clients.outcomes if "unknown" in kind]

    asyncio.run(story())
