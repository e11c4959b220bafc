"""One node as a process: what it says, what it refuses, how it ends."""

import asyncio
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import raftwerk
from tests.e2e.cluster import READY_SECONDS, Cluster
from tests.e2e.ports import free_ports
from tests.e2e.processes import starved_seconds

pytestmark = pytest.mark.e2e


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "raftwerk", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=READY_SECONDS,
        check=False,
    )


def addresses() -> list[str]:
    """Return flags with free ports."""
    ports = free_ports(2)
    return [
        f"--listen-client-urls=http://127.0.0.1:{ports[0]}",
        f"--listen-peer-urls=http://127.0.0.1:{ports[1]}",
    ]


def assert_refused(ended: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    for part in parts:
        assert part in ended.stderr


def test_version_python_and_platform_are_one_line(tmp_path: Path) -> None:
    ended = run("--version", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    for part in (raftwerk.__version__, platform.python_version(), platform.platform()):
        assert part in ended.stdout


def test_a_flag_that_makes_no_sense_is_told_in_one_line(tmp_path: Path) -> None:
    ended = run("serve", "--election-timeout=80", folder=tmp_path)
    assert_refused(
        ended,
        "heartbeat-interval is 50; it must be at most half of election-timeout (80",
    )
    assert not list(tmp_path.iterdir())


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    ended = run("serve", "--data-dir=file", *addresses(), folder=tmp_path)
    assert_refused(ended, "file")


@pytest.mark.parametrize("which", ["client", "peer"])
def test_a_taken_port_is_told_with_who_has_it(which: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as taken:
        port = taken.getsockname()[1]
        flag = f"--listen-{which}-urls=http://127.0.0.1:{port}"
        ended = run("serve", *addresses(), flag, folder=tmp_path)
    assert_refused(ended, str(port), f"process {os.getpid()} (")


def test_a_single_node_is_ready_soon_and_ends_well_when_asked(tmp_path: Path) -> None:
    async def story() -> None:
        began = time.monotonic()
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            assert time.monotonic() - began - starved_seconds(node.pid) < 2.0
            assert await cluster.put(node, b"key", b"value") is not None
            assert " is ready" in node.log.read_text()
            for number in (signal.SIGTERM, signal.SIGINT):
                node.send(number)
                began = time.monotonic()
                assert node.wait() == 0
                assert time.monotonic() - began < 2.0
                node.start()
                await cluster.leader()
            assert await cluster.get(node, b"key") == (b"value", 2)

    asyncio.run(story())


def test_a_second_process_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            flags = [f"--data-dir={tmp_path / node.name}", f"--name={node.name}"]
            ended = run("serve", *flags, *addresses(), folder=tmp_path)
            assert_refused(ended, str(tmp_path / node.name), str(node.pid))

    asyncio.run(story())


def test_data_of_another_node_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            node.kill()
            flags = [f"--data-dir={tmp_path / node.name}", "--name=other"]
            ended = run("serve", *flags, *addresses(), folder=tmp_path)
            assert_refused(ended, str(tmp_path / node.name), "n1", "other")

    asyncio.run(story())


def test_a_write_through_any_node_is_read_through_any_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            for number, writer in enumerate(cluster.nodes):
                await cluster.answers(writer)
                key = f"key {number}".encode()
                revision = await cluster.put(writer, key, b"value")
                assert revision is not None
                for reader in cluster.nodes:
                    assert await cluster.get(reader, key) == (b"value", revision)

    asyncio.run(story())


def test_a_paused_leader_acknowledges_nothing_that_others_do_not_have(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            old = await cluster.leader()
            others = [node for node in cluster.nodes if node is not old]
            old.pause()
            new = await cluster.leader(among=others)
            revision = await cluster.put(new, b"key", b"new")
            assert revision is not None
            old.resume()
            assert await cluster.get(old, b"key") == (b"new", revision)

    asyncio.run(story())
