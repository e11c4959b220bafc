"""``raftwerk explain`` on members that are alone, slow, or not understood."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.transport.handshake import VERSION_MAX
from tests.discovery.dns_server import DnsServer
from tests.e2e import odd_node, other_build
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.commands import run
from tests.e2e.named import NamedCluster
from tests.e2e.test_explain import explained, printed
from tests.e2e.test_survives_disks import newest_segment
from tests.e2e.test_survives_stalls import FLAGS as PATIENT
from tests.e2e.test_survives_stalls import sick_cluster, write
from tests.e2e.waiting import until

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


async def write_all(cluster: Cluster, node: NodeProcess) -> None:
    """Write each of a few keys once."""
    keys = [b"%d" % key for key in range(32)]
    value = odd_node.SOUND
    await asyncio.gather(*(cluster.put(node, key, value, seconds=60) for key in keys))


@asynccontextmanager
async def written_all_along(cluster: Cluster, node: NodeProcess) -> AsyncIterator[None]:
    """Have keys written meanwhile, so that members compare what came of them."""

    async def go_on() -> None:
        while True:
            await write_all(cluster, node)

    writing = asyncio.create_task(go_on())
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


@pytest.mark.long
def test_a_member_whose_state_is_damaged_is_named_until_it_is_sound(
    tmp_path: Path,
) -> None:
    """It applies what it should not, as with faulty memory: nothing on a disk tells."""

    async def story() -> None:
        async with Cluster(tmp_path, flags=PATIENT) as cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            odd = cluster.others(leader)[0]
            odd.kill()
            order = tmp_path / "order"
            order.touch()
            odd.program = odd_node.program(order)
            odd.start()
            await cluster.answers(odd)
            words = f"The state of {odd.name} differs from that of a majority"
            async with written_all_along(cluster, leader):
                said = await explained(cluster, leader, words)
                assert "answers no reads and does not lead" in said
                assert "look for faulty memory" in said
                assert said.count("differs") == 1, said
                order.unlink()
                await explained(cluster, leader, "healthy: ")
            await write_all(cluster, leader)

            async def is_sound() -> bool:
                stores = [await cluster.store(node) for node in (leader, odd)]
                return stores[0] == stores[1]

            await until(is_sound, f"{odd.name} has the same state", READY_SECONDS)

    asyncio.run(story())


@pytest.mark.long
def test_a_member_whose_data_is_damaged_is_missing_and_says_why_itself(
    tmp_path: Path,
) -> None:
    """What nobody but its own machine can know, `explain` says where to read."""

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            leader = await cluster.leader()
            await explained(cluster, leader, "healthy: ")
            ill = cluster.others(leader)[0]
            ill.kill()
            path = newest_segment(ill)
            damaged = bytearray(path.read_bytes())
            damaged[20] ^= 1
            path.write_bytes(damaged)
            ill.start()
            assert await asyncio.to_thread(ill.wait) == ExitCode.REFUSED
            assert f"{path} is damaged at byte " in ill.last_lines()
            said = await explained(
                cluster,
                leader,
                f"{ill.name} ({ill.client}) is missing since",
                "the last line of its log says why",
                "raftwerk inspect DIR",
                f"if that is damaged or lost, raftwerk member replace {ill.name}",
            )
            assert said.count("missing") == 1, said
            told = await asyncio.to_thread(
                run, "inspect", str(ill.data_dir), folder=tmp_path
            )
            assert told.returncode == ExitCode.FAILED, told
            assert "damaged at byte " in told.stdout

    asyncio.run(story())
