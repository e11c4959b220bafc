"""``raftwerk explain`` on members that are alone, slow, or not understood."""

import asyncio
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.transport.handshake import VERSION_MAX
from tests.discovery.dns_server import DnsServer
from tests.e2e import other_build
from tests.e2e.cluster import Cluster
from tests.e2e.commands import run
from tests.e2e.named import NamedCluster
from tests.e2e.test_explain import explained, printed
from tests.e2e.test_survives_stalls import FLAGS as PATIENT
from tests.e2e.test_survives_stalls import sick_cluster, write

pytestmark = pytest.mark.e2e

NEWER = VERSION_MAX + 1


@pytest.mark.long
@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_a_member_that_speaks_another_version_is_told_from_one_cut_off(
    transport: str, tmp_path: Path
) -> None:
    async def story() -> None:
        flags = [f"--transport={transport}", *PATIENT]
        async with Cluster(tmp_path, flags=flags) as cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            odd, other = cluster.others(leader)
            odd.kill()
            odd.program = other_build.program(NEWER, NEWER, READABLE_VERSION)
            odd.start()
            said = await explained(
                cluster,
                leader,
                "Members cannot talk to each other",
                f"{odd.name}: {NEWER} to {NEWER}",
                f"or run on {odd.name} what ran there before",
                "Writes go on through ",
            )
            assert f"Upgrade {' and '.join(sorted((leader.name, other.name)))}," in said
            for word in ("network", "elections", "in the course of an upgrade"):
                assert word not in said.lower(), said
            # It may not know yet how clients reach the others; then it says what they
            # told it when they refused it.
            said = await explained(cluster, odd, f" {NEWER} to {NEWER}")
            assert "in the course of an upgrade" not in said, said

    asyncio.run(story())


@pytest.mark.long
def test_members_of_three_tongues_are_not_told_to_wait_longer(tmp_path: Path) -> None:
    """Nobody is left who could lead, and not for want of time."""

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            odd, other = cluster.others(leader)
            odd.kill()
            odd.program = other_build.program(NEWER, NEWER, READABLE_VERSION)
            odd.start()
            other.kill()
            other.program = other_build.program(0, 0, READABLE_VERSION)
            other.start()
            said = await explained(
                cluster,
                leader,
                f"{odd.name}: {NEWER} to {NEWER}",
                f"{other.name}: 0 to 0",
                "nobody has a way to a majority",
            )
            assert "Elections" not in said and "Nobody leads" not in said, said
            for node in (odd, other):
                node.kill()
                node.program = leader.program
                node.start()
            await explained(cluster, leader, "healthy: ")

    asyncio.run(story())


def test_one_of_an_initial_cluster_waits_for_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        cluster = Cluster(tmp_path)
        alone, *others = cluster.nodes
        cluster.nodes = [alone]
        async with cluster:
            said = await explained(
                cluster,
                alone,
                "No quorum: of 3 voters only 1 can be seen (n1), and 2 are needed",
                "has never taken part yet since",
                "If this is a first start, start 1 of these",
            )
            assert "again with their data" not in said, said
            assert "member remove" not in said, "nobody could do that"
            for node in others:
                (flag,) = [flag for flag in node.flags if "advertise-peer" in flag]
                assert f"({flag.partition('=')[2]})" in said, said

    asyncio.run(story())


def test_one_behind_a_name_waits_for_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        with DnsServer() as dns:
            async with NamedCluster(tmp_path, dns, 1) as cluster:
                (alone,) = cluster.nodes
                words = "r1 has not found its cluster yet: 1 of 3 replicas are there"
                said = await explained(cluster, alone, words)
                assert "start the others, and have the name list them" in said
                assert await printed(cluster, ExitCode.FAILED) == said

    asyncio.run(story())


def test_a_member_whose_disk_is_slow_is_named_and_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        cluster, orders = sick_cluster(tmp_path)
        async with cluster:
            leader = await cluster.leader()
            sick = cluster.others(leader)[0]
            orders[sick.name].write_text("0.8")
            await write(cluster, leader, b"value")
            said = await explained(cluster, leader, f"The disk of {sick.name} took")
            assert "where elections begin after 1000 ms" in said
            assert said.count("The disk of") == 1, said

    asyncio.run(story())


@pytest.mark.long
def test_a_member_that_lags_is_named_with_how_much_it_lacks(tmp_path: Path) -> None:
    """It takes what it is sent, and its disk is so slow that it confirms nothing."""

    async def story() -> None:
        cluster, orders = sick_cluster(tmp_path)
        async with cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            sick = cluster.others(leader)[0]
            orders[sick.name].touch()
            asked = f"--endpoints={leader.client}"
            amount = ("-c", "64", "--duration=8s", "--warm-up=0s", "--keep")
            done = await asyncio.to_thread(
                run, "bench", asked, *amount, folder=tmp_path
            )
            assert done.returncode == 0, done
            said = await explained(
                cluster, leader, f"{sick.name} ({sick.client}) lags", "The disk of"
            )
            assert f"entries behind {leader.name}" in said
            assert said.count(" lags ") == 1, said
            orders[sick.name].unlink()
            await explained(cluster, leader, "healthy: ")

    asyncio.run(story())
