"""Replicas that know nothing but a name find each other, and stay together."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from raftwerk.discovery.bootstrap import Candidate, Proposal, Record, encode_record
from raftwerk.host.draw import SplitMix64
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.kept_file import KeptFile
from raftwerk.types import NodeId
from tests.discovery.dns_server import DnsServer
from tests.e2e.cluster import READY_SECONDS, NodeProcess
from tests.e2e.commands import run
from tests.e2e.named import NAME, NamedCluster, addresses
from tests.e2e.processes import Stopwatch
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(name="dns")
def _dns() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


async def until_written(cluster: NamedCluster, key: bytes = b"key") -> None:
    """Return once any node has acknowledged a write."""

    async def look() -> bool:
        for node in cluster.nodes:
            node.check_not_failed()
            if await cluster.put(node, key, b"value", seconds=1.0) is not None:
                return True
        return False

    await until(look, "a write is acknowledged", READY_SECONDS)


async def until_listed(
    cluster: NamedCluster, node: NodeProcess, learners: dict[str, bool]
) -> None:
    """Return once a node lists these members, each as learner or as voter."""

    async def look() -> bool:
        members = await cluster.members(node)
        return {
            name: bool(member.get("isLearner")) for name, member in members.items()
        } == learners

    await until(look, f"the members are {learners}", READY_SECONDS)


def says(node: NodeProcess, words: str) -> bool:
    """Tell whether a node's log has some words."""
    return words in node.log.read_text()


async def until_said(node: NodeProcess, words: str) -> None:
    """Return once a node has said something."""

    async def look() -> bool:
        node.check_not_failed()
        return node.log.exists() and says(node, words)

    await until(look, f"{node.name} says {words!r}", READY_SECONDS)


def test_three_replicas_behind_a_name_write_within_three_seconds(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns)
        async with cluster:
            watch = Stopwatch(*cluster.pids)
            await until_written(cluster)
            assert watch.seconds < 3.0, str(watch)
            voters = {"r1": False, "r2": False, "r3": False}
            await until_listed(cluster, cluster.nodes[0], voters)
            assert all(says(node, '"way": "dns"') for node in cluster.nodes)

    asyncio.run(story())


