"""Members come, go, and come back without their data; by the commands, under load."""

import asyncio
import json
import shutil
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.config import Url
from raftwerk.sim import Operation
from raftwerk.sim.history import Action
from tests.e2e.clients import Clients
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess, kill_at_once
from tests.e2e.commands import assert_refused, run
from tests.e2e.gateway import Caller, NothingHappened
from tests.e2e.ports import free_ports
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

NO_QUORUM_SECONDS = 1.5
"""Several election timeouts: whoever could lead would, by then."""


class Operator:
    """Whoever types the commands, against all nodes of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def ask(self, *words: str) -> Any:
        """Return what a command says in JSON; it must succeed."""
        done = await asyncio.to_thread(
            run,
            *words,
            self._cluster.endpoints,
            "--output=json",
            folder=self._cluster.folder,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        assert done.stderr == ""
        return json.loads(done.stdout)

    async def member(self, name: str) -> dict[str, Any] | None:
        """Return a member by its name."""
        members = (await self.ask("member", "list"))["members"]
        found = [member for member in members if member["name"] == name]
        assert len(found) <= 1
        return found[0] if found else None

    async def votes(self, name: str) -> None:
        """Return once a member has a vote."""

        async def look() -> bool:
            member = await self.member(name)
            return member is not None and not member["is_learner"]

        await until(look, f"{name} votes", READY_SECONDS)


async def says(node: NodeProcess, event: str) -> str:
    """Return a reason that a node gives on its log, once it does."""

    async def look() -> str:
        lines = node.log.read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        found = [line["reason"] for line in told if line["event"] == event]
        return found[0] if found else ""

    return await until(look, f"{node.name} says {event}", READY_SECONDS)


async def acknowledged(clients: Clients, node: NodeProcess) -> bool:
    """Tell whether a write through a node is acknowledged in a while."""
    write = Operation(
        client=1_000,
        action=Action.PUT,
        key=b"key 0",
        value=b"by a minority",
        started=time.monotonic(),
    )
    with closing(Caller()) as caller:
        try:
            done = await clients.carry_out(caller, node, write, NO_QUORUM_SECONDS)
        except NothingHappened:
            return False
    return done.answer is not None


def test_a_node_without_its_data_does_nothing_until_it_is_replaced(
    tmp_path: Path,
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            operator = Operator(cluster)
            lost = cluster.nodes[draw.below(3)]
            others = cluster.others(lost)
            async with Clients(cluster, draw) as clients:
                await clients.progress(10)
                before = await operator.member(lost.name)
                assert before is not None
                lost.kill()
                shutil.rmtree(lost.data_dir)
                lost.start()
                words = await says(lost, "waiting to be replaced")
                assert f"`raftwerk member replace {before['id']}`" in words
                await clients.progress(10, others)

                # With one of the others gone, too, two processes of three run. The
                # one without data is none of a quorum.
                gone, left = others
                gone.kill()
                assert await cluster.status(lost) is None
                assert not await acknowledged(clients, left), "the lost one voted"
                gone.start()
                await clients.progress(10, others)

                new = (await operator.ask("member", "replace", lost.name))["member"]
                assert new["id"] != before["id"]
                await operator.votes(lost.name)
                await clients.progress(10, cluster.nodes)

                # And now it is one of a quorum again.
                gone.kill()
                await clients.progress(10, [left, lost])
                gone.start()
                await clients.progress(10, cluster.nodes)
                members = (await operator.ask("member", "list"))["members"]
                assert before["id"] not in [member["id"] for member in members]
            await clients.check()

    asyncio.run(story())


@pytest.mark.long  # and on virtual time in tests/runtime/test_evidence.py, each time
def test_one_that_could_ask_nobody_is_refused_by_all_who_remember(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            for node in cluster.nodes:
                await cluster.answers(node)
            assert await cluster.put(cluster.nodes[0], b"k", b"v") is not None
            lost, *others = cluster.nodes
            await until(lambda: knows_all(cluster, others), "all know", READY_SECONDS)
            kill_at_once(cluster.nodes)
            shutil.rmtree(lost.data_dir)
            # It starts first, hears nothing, and takes this for its first start.
            lost.start()
            await until(lambda: answers(cluster, lost), "it runs", READY_SECONDS)
            others[0].start()
            words = await says(lost, "connection refused")
            assert "has lost its data directory" in words
            assert "`raftwerk member replace" in words
            # The two of them are a majority by number, and none by what they know.
            write = await cluster.put(others[0], b"k", b"w", NO_QUORUM_SECONDS)
            assert write is None
            others[1].start()
            assert await cluster.leader(others) in others
            value = await cluster.get(others[1], b"k")
            assert value is not None

    asyncio.run(story())


async def knows_all(cluster: Cluster, nodes: list[NodeProcess]) -> bool:
    """Tell whether each of these nodes knows that all have started."""
    for node in nodes:
        answer = await cluster.http.post(f"{node.client}/v3/cluster/member/list")
        if any("clientURLs" not in member for member in answer.json()["members"]):
            return False
    return True


async def answers(cluster: Cluster, node: NodeProcess) -> bool:
    """Tell whether a node answers at all."""
    return await cluster.status(node) is not None


async def ends_as_removed(node: NodeProcess, node_id: str) -> None:
    """Wait for the end of a node that was removed, and look at its last words."""
    assert await asyncio.to_thread(node.wait) == ExitCode.REMOVED
    last = node.log.read_text().splitlines()[-1]
    assert last.startswith(f"raftwerk: member {node_id} was removed from this cluster")
    assert "raftwerk member add" in last


def test_a_member_joins_votes_leads_goes_and_its_name_is_free_again(
    tmp_path: Path,
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            operator = Operator(cluster)
            async with Clients(cluster, draw) as clients:
                await clients.progress(10)
                peer = Url("127.0.0.1", free_ports(1)[0])
                ids = set()
                for _ in range(2):
                    add = ["member", "add", "n4", f"--peer-urls={peer}", "--learner"]
                    new = (await operator.ask(*add))["member"]
                    assert new["is_learner"]
                    ids.add(new["id"])
                    node = cluster.newcomer("n4", peer)
                    node.start()
                    await cluster.answers(node)
                    await clients.progress(10, [node])
                    await operator.ask("member", "promote", "n4")
                    moved = await operator.ask("move-leader", "n4")
                    assert moved["leader"] == new["id"]
                    await clients.progress(10, cluster.nodes)
                    # It leads, and is removed nevertheless.
                    cluster.nodes.remove(node)
                    await operator.ask("member", "remove", "n4")
                    await clients.progress(10, cluster.nodes)
                    await ends_as_removed(node, new["id"])
                    node.start()  # as whoever looks after processes would
                    await ends_as_removed(node, new["id"])
                    shutil.rmtree(node.data_dir)
                assert len(ids) == 2, "an id was used again"
                assert await operator.member("n4") is None
            await clients.check()

    asyncio.run(story())


def test_who_was_not_added_is_told_how_to_be(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            stranger = cluster.newcomer("n4")
            refused = await asyncio.to_thread(
                run, "serve", *stranger.flags, folder=tmp_path
            )
            assert_refused(
                refused, "no member was added with the peer URL", "`raftwerk member add"
            )

    asyncio.run(story())


def test_leadership_moves_without_a_failed_write(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            operator = Operator(cluster)
            async with Clients(cluster, draw) as clients:
                for node in list(cluster.nodes):
                    await operator.ask("move-leader", node.name)
                    assert await cluster.leader() is node
                    await clients.progress(20)
            assert not [end for end in clients.outcomes if "unknown" in end]
            await clients.check()

    asyncio.run(story())


def has_ipv6() -> bool:
    """Tell whether this machine has a loopback address of that kind."""
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
def test_addresses_may_be_of_version_6_and_peers_have_several(tmp_path: Path) -> None:
    ports = free_ports(9)

    async def story() -> None:
        async with Cluster(tmp_path, size=1) as other:  # its life ends the processes
            nodes = []
            urls = [[f"http://[::1]:{port}" for port in ports[i::3]] for i in range(3)]
            initial = ",".join(f"m{i}={urls[i][1]}" for i in range(3))
            for i, (client, peer, second) in enumerate(urls):
                flags = [
                    f"--name=m{i}",
                    f"--data-dir={tmp_path / f'm{i}'}",
                    f"--listen-client-urls={client}",
                    f"--listen-peer-urls={peer},{second}",
                    f"--initial-advertise-peer-urls={peer}",
                    f"--initial-cluster={initial}",
                ]
                node = NodeProcess(
                    f"m{i}", tmp_path, flags, Url.parse("client", client)
                )
                other.nodes.append(node)
                nodes.append(node)
            try:
                for node in nodes:
                    node.start()
                for node in nodes:
                    await other.answers(node)
                    assert await other.put(node, b"k", b"v") is not None
            finally:
                for node in nodes:
                    node.end()

    asyncio.run(story())
