"""A whole data directory as a node of one version leaves it, which must open for ever.

    python -m tests.runtime.golden FOLDER

Run once for each version that is released, with `data/version-N` for the folder, and
never again for the same. Until the first release, after each change of what a node
writes. In it are: envelopes of both kinds, a member's record of itself, a snapshot with
manifest and store, and all kinds of commands behind it.

`data/version-1` was written by the first build that had this script, whose manifests
named no chunks and whose stores were not in the order of keys; it is not written anew.
"""

import asyncio
import sys
from pathlib import Path

from raftwerk.config import NodeConfig
from raftwerk.host.draw import SplitMix64
from raftwerk.host.loop import VirtualLoop
from raftwerk.host.virtual import run, virtual_host
from raftwerk.kv import (
    Compact,
    Compare,
    CompareTarget,
    DeleteRange,
    GrantLease,
    Put,
    Range,
    Store,
    Txn,
    encode,
)
from raftwerk.runtime import Member, Node, bootstrap_snapshot
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

__all__ = ["DIRECTORY", "IDENTITY", "found", "load", "start"]

DIRECTORY = "/data"
IDENTITY = DirectoryIdentity(cluster_id=7, node_id=NodeId(1), directory_id=0xD1)
SEGMENT_BYTES = 4000


async def start(disk: MemoryDisk) -> tuple[Node, Store]:
    """Start a node alone on whatever is on a disk."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    host = virtual_host(loop, SplitMix64(1))
    if Wal.exists(disk, DIRECTORY):
        log = Wal.open(disk, DIRECTORY, segment_bytes=SEGMENT_BYTES)
    else:
        member = Member(node_id=IDENTITY.node_id, peer_urls=("http://n1:2380",))
        log = Wal.create(
            disk,
            DIRECTORY,
            IDENTITY,
            bootstrap_snapshot([member]),
            segment_bytes=SEGMENT_BYTES,
        )
    store = Store()
    node = Node(
        NodeConfig(
            node_id=log.identity.node_id,
            cluster_id=log.identity.cluster_id,
            directory_id=log.identity.directory_id,
            name="n1",
            peer_urls=("http://n1:2380",),
            client_urls=("http://n1:2379",),
            snapshot_keep_entries=2,
        ),
        store,
        host=host,
        store=log,
        snapshots=SnapshotFiles(disk, DIRECTORY),
        transport=MemoryTransport(
            Identity(cluster_id=7, node_id=NodeId(1), address="n1:2380"),
            "n1:2380",
            network=MemoryNetwork(host.timers, SplitMix64(2)),
            host=host,
            report=lambda level, event, /, **fields: None,
        ),
    )
    await node.start()
    return node, store


async def write(disk: MemoryDisk) -> None:
    """Leave a data directory as a node does that is stopped."""
    node, _ = await start(disk)
    for number in range(5):
        await node.propose(encode(Put(b"before %d" % number, b"value %d" % number)))
    await node.propose(encode(DeleteRange(b"before 3")))
    assert node.take_snapshot()
    while node.status().snapshot_index == 1:
        await asyncio.sleep(0)
    await node.propose(encode(Put(b"after", b"once")))
    is_once = Compare(b"after", target=CompareTarget.VALUE, value=b"once")
    await node.propose(
        encode(Txn((is_once,), (Put(b"after", b"twice"),), (Range(b"after"),)))
    )
    await node.propose(encode(GrantLease(lease=77, ttl_seconds=3600)))
    await node.propose(encode(Put(b"leased", b"for an hour", lease=77)))
    await node.propose(encode(Compact(3)))
    await node.stop()


def load(folder: Path) -> MemoryDisk:
    """Return a disk with the files of a folder."""
    disk = MemoryDisk()
    for path in sorted(folder.glob("*/*")):
        disk.put_file(f"{DIRECTORY}/{path.parent.name}/{path.name}", path.read_bytes())
    return disk


def found(store: Store) -> dict[bytes, tuple[bytes, int]]:
    """Return keys with their values and the revisions of their last change."""
    everything = store.range(Range(b"\0", b"\0"))
    return {kv.key: (kv.value, kv.mod_revision) for kv in everything.kvs}


def main(folder: Path) -> None:
    """Write the files into a folder that has none yet."""
    disk = MemoryDisk()
    run(write(disk))
    for kind in "wal", "snap":
        (folder / kind).mkdir(parents=True)
        for name in disk.list_directory(f"{DIRECTORY}/{kind}"):
            data = disk.read_file(f"{DIRECTORY}/{kind}/{name}")
            (folder / kind / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
