"""``raftwerk explain`` on real clusters in real trouble."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.e2e.cluster import Cluster, NodeProcess
from tests.e2e.commands import run
from tests.e2e.test_survives_stalls import FLAGS as PATIENT
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


async def explained(cluster: Cluster, asked: NodeProcess, *parts: str) -> str:
    """Return what a node explains, once it has these words; they may take a while."""
    last = ""

    async def look() -> bool:
        nonlocal last
        try:
            answer = await cluster.http.get(
                f"{asked.client}/api/v1/explain", timeout=10
            )
        except httpx.TransportError:
            return False  # it is not there yet
        said = answer.json()["data"]
        last = "\n".join(each["text"] for each in said["findings"]) or said["summary"]
        assert said["is_healthy"] == last.startswith("healthy: ")
        return all(part in last for part in parts)

    try:
        await until(look, f"explain says {parts}", 30)
    except AssertionError as error:
        raise AssertionError(last) from error
    return last


async def printed(cluster: Cluster, code: int) -> str:
    """Return what the command prints, as one line."""
    ended = await asyncio.to_thread(
        run, "explain", cluster.endpoints, folder=cluster.folder
    )
    assert ended.returncode == code, ended
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())
    return " ".join(ended.stdout.split())


def test_a_cluster_is_healthy_then_misses_one_then_has_no_quorum(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        # On a busy machine another one might lead by the time that it is explained.
        async with Cluster(tmp_path, flags=PATIENT) as cluster:
            leader = await cluster.leader()
            said = await explained(cluster, leader, "healthy: ")
            assert f"{leader.name} leads in term" in said
            assert "all 3 voters answer" in said
            assert await printed(cluster, 0) == said
            first, second = cluster.others(leader)
            first.kill()
            said = await explained(
                cluster, leader, f"{first.name} (", "is missing since", "one more loss"
            )
            assert f"raftwerk member replace {first.name}" in said
            second.kill()
            words = "No quorum: of 3 voters only 1 can be seen"
            said = await explained(cluster, leader, words)
            assert f"({leader.name})" in said and "Start 1 of the missing" in said
            assert words in await printed(cluster, 1)
            first.start()
            second.start()
            await explained(cluster, leader, "healthy: ")

    asyncio.run(story())


def test_members_that_are_cut_apart_are_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, is_relayed=True) as cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            away = cluster.others(leader)[0]
            cluster.relay.cut_off(away.name)
            await explained(
                cluster,
                leader,
                "network between members is cut",
                f"can't reach {away.name}",
                f"{away.name} can't reach {leader.name} since",
            )

    asyncio.run(story())


def test_timeouts_that_do_not_fit_are_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            patient = cluster.nodes[0]
            await cluster.leader()
            patient.kill()
            patient.flags += ["--heartbeat-interval=200", "--election-timeout=600"]
            patient.start()
            await cluster.answers(patient)
            said = await explained(cluster, patient, "Timeouts do not fit")
            assert f"{patient.name} sends a heartbeat each 200 ms" in said

    asyncio.run(story())


def test_elections_that_split_are_told_from_those_that_end(tmp_path: Path) -> None:
    """Two members with the same timeout to the millisecond, over slow lines."""

    async def story() -> None:
        flags = ("--election-timeout=150", "--election-timeout-max=150")
        async with Cluster(tmp_path, size=2, flags=flags, is_relayed=True) as cluster:
            cluster.relay.slow_down(0.1)
            await explained(
                cluster,
                cluster.nodes[0],
                "Elections keep failing",
                "All wait equally long",
            )

    asyncio.run(story())


def test_a_program_gets_the_same_as_json(tmp_path: Path) -> None:
    ended = run("explain", "-o", "json", "--endpoints=127.0.0.1:1", folder=tmp_path)
    assert ended.returncode == 1
    told = json.loads(ended.stdout)
    assert told["is_healthy"] is False
    assert [each["kind"] for each in told["findings"]] == ["nobody-answers"]
    assert told["summary"].startswith("I cannot reach any member")
