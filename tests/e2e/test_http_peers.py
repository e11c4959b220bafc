"""Members that write to each other in JSON over HTTP."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.commands import assert_refused, run
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


def test_a_cluster_elects_and_replicates_by_letters_and_outlives_its_leader(
    tmp_path: Path,
) -> None:
    flags = ("--transport=http", "--peer-secret=s3cret", "--election-timeout=400")

    async def story() -> None:
        async with Cluster(tmp_path, flags=flags) as cluster:
            leader = await cluster.leader()
            for number in range(20):
                key = f"{number}".encode()
                assert await cluster.put(leader, key, key) is not None
            for node in cluster.nodes:
                await cluster.answers(node)
                assert await cluster.get(node, b"19") is not None
            leader.kill()
            others = cluster.others(leader)
            second = await cluster.leader(others)
            assert await cluster.put(second, b"after", b"the kill") is not None
            leader.start()

            async def has_it() -> bool:
                return len((await cluster.store(leader))[1]) == 21

            await cluster.answers(leader)
            await until(has_it, "the old leader has caught up", 20)

    asyncio.run(story())


def test_the_routes_are_closed_on_the_clients_port_and_where_members_speak_tcp(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            for method, route in (
                ("PUT", "vote"),
                ("POST", "log"),
                ("POST", "snapshot"),
            ):
                answer = await cluster.http.request(
                    method, f"{node.client}/api/v1/raft/{route}", json={"term": 99}
                )
                assert answer.status_code == 409
                error = answer.json()["error"]
                assert "RAFTWERK_TRANSPORT=http" in error["message"]
            assert error["term"] < 99

    asyncio.run(story())


def test_letters_find_nobody_by_dns_and_this_is_said(tmp_path: Path) -> None:
    ended = run("serve", "--transport=http", "--app-name=node", folder=tmp_path)
    assert_refused(ended, "transport is http", "tcp where members are found by join")
