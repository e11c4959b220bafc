"""Upgrades of real processes, one after the other, while clients work."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.transport.handshake import VERSION_MAX
from tests.e2e import other_build
from tests.e2e.clients import Clients
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until
from tests.runtime.test_golden import CONTENT, VERSIONS

pytestmark = pytest.mark.e2e

OLDER = other_build.program(VERSION_MAX - 1, VERSION_MAX - 1, READABLE_VERSION - 1)

TOO_OLD = other_build.program(0, 0, READABLE_VERSION)

TOO_NEW = other_build.program(VERSION_MAX + 1, VERSION_MAX + 1, READABLE_VERSION)

OURS = ["-m", "raftwerk"]


async def _stop(node: NodeProcess) -> None:
    """Stop a node in order."""
    node.send(signal.SIGTERM)
    assert await asyncio.to_thread(node.wait) == ExitCode.OK


async def _all_answer(cluster: Cluster) -> None:
    """Wait until all take part: who is still starting can't be stopped in order."""
    for node in cluster.nodes:
        await cluster.answers(node)


async def _logs(node: NodeProcess, words: str) -> None:
    """Wait until a node has said something."""

    async def look() -> bool:
        return words in node.log.read_text()

    await until(look, f"{node.name} says: {words}", READY_SECONDS)


@pytest.mark.long
def test_a_rolling_upgrade_under_load_loses_nothing(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        cluster = Cluster(tmp_path)
        for node in cluster.nodes:
            node.program = OLDER
        async with cluster:
            await _all_answer(cluster)
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                for node in cluster.nodes:
                    await _stop(node)
                    await clients.progress(5)
                    node.program = OURS
                    node.start()
                    await clients.reach([node])
                    await clients.progress(20)
            await clients.check()

            # All are new, and agree on that: there is no way back.
            node = cluster.nodes[0]
            for other in cluster.nodes:
                await cluster.agreed_version(other, READABLE_VERSION)
            await _stop(node)
            node.program = OLDER
            node.start()
            assert await asyncio.to_thread(node.wait) == ExitCode.REFUSED
            words = node.log.read_text().splitlines()[-1]
            assert f"needs cluster version {READABLE_VERSION}" in words, words
            assert "start a newer version of raftwerk" in words, words

            # Nothing of it was harmed.
            node.program = OURS
            node.start()
            await cluster.answers(node)

    asyncio.run(story())


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "versions"),
    [
        (TOO_OLD, "0 to 0"),
        (TOO_NEW, f"{VERSION_MAX + 1} to {VERSION_MAX + 1}"),
    ],
    ids=["too old", "too new"],
)
def test_a_node_that_nobody_understands_is_told_so(
    program: list[str], versions: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await _all_answer(cluster)
            node = cluster.nodes[0]
            await _stop(node)
            node.program = program
            node.start()
            await _logs(node, f"speaks versions {versions} of the peer protocol")
            await _logs(node, "upgrade the older one")
            # The others go on, and so does it with the right program.
            leader = await cluster.leader(cluster.others(node))
            assert await cluster.put(leader, b"key", b"value")
            node.kill()
            node.program = OURS
            node.start()
            assert await cluster.get(node, b"key") is not None

    asyncio.run(story())


@pytest.mark.long
@pytest.mark.parametrize("folder", VERSIONS, ids=[path.name for path in VERSIONS])
def test_a_node_starts_on_the_data_of_each_version(
    folder: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        cluster = Cluster(tmp_path, 1)
        (node,) = cluster.nodes
        shutil.copytree(folder, node.data_dir)
        async with cluster:
            await cluster.leader()
            found = await cluster.get_all(node, b"\0", b"\0")
            assert {key: found[key] for key in CONTENT} == CONTENT
            assert await cluster.put(node, b"later", b"value")
            node.kill()
            node.start()
            later = await cluster.get(node, b"later")
            assert later is not None and later[0] == b"value"

    asyncio.run(story())
