"""Members that write to each other in JSON over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster import READY_SECONDS, Cluster
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


def letter(status: dict[str, Any], sender: int, term: int) -> dict[str, Any]:
    """Return the letter of a candidate to a node that says this of itself."""
    identity = {"cluster_id": int(status["cluster_id"]), "node_id": sender}
    receiver = int(status["id"])
    hello = {"version_min": 1, "version_max": 1, "receiver": receiver}
    message = {
        "type": "RequestVote",
        "sender": sender,
        "receiver": receiver,
        "term": term,
        "last_log_index": 0,
        "last_log_term": 0,
    }
    return {"hello": hello | {"identity": identity}, "messages": [message]}


def test_a_stranger_changes_no_term_and_a_member_is_answered(tmp_path: Path) -> None:
    """What the guide does by hand: a learner that never starts writes to the leader."""

    async def story() -> None:
        async with Cluster(tmp_path, size=1, flags=["--transport=http"]) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            (peer,) = [flag for flag in node.flags if "listen-peer" in flag]
            route = f"{peer.partition('=')[2]}/api/v1/raft/vote"
            api = f"{node.client}/api/v1"

            before = (await cluster.http.get(f"{api}/raft/")).json()["data"]

            async def write(sender: int, terms_ahead: int) -> httpx.Response:
                sent = letter(before, sender, before["term"] + terms_ahead)
                return await cluster.http.put(route, json=sent)

            for stranger in (42, 2**63):
                refused = await write(stranger, 1000)
                assert refused.status_code == 403, refused.text
                assert "is no member as far as node" in refused.text
            urls = {"peer_urls": ["http://127.0.0.1:1"]}
            added = await cluster.http.post(f"{api}/members", json=urls)
            visitor = int(added.json()["data"]["member"]["id"])

            async def reply() -> Any:  # it may come too late for one letter's answer
                return (await write(visitor, 0)).json()["data"]["messages"]

            (vote,) = await until(reply, "the member votes", READY_SECONDS)
            assert (vote["type"], vote["granted"]) == ("RequestVoteReply", False)
            refused = await write(visitor, 999_999_999)
            assert refused.status_code == 403 and "is absurd" in refused.text
            assert "letter refused" in node.log.read_text()
            after = (await cluster.http.get(f"{api}/raft/")).json()["data"]
            assert after["term"] == before["term"]

    asyncio.run(story())


def test_letters_find_nobody_by_dns_and_this_is_said(tmp_path: Path) -> None:
    ended = run("serve", "--transport=http", "--app-name=node", folder=tmp_path)
    assert_refused(ended, "transport is http", "tcp where members are found by join")
