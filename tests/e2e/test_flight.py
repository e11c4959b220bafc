"""Real nodes that record what their cores are told; what they keep replays."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from raftwerk.cli import main
from tests.e2e.clients import Clients
from tests.e2e.cluster import Cluster
from tests.e2e.commands import assert_refused, run
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e

SECRET = "a-value-that-nobody-may-read"
FILE_BYTES = 65_536
"""The least: so that there are several files soon."""


def test_what_nodes_kept_replays_and_shapes_keep_no_payload(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    draw = seeded_draw()

    async def story() -> None:
        cluster = Cluster(tmp_path, flags=[f"--record-file-bytes={FILE_BYTES}"])
        first, *others = cluster.nodes
        first.flags += ["--record", f"--record-dir={tmp_path}/elsewhere"]
        for node in others:
            node.flags.append("--record=shape")
        async with cluster:
            leader = await cluster.leader()
            put = run("put", cluster.endpoints, "key", SECRET, folder=tmp_path)
            assert put.returncode == 0, put
            async with Clients(cluster, draw) as clients:
                await clients.progress(40)
                leader.kill()
                await clients.progress(10)
                leader.start()
                await clients.reach([leader])
                await clients.progress(10)

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
        assert sum(report["records"] for report in reports) > 200
        leaders += any(
            standing["role"] == "LEADER"
            for report in reports
            for standing in report["standings"]
        )
    assert leaders >= 2, "one led, was killed, and another one led"


def test_a_file_that_is_no_flight_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "noise.flight").write_bytes(b"noise" * 100)
    assert_refused(run("replay", "noise.flight", folder=tmp_path), "noise.flight")
    assert_refused(run("replay", "nothing", folder=tmp_path), "nothing")
