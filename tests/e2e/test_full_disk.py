"""A real disk that is full: reads go on, writes are refused with words, room heals."""

import asyncio
import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.commands import run
from tests.e2e.test_survives_disks import log_lines
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

DISK_BYTES = 48 << 20
"""Room for two segments of the log, and the beginning of a third."""

VALUE = base64.b64encode(b"v" * 100_000).decode()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Have a small file system below a folder, or skip the test."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "raftwerk-test"]
    try:
        mounted = subprocess.run(
            [*mount, str(folder)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no mount command, so no disk can be made small")
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Use up all room there is."""
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"x"):
            pass


def test_on_a_full_disk_reads_go_on_and_room_heals_it(tmp_path: Path) -> None:
    async def story(data: Path) -> None:
        async with Cluster(tmp_path, 1) as cluster:
            (node,) = cluster.nodes
            assert node.data_dir == data
            await cluster.leader()

            async def put(key: str) -> httpx.Response:
                body = {"key": base64.b64encode(key.encode()).decode(), "value": VALUE}
                return await cluster.http.post(f"{node.client}/v3/kv/put", json=body)

            async def refused() -> dict[str, Any] | None:
                answer = await put("more")
                return None if answer.is_success else answer.json()

            async def taken() -> bool:
                return (await put("more")).is_success

            assert (await put("first")).is_success
            ballast = data / "ballast"
            fill(ballast)
            words = await until(refused, "writes are refused", READY_SECONDS)
            assert words is not None
            assert f"no space left in {data}, " in words["message"], words
            assert words["message"].endswith(" bytes needed")
            assert words["code"] == 14, "unavailable here: another one may take it"
            assert await cluster.get(node, b"first") is not None, "reads go on"
            told = run("explain", cluster.endpoints, folder=tmp_path)
            assert "The disk of n1 has 0 MiB left" in told.stdout, told.stdout

            # Also after a crash, on a disk on which not a byte is free.
            node.kill()
            fill(ballast)
            node.start()
            await cluster.leader()
            assert await cluster.get(node, b"first") is not None
            assert await until(refused, "writes are refused again", READY_SECONDS)

            ballast.unlink()
            assert await until(taken, "writes go on", READY_SECONDS)
            lines = log_lines(node, "")
            about = [line["event"] for line in lines if "disk" in line["event"]]
            assert about == [
                "the disk is full: writes are refused",
                "the disk is full: writes are refused",
                "there is room on the disk again",
            ], "one line for each life's trouble, and one for its end"

    with small_disk(tmp_path / "n1") as data:
        asyncio.run(story(data))


@pytest.mark.long
def test_a_follower_on_a_full_disk_answers_what_the_others_wrote(
    tmp_path: Path,
) -> None:
    async def story(data: Path) -> None:
        async with Cluster(tmp_path) as cluster:
            full = cluster.nodes[0]
            assert full.data_dir == data
            leader = await cluster.leader()
            for node in cluster.nodes:
                await cluster.answers(node)
            if leader is full:
                moved = run("move-leader", cluster.endpoints, folder=tmp_path)
                assert moved.returncode == 0, moved.stderr
                leader = await cluster.leader(cluster.others(full))
            assert leader is not full
            ballast = data / "ballast"
            fill(ballast)

            async def index_of(node: NodeProcess) -> int:
                answer = await cluster.http.get(f"{node.client}/api/v1/raft/")
                return int(answer.json()["data"]["applied_index"])

            async def is_behind() -> bool:
                body = {"key": base64.b64encode(b"key").decode(), "value": VALUE}
                url = f"{leader.client}/v3/kv/put"
                assert (await cluster.http.post(url, json=body)).is_success
                return await index_of(leader) > await index_of(full) + 20

            await until(is_behind, "it can't follow", READY_SECONDS)
            for number in range(10):
                assert await cluster.put(leader, b"newest", b"%d" % number)
                found = await cluster.get(full, b"newest")
                assert found is not None and found[0] == b"%d" % number
            assert await index_of(leader) > await index_of(full) + 20
            ballast.unlink()

            async def is_equal() -> bool:
                return await index_of(leader) == await index_of(full)

            await until(is_equal, "it catches up", READY_SECONDS)

    with small_disk(tmp_path / "n1") as data:
        asyncio.run(story(data))
