"""Files of each released format open for ever.

`data/format-N` was written by the version that introduced format N, and is not to be
made again: what it says is said here.
"""

from pathlib import Path

import pytest

from raftwerk.core.records import ConfState, Entry, EntryKind, HardState, Snapshot
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.inspection import inspect_log
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.scan import FORMAT_VERSION
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, NodeId, Term
from tests.storage.make_golden import DIRECTORY, write_golden
from tests.storage.values import content

DATA = Path(__file__).parent / "data"

FORMATS = sorted(DATA.iterdir())


def load(folder: Path) -> MemoryDisk:
    disk = MemoryDisk()
    for path in sorted(folder.glob("*/*")):
        disk.put_file(f"/data/{path.parent.name}/{path.name}", path.read_bytes())
    return disk


@pytest.mark.parametrize("folder", FORMATS, ids=[folder.name for folder in FORMATS])
def test_a_directory_of_each_format_opens(folder: Path) -> None:
    disk = load(folder)
    wal = Wal.open(disk, "/data")
    assert wal.torn is None
    assert wal.identity == DirectoryIdentity(7, NodeId(1), 0xD1)
    found = content(wal)
    voters = ConfState(voters=(NodeId(1), NodeId(2), NodeId(3)))
    assert found.hard_state == HardState(Term(5), NodeId(3), LogIndex(21))
    assert found.snapshot == Snapshot(LogIndex(20), Term(4), voters, b"manifest of 20")
    assert (found.first_index, found.previous_term) == (21, 4)
    assert found.entries == (
        Entry(Term(5), LogIndex(21), b"", EntryKind.COMMAND),
        Entry(Term(5), LogIndex(22), b"simple", EntryKind.SIMPLE_CHANGE),
        Entry(Term(5), LogIndex(23), b"joint", EntryKind.CONF_CHANGE),
        *(Entry(Term(5), LogIndex(i), b"fifth term") for i in range(24, 30)),
        *(
            Entry(Term(6), LogIndex(i), b"sixth term, behind the last mark")
            for i in range(30, 33)
        ),
    )
    snapshots = SnapshotFiles(disk, "/data")
    snapshots.check(LogIndex(20), Term(4))
    chunks = [b"chunk", b"", b"\xff" * 100]
    assert list(snapshots.read_chunks(LogIndex(20), Term(4))) == chunks
    older = list(snapshots.read_chunks(LogIndex(6), Term(1)))
    assert older == [b"chunk one", b"chunk two"]


@pytest.mark.parametrize("folder", FORMATS, ids=[folder.name for folder in FORMATS])
def test_a_directory_of_each_format_can_be_written_on(folder: Path) -> None:
    disk = load(folder)
    wal = Wal.open(disk, "/data", segment_bytes=500)
    for index in range(33, 60):
        wal.append(None, [Entry(Term(6), LogIndex(index), b"later")])
        wal.sync()
    disk.crash()
    assert Wal.open(disk, "/data").last_index() == 59
    assert inspect_log(disk, "/data").damage is None


def test_what_is_written_today_is_the_newest_format_to_the_byte() -> None:
    """A change of the format needs a new version, and a folder of its own."""
    written = write_golden()
    kept = load(DATA / f"format-{FORMAT_VERSION}")
    for kind in "wal", "snap":
        names = kept.list_directory(f"/data/{kind}")
        found = written.list_directory(f"{DIRECTORY}/{kind}")
        assert [name for name in found if not name.endswith(UNFINISHED)] == names
        for name in names:
            data = written.read_file(f"{DIRECTORY}/{kind}/{name}")
            assert data == kept.read_file(f"/data/{kind}/{name}"), name
