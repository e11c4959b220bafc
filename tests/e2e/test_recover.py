"""A cluster of five of which three are gone for good, and what becomes of the rest."""

import asyncio
import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from raftwerk.cli.exit_codes import ExitCode
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess, kill_at_once
from tests.e2e.commands import assert_refused, run
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

WRITES = 40

FLAGS = [
    # Snapshots are taken on the way, so that one of them is in what is kept.
    "--snapshot-count=15",
    # Five processes on a busy machine have other things to do than elections.
    "--heartbeat-interval=200",
    "--election-timeout=2000",
]


def _contents(directory: Path) -> dict[str, str]:
    """Return a checksum of each file, by its path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


async def _write(cluster: Cluster, node: NodeProcess, numbers: range) -> None:
    for number in numbers:
        assert await cluster.put(node, b"k%03d" % number, b"v%d" % number), number


class _Left(NamedTuple):
    """What is left of five: the logs of two, and one that comes back later."""

    best: NodeProcess
    lagging: NodeProcess
    old: NodeProcess

    @property
    def survivors(self) -> list[NodeProcess]:
        return [self.best, self.lagging]

    @property
    def directories(self) -> list[str]:
        # Not in the order of what they have.
        return [str(self.lagging.data_dir), str(self.best.data_dir)]


async def _lose_three(cluster: Cluster) -> _Left:
    """Have writes acknowledged, one survivor behind the other, and three destroyed."""

    async def are_ready() -> bool:
        return all("is ready:" in node.log.read_text() for node in cluster.nodes)

    # Five at once take their time on a machine with other work.
    await until(are_ready, "all have started", 4 * READY_SECONDS)
    leader = await cluster.leader()
    gone, old, best, lagging = cluster.others(leader)
    await _write(cluster, leader, range(WRITES // 2))
    lagging.kill()
    await _write(cluster, leader, range(WRITES // 2, WRITES))

    async def has_all() -> bool:
        _, kvs = await cluster.store(best)
        return len(kvs) == WRITES

    await until(has_all, "the survivor has all writes", READY_SECONDS)
    kill_at_once([leader, gone, old, best])
    for node in (leader, gone):
        shutil.rmtree(node.data_dir)
    return _Left(best, lagging, old)


def _recover(left: _Left, folder: Path) -> None:
    """Recover what is left; look at each step."""
    before = [_contents(node.data_dir) for node in left.survivors]
    told = run("recover", *left.directories, folder=folder)
    assert told.returncode == 0, told
    assert f"most complete   {left.best.data_dir}" in told.stdout
    assert "3 of 5 voters are missing" in told.stdout
    assert "nothing has been changed" in told.stdout
    assert before == [_contents(node.data_dir) for node in left.survivors]

    done = run("recover", *left.directories, "--yes", "-o", "json", folder=folder)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["epoch"] == 1
    for node, files in zip(left.survivors, before, strict=True):
        logs = {name: each for name, each in files.items() if "/" in name}
        assert _contents(node.data_dir / "before-epoch-1") == logs


async def _goes_on(cluster: Cluster, left: _Left, folder: Path) -> NodeProcess:
    """Start the survivors: nothing is lost, and writes go on. Return who leads."""
    for node in left.survivors:
        node.start()
    leader = await cluster.leader(left.survivors)
    found = await cluster.get_all(leader, b"k", b"l")
    expected = [b"v%d" % number for number in range(WRITES)]
    assert [value for value, _ in found.values()] == expected
    await _write(cluster, leader, range(WRITES, WRITES + 5))

    # A process that runs is asked, and its directory is not touched.
    urls = ",".join(str(node.client) for node in left.survivors)
    asked = run("recover", f"--endpoints={urls}", folder=folder)
    assert asked.returncode == 0, asked
    assert "there is nothing to recover" in asked.stdout
    busy = run("recover", str(left.best.data_dir), "--yes", folder=folder)
    assert_refused(busy, "is in use by", "stop it")
    return leader


async def _is_refused(cluster: Cluster, old: NodeProcess, leader: NodeProcess) -> None:
    """Start a member that was left behind: it is told why, and harms nobody."""
    old.start()

    assert await asyncio.to_thread(old.wait) == ExitCode.REMOVED
    last = old.log.read_text().splitlines()[-1]
    assert "is of epoch 0 of cluster" in last and "as epoch 1" in last, last
    await _write(cluster, leader, range(WRITES + 5, WRITES + 10))


async def _joins_anew(
    cluster: Cluster, node: NodeProcess, endpoints: str, folder: Path
) -> None:
    """Have a member added anew: with a new data directory it belongs to them again."""
    flags = [each for each in node.flags if "initial-cluster=" not in each]
    (peer,) = [
        each.partition("=")[2]
        for each in flags
        if each.startswith("--initial-advertise-peer-urls=")
    ]
    words = ["member", "add", node.name, f"--peer-urls={peer}", "-o", "json"]
    added = run(*words, f"--endpoints={endpoints}", folder=folder)
    assert added.returncode == 0, added
    initial = ",".join(
        f"{each['name'] or node.name}={url}"
        for each in json.loads(added.stdout)["members"]
        for url in each["peer_urls"]
    )
    shutil.rmtree(node.data_dir)
    node.flags = [
        *flags,
        f"--initial-cluster={initial}",
        "--initial-cluster-state=existing",
    ]
    node.start()
    await cluster.answers(node)
    assert len(await cluster.get_all(node, b"k", b"l")) == WRITES + 10


@pytest.mark.long
def test_two_of_five_go_on_and_the_others_are_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, 5, flags=FLAGS) as cluster:
            left = await _lose_three(cluster)
            _recover(left, tmp_path)
            leader = await _goes_on(cluster, left, tmp_path)
            await _is_refused(cluster, left.old, leader)
            endpoints = ",".join(str(node.client) for node in left.survivors)
            await _joins_anew(cluster, left.old, endpoints, tmp_path)

    asyncio.run(story())


def test_a_quorum_is_not_recovered(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, 1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            node.kill()
            refused = run("recover", str(node.data_dir), "--yes", folder=tmp_path)
            assert_refused(refused, "1 of 1 voters are here", "nothing to recover")
            assert not list(node.data_dir.glob("*epoch*"))

    asyncio.run(story())
    refused = run("recover", str(tmp_path / "nowhere"), folder=tmp_path)
    assert_refused(refused, "nowhere has no log")
