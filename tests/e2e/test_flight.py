"""Real nodes that record what their cores are told; what they keep replays."""

import asyncio
from base64 import b64encode
from pathlib import Path

import httpx
import msgspec
import pytest

from raftwerk.cli import main
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

SECRET = "a-value-that-nobody-may-read"
FILE_BYTES = 65_536
"""The least: so that there are several files soon."""


async def write(cluster: Cluster, node: NodeProcess, count: int) -> None:
    """Write through a node; on a busy machine its leader may change meanwhile."""
    call = {"key": "a2V5", "value": b64encode(SECRET.encode()).decode()}

    async def wrote() -> bool:
        try:
            put = await cluster.http.post(f"{node.client}/v3/kv/put", json=call)
        except httpx.TransportError:
            return False
        return put.status_code == 200

    for _ in range(count):
        await until(wrote, f"a write through {node.name}", READY_SECONDS)


def test_what_nodes_kept_replays_and_shapes_keep_no_payload(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async def story() -> None:
        cluster = Cluster(tmp_path, flags=[f"--record-file-bytes={FILE_BYTES}"])
        first, *others = cluster.nodes
        first.flags += ["--record", f"--record-dir={tmp_path}/elsewhere"]
        for node in others:
            node.flags.append("--record=shape")
        async with cluster:
            killed = await cluster.leader()
            await write(cluster, killed, 20)
            killed.kill()
            await write(cluster, await cluster.leader(cluster.others(killed)), 20)
            killed.start()
            await cluster.answers(killed)
            await write(cluster, killed, 5)

    asyncio.run(story())
    leaders = 0
    for folder, is_shape in (
        ("elsewhere", False),
        ("n2/flight", True),
        ("n3/flight", True),
    ):
        files = sorted((tmp_path / folder).iterdir())
        whole = b"".join(file.read_bytes() for file in files)
        assert (SECRET.encode() in whole) != is_shape, folder
        capsysbinary.readouterr()
        code = main.run(["replay", str(tmp_path / folder), "-o", "json"])
        printed = capsysbinary.readouterr().out
        assert code == 0, printed
        reports = [msgspec.json.decode(line) for line in printed.splitlines()]
        assert len(reports) == len(files)
        assert {report["is_shape"] for report in reports} == {is_shape}
        assert sum(report["records"] for report in reports) > 100
        leaders += any(
            standing["role"] == "LEADER"
            for report in reports
            for standing in report["standings"]
        )
    assert leaders >= 2, "one led, was killed, and another one led"
