"""Torn ends are cut off and said, damage is refused: on the files of real nodes."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.recovery import FoundSegment, read_segment
from tests.e2e.clients import Clients
from tests.e2e.cluster import BACK_SECONDS, Cluster, NodeProcess
from tests.e2e.commands import assert_refused, run
from tests.e2e.processes import Stopwatch
from tests.e2e.seeds import seeded_draw

pytestmark = pytest.mark.e2e


def newest_segment(node: NodeProcess) -> Path:
    return max(node.data_dir.glob("wal/*.wal"))


def log_lines(node: NodeProcess, event: str) -> list[dict[str, Any]]:
    """Return the lines of a node's log that begin with these words."""
    lines = node.log.read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line["event"].startswith(event)]


def garbage(draw: SplitMix64) -> bytes:
    return bytes(1 + draw.below(255) for _ in range(1 + draw.below(5000)))


def write_garbage(data: bytes, segment: FoundSegment, draw: SplitMix64) -> bytes:
    """A batch of which nothing arrived in one piece."""
    junk, end = garbage(draw), segment.found.end
    return data[:end] + junk + data[end + len(junk) :]


def leave_a_hole(data: bytes, segment: FoundSegment, draw: SplitMix64) -> bytes:
    """A batch of which the first block did not arrive, and the rest did."""
    junk, end = garbage(draw), segment.found.end
    return data[:end] + bytes(512) + junk + data[end + 512 + len(junk) :]


def cut_short(data: bytes, segment: FoundSegment, draw: SplitMix64) -> bytes:
    """A file that ends in the middle of a batch."""
    return data[: segment.found.end] + garbage(draw)


TEARS: list[Callable[[bytes, FoundSegment, SplitMix64], bytes]] = [
    write_garbage,
    leave_a_hole,
    cut_short,
]


def test_torn_ends_are_cut_off_and_said(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            async with Clients(cluster, draw) as clients:
                for node, tear in zip(cluster.nodes, TEARS, strict=True):
                    await clients.progress(5 + draw.below(20))
                    node.kill()
                    path = newest_segment(node)
                    segment = read_segment(RealDisk(), str(path))
                    size = path.stat().st_size
                    torn = tear(path.read_bytes(), segment, draw)
                    torn_bytes = len(torn.rstrip(b"\0")) - segment.found.end
                    path.write_bytes(torn)
                    node.start()
                    healing = Stopwatch(*cluster.pids)
                    await clients.reach([node])
                    print(f"{tear.__name__}: a write through it after {healing}")
                    assert healing.seconds < BACK_SECONDS
                    (line,) = log_lines(node, "cut off what a crash left unfinished")
                    print(line)
                    assert line["path"] == str(path)
                    # Not a byte of what was synced, for it may have been acknowledged.
                    assert line["offset"] == segment.found.end
                    assert line["size_bytes"] == torn_bytes
                    assert path.stat().st_size == size
                    await clients.reach(cluster.nodes)
            await clients.check()

    asyncio.run(story())


def test_a_flipped_byte_is_refused_with_the_way_back(tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            await cluster.leader()
            node = cluster.nodes[draw.below(3)]
            async with Clients(cluster, draw) as clients:
                await clients.progress(20)
                node.kill()
                path = newest_segment(node)
                sound = path.read_bytes()
                marked_end = read_segment(RealDisk(), str(path)).found.marked_end
                for _ in range(3):
                    offset = draw.below(marked_end)
                    print(f"byte {offset} of {marked_end}")
                    damaged = bytearray(sound)
                    damaged[offset] ^= 1 << draw.below(8)
                    path.write_bytes(damaged)
                    refused = run("serve", *node.flags, folder=tmp_path)
                    assert_refused(
                        refused,
                        f"{path} is damaged at byte ",
                        "`raftwerk member replace`",
                    )
                    place = refused.stderr.partition("at byte ")[2].partition(":")[0]
                    assert int(place) <= offset
                    assert path.read_bytes() == damaged, "it is evidence"
                # The rest works on, and with its own bytes the node does, too.
                await clients.progress(5, through=cluster.others(node))
                path.write_bytes(sound)
                node.start()
                healing = Stopwatch(*cluster.pids)
                await clients.reach(cluster.nodes)
                print(f"with its own bytes, a write through each after {healing}")
                assert healing.seconds < BACK_SECONDS
            await clients.check()

    asyncio.run(story())
