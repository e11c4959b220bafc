"""The data directory of each released version opens for ever, and is gone on with."""

import asyncio
from pathlib import Path

import pytest

from raftwerk.host.virtual import run
from raftwerk.kv import Put, encode
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.types import NodeId

from .golden import found, load, start

DATA = Path(__file__).parent / "data"

VERSIONS = sorted(DATA.iterdir())

CONTENT = {
    b"before 0": (b"value 0", 2),
    b"before 1": (b"value 1", 3),
    b"before 2": (b"value 2", 4),
    b"before 4": (b"value 4", 6),
    b"after": (b"twice", 9),
    b"leased": (b"for an hour", 10),
}


@pytest.mark.parametrize("folder", VERSIONS, ids=[path.name for path in VERSIONS])
def test_a_node_starts_on_the_directory_of_each_version(folder: Path) -> None:
    disk = load(folder)

    async def body() -> None:
        for number in range(2):  # As it was, and as it is left today.
            node, store = await start(disk)
            await node.read_barrier()
            expected = CONTENT | {b"later": (b"0", 11)} if number else CONTENT
            assert found(store) == expected
            assert store.compact_revision == 3
            (member,) = node.members
            assert (member.node_id, member.name) == (NodeId(1), "n1")
            assert member.client_urls == ("http://n1:2379",)
            assert member.directory_id == 0xD1
            assert node.status().snapshot_index > 1
            await node.propose(encode(Put(b"later", b"%d" % number)))
            await node.stop()

    run(body())


def test_a_snapshot_whose_chunks_nobody_named_is_taken_anew() -> None:
    disk = load(DATA / "version-1")

    async def body() -> None:
        for is_nameless in (True, False):
            node, _ = await start(disk)
            # pylint: disable-next=protected-access  # nobody else looks at it
            manifest = Manifest.decode(node._driver().snapshots.newest.data)
            assert manifest.is_nameless is is_nameless
            before = node.status().snapshot_index
            await node.propose(encode(Put(b"later", b"value")))
            await asyncio.sleep(5.0)
            assert (node.status().snapshot_index > before) is is_nameless
            await node.stop()

    run(body())


def test_the_present_version_is_among_them() -> None:
    assert f"version-{READABLE_VERSION}" in [path.name for path in VERSIONS]
