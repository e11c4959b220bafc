"""Writes with a key while their leader is killed: each is done once, whoever asks."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest

from tests.e2e.cluster import Cluster, NodeProcess
from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.long]

WRITES = 60

PATIENCE_SECONDS = 30.0

PATIENT = ["--heartbeat-interval=400", "--election-timeout=4000"]
"""A leader does not step down while those sleep who would confirm it."""


async def write(
    cluster: Cluster, node: NodeProcess, number: int
) -> httpx.Response | None:
    """Put a key of its own; None if that was not answered with a success."""
    encoded = base64.b64encode(b"key %d" % number).decode()
    try:
        answer = await cluster.http.post(
            f"{node.client}/v3/kv/put",
            json={"key": encoded, "value": encoded, "prev_kv": True},
            headers={"Idempotency-Key": f"request-{number}"},
            timeout=10.0,
        )
    except httpx.TransportError:
        return None
    return answer if answer.status_code == httpx.codes.OK else None


async def write_again(
    cluster: Cluster, node: NodeProcess, number: int, told: str = ""
) -> str:
    """Send a write again, until it is answered; return its revision."""
    answer = await until(
        lambda: write(cluster, node, number),
        "the same request is answered elsewhere",
        PATIENCE_SECONDS,
    )
    assert answer is not None
    result = answer.json()
    assert "prev_kv" not in result, "nobody had put it before"
    revision: str = result["header"]["revision"]
    if told:
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert revision == told
    return revision


async def kill_and_ask_again(folder: Path) -> None:
    """Kill a leader in the middle of many writes, and send all of them again."""
    async with Cluster(folder, flags=PATIENT) as cluster:
        leader = await cluster.leader()
        for node in cluster.nodes:
            await cluster.answers(node)
        others = cluster.others(leader)
        for node in others:
            node.pause()
        sent = [
            asyncio.ensure_future(write(cluster, leader, number))
            for number in range(WRITES)
        ]
        # They have left for those who sleep, who find them when they wake.
        await until(
            lambda: cluster.waits_for_a_quorum(leader), "they are proposed", 10.0
        )
        leader.kill()
        for node in others:
            node.resume()
        first = await asyncio.gather(*sent)
        assert first == [None] * WRITES, "nobody was answered"
        told = await asyncio.gather(
            *[
                write_again(cluster, others[number % 2], number)
                for number in range(WRITES)
            ]
        )
        # It comes back with its disk alone, and knows what was answered.
        leader.start()
        await cluster.answers(leader)
        for number in (0, WRITES - 1):
            await write_again(cluster, leader, number, told[number])
        everything = {"key": b"\0", "range_end": b"\0"}
        found = await cluster.call(others[0], "range", everything)
        assert found is not None
        assert len(found["kvs"]) == WRITES
        assert {kv["version"] for kv in found["kvs"]} == {"1"}


def test_a_leader_that_is_killed_before_it_answers_leaves_no_doubt(
    tmp_path: Path,
) -> None:
    asyncio.run(kill_and_ask_again(tmp_path))
