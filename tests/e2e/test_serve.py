"""One node as a process: what it says, what it refuses, how it ends."""

import asyncio
import os
import platform
import signal
import socket
import time
from pathlib import Path

import pytest

import raftwerk
from tests.e2e.cluster import Cluster
from tests.e2e.commands import addresses, assert_refused, run
from tests.e2e.ports import free_ports
from tests.e2e.processes import starved_seconds

pytestmark = pytest.mark.e2e


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