def test_a_replica_that_is_added_to_the_name_joins_and_stays_a_learner(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        async with NamedCluster(tmp_path, dns) as cluster:
            await until_written(cluster)
            fourth = cluster.replica("r4", addresses(1, first=4)[0])
            cluster.nodes.append(fourth)
            cluster.list_all()
            fourth.start()
            expected = {"r1": False, "r2": False, "r3": False, "r4": True}
            await until_listed(cluster, cluster.nodes[0], expected)
            await cluster.answers(fourth)
            assert says(fourth, "joining a cluster")

    asyncio.run(story())


@pytest.mark.long
def test_more_replicas_than_expected_found_nothing_and_say_why(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        async with NamedCluster(tmp_path, dns, 2, replicas=1) as cluster:
            for node in cluster.nodes:
                await until_said(node, "2 replicas are listed and 1 (NUM_REPLICAS)")
            # The operator takes one back.
            cluster.nodes.pop().end()
            del cluster.hosts["r2"]
            cluster.list_all()
            await until_written(cluster)

    asyncio.run(story())


@pytest.mark.long
def test_replicas_that_were_told_different_numbers_found_nothing(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns, 1)
        cluster.replicas = 2
        cluster.nodes.append(cluster.replica("r2", addresses(1, first=2)[0]))
        cluster.list_all()
        async with cluster:
            for node in cluster.nodes:
                await until_said(node, "not all were told the same")

    asyncio.run(story())


def test_replicas_that_come_back_at_other_addresses_are_the_same_members(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        async with NamedCluster(tmp_path, dns) as cluster:
            await until_written(cluster, b"before")
            voters = {"r1": False, "r2": False, "r3": False}
            await until_listed(cluster, cluster.nodes[0], voters)
            before = await cluster.members(cluster.nodes[0])
            for node in cluster.nodes:
                node.kill()
            moved = [
                cluster.replica(node.name, host)
                for node, host in zip(
                    cluster.nodes, addresses(3, first=101), strict=True
                )
            ]
            cluster.nodes[:] = moved
            cluster.list_all()
            for node in moved:
                node.start()
            await until_written(cluster, b"after")
            for node in moved:
                await cluster.answers(node)
                assert await cluster.get(node, b"before") is not None

            async def is_known() -> bool:
                members = await cluster.members(moved[0])
                return all(
                    member.get("peerURLs")
                    == [f"http://{cluster.hosts[name]}:{cluster.peer_port}"]
                    and member["ID"] == before[name]["ID"]
                    for name, member in members.items()
                )

            await until(is_known, "the log has the new addresses", READY_SECONDS)

    asyncio.run(story())


def test_nodes_join_a_cluster_of_one_through_it_and_vote(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns, 0)
        first, second, third = addresses(3)
        seed = cluster.replica("r1", first, "--num-replicas=3")
        through = f"--join=http://{first}:{cluster.peer_port}"
        cluster.nodes.append(seed)
        async with cluster:
            await until_written(cluster)
            assert says(seed, "a cluster of one")
            for name, host in (("r2", second), ("r3", third)):
                node = cluster.replica(name, host, through)
                cluster.nodes.append(node)
                node.start()
            voters = {"r1": False, "r2": False, "r3": False}
            await until_listed(cluster, seed, voters)
            assert not dns.asked

    asyncio.run(story())


@pytest.mark.long
def test_replicas_are_found_by_service_records(dns: DnsServer, tmp_path: Path) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns, 0)
        flags = (
            "--discovery-srv=example.test",
            "--num-replicas=2",
            f"--dns-servers={dns.address}",
        )
        for number, host in enumerate(addresses(2), start=1):
            cluster.nodes.append(cluster.replica(f"r{number}", host, *flags))
            dns.records[(f"r{number}.example.test", "A")] = [host]
        dns.records[("_etcd-server._tcp.example.test", "SRV")] = [
            f"0 0 {cluster.peer_port} r{number}.example.test." for number in (1, 2)
        ]
        async with cluster:
            await until_written(cluster)
            await until_listed(cluster, cluster.nodes[0], {"r1": False, "r2": False})

    asyncio.run(story())


@pytest.mark.long
def test_a_replica_waits_as_long_as_dns_fails(dns: DnsServer, tmp_path: Path) -> None:
    async def story() -> None:
        dns.is_broken = True
        async with NamedCluster(tmp_path, dns, 1, replicas=1) as cluster:
            await until_said(cluster.nodes[0], f"{NAME} can't be looked up")
            dns.is_broken = False
            await until_written(cluster)

    asyncio.run(story())


def proposal_for(cluster: NamedCluster) -> Proposal:
    """Return a proposal of the first node with all of them, who have ids from 1 on."""
    return Proposal(
        app_name=NAME,
        token="raftwerk-cluster",
        attempt=1,
        members=tuple(
            Candidate(
                node_id=NodeId(number),
                name=node.name,
                peer_urls=(f"http://{cluster.hosts[node.name]}:{cluster.peer_port}",),
            )
            for number, node in enumerate(cluster.nodes, start=1)
        ),
    )


def put_record(node: NodeProcess, record: Record) -> None:
    """Have a node begin with a record of an earlier run."""
    KeptFile(RealDisk(), str(node.data_dir), "first-start").save(encode_record(record))


@pytest.mark.long
def test_who_refused_a_cluster_that_started_joins_it_under_a_new_id(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns)
        proposal = proposal_for(cluster)
        promised = Record(node_id=NodeId(1), attempts=1, promise=proposal)
        founder, told, voider = cluster.nodes
        put_record(founder, replace(promised, has_started=True))
        put_record(told, replace(promised, node_id=NodeId(2), attempts=0))
        refused = replace(promised, node_id=NodeId(3), attempts=0)
        put_record(voider, refused.with_void(proposal))
        cluster.nodes.remove(voider)  # else all may hear of the void, and begin anew
        async with cluster:
            await until_written(cluster)
            cluster.nodes.append(voider)
            voider.start()
            await cluster.answers(voider)
            voters = {"r1": False, "r2": False, "r3": False}
            await until_listed(cluster, founder, voters)
            ids = {m["ID"] for m in (await cluster.members(founder)).values()}
            assert {"1", "2"} < ids and "3" not in ids

    asyncio.run(story())


def test_who_started_a_cluster_that_the_others_refused_begins_anew(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = NamedCluster(tmp_path, dns)
        proposal = proposal_for(cluster)
        promised = Record(node_id=NodeId(1), attempts=1, promise=proposal)
        put_record(cluster.nodes[0], replace(promised, has_started=True))
        for number, node in enumerate(cluster.nodes[1:], start=2):
            refused = replace(promised, node_id=NodeId(number), attempts=0)
            put_record(node, refused.with_void(proposal))
        others = [cluster.nodes.pop(), cluster.nodes.pop()]
        async with cluster:
            await until_said(cluster.nodes[0], "is ready")
            for node in others:
                cluster.nodes.append(node)
                node.start()
            await until_written(cluster)
            assert says(cluster.nodes[0], "beginning anew")
            members = await cluster.members(cluster.nodes[0])
            assert {member["ID"] for member in members.values()} == {"1", "2", "3"}

    asyncio.run(story())


@pytest.mark.long
def test_replicas_that_are_killed_while_they_found_a_cluster_found_one(
    dns: DnsServer, tmp_path: Path
) -> None:
    draw = SplitMix64(2026)

    async def story(folder: Path) -> None:
        async with NamedCluster(folder, dns) as cluster:
            for _ in range(6):
                node = cluster.nodes[draw.below(3)]
                # Each comes about as far as a first start takes.
                await until_said(node, "finding the cluster")
                await asyncio.sleep(draw.below(700) / 1000)
                node.kill()
                node.log.unlink()
                node.start()
            await until_written(cluster)
            for node in cluster.nodes:
                await cluster.answers(node)
            seen = [await cluster.members(node) for node in cluster.nodes]
            assert seen[0].keys() == {"r1", "r2", "r3"}
            assert all(
                {member["ID"] for member in members.values()}
                == {member["ID"] for member in seen[0].values()}
                for members in seen
            )

    for number in range(3):
        (tmp_path / str(number)).mkdir()
        asyncio.run(story(tmp_path / str(number)))


@pytest.mark.long
def test_a_replica_that_lost_its_log_waits_to_be_replaced(
    dns: DnsServer, tmp_path: Path
) -> None:
    async def story() -> None:
        async with NamedCluster(tmp_path, dns) as cluster:
            await until_written(cluster)
            voters = {"r1": False, "r2": False, "r3": False}
            await until_listed(cluster, cluster.nodes[0], voters)
            lost = (await cluster.members(cluster.nodes[0]))["r3"]["ID"]
            node = cluster.nodes[2]
            node.kill()
            shutil.rmtree(node.data_dir / "wal")
            node.start()
            await until_said(node, "has lost its log, and begins as a new one")
            words = f"raftwerk member replace {int(str(lost)):x}"
            await until_said(node, words)
            ended = await asyncio.to_thread(
                run,
                *words.split()[1:],
                cluster.endpoints,
                folder=tmp_path,
            )
            assert ended.returncode == 0, ended.stderr
            await cluster.answers(node)
            await until_listed(cluster, cluster.nodes[0], voters)
            assert (await cluster.members(node))["r3"]["ID"] != lost

    asyncio.run(story())
