"""Makes the data directory of one format, which must open for ever.

    python -m tests.storage.make_golden FOLDER

Run once for each released format, and never again for the same: the files are what a
version in the field has written.
"""

import sys
from pathlib import Path

from raftwerk.core.records import Entry, EntryKind
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, Term
from tests.storage.values import BOOTSTRAP, IDENTITY, entries, hard_state, snapshot

DIRECTORY = "/golden"


def write_golden() -> MemoryDisk:
    """Return a disk with a small log that has all kinds of records, and a snapshot."""
    disk = MemoryDisk()
    wal = Wal.create(disk, DIRECTORY, IDENTITY, BOOTSTRAP, segment_bytes=500)
    snapshots = SnapshotFiles(disk, DIRECTORY)
    wal.append(hard_state(1, commit=1, vote=2), entries(2, 8, data=b"first term"))
    wal.sync()
    wal.append(hard_state(2, commit=5), [])
    wal.append(hard_state(3, commit=6, vote=1), entries(7, 12, 3, b"third term"))
    wal.sync()
    snapshots.write(LogIndex(6), Term(1), [b"chunk one", b"chunk two"])
    wal.compact(snapshot(6, 1, b"manifest of 6"), keep=2)
    wal.sync()
    wal.install(snapshot(20, 4, b"manifest of 20"))
    snapshots.write(LogIndex(20), Term(4), [b"chunk", b"", b"\xff" * 100])
    wal.append(
        hard_state(5, commit=21, vote=3),
        [
            Entry(Term(5), LogIndex(21), b"", EntryKind.COMMAND),
            Entry(Term(5), LogIndex(22), b"simple", EntryKind.SIMPLE_CHANGE),
            Entry(Term(5), LogIndex(23), b"joint", EntryKind.CONF_CHANGE),
        ],
    )
    wal.sync()
    for index in range(24, 30):
        wal.append(None, entries(index, index + 1, 5, b"fifth term"))
    wal.sync()
    wal.append(None, entries(30, 33, 6, b"sixth term, behind the last mark"))
    wal.sync()
    return disk


def main(folder: Path) -> None:
    """Write the files into a folder that has none yet."""
    disk = write_golden()
    for kind in "wal", "snap":
        (folder / kind).mkdir(parents=True)
        for name in disk.list_directory(f"{DIRECTORY}/{kind}"):
            if name.endswith(UNFINISHED):
                continue
            data = disk.read_file(f"{DIRECTORY}/{kind}/{name}")
            (folder / kind / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
