"""One segment: made aside, filled batch by batch, read again."""

import errno

import pytest

from raftwerk.errors import DiskFull, InvariantViolation, StorageError, WalCorrupted
from raftwerk.storage.held_log import bootstrap_base
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.payloads import MARK_BYTES, StartPayload, decode_mark
from raftwerk.storage.record import RecordKind
from raftwerk.storage.recovery import read_segment
from raftwerk.storage.segment import Segment
from raftwerk.types import LogIndex
from tests.storage.values import BOOTSTRAP, IDENTITY

START = StartPayload(1, IDENTITY, bootstrap_base(BOOTSTRAP))
PATH = "/wal/00000001-0000000000000002.wal"


@pytest.fixture(name="disk")
def make_disk() -> MemoryDisk:
    disk = MemoryDisk()
    disk.make_directory("/wal")
    return disk


def create(disk: MemoryDisk, size: int = 1000, room: int = 0) -> Segment:
    return Segment.create(disk, "/wal", START, size, room)


def write(segment: Segment, *payloads: bytes) -> None:
    records = [(RecordKind.APPEND, payload) for payload in payloads]
    segment.write(records, LogIndex(1))
    segment.sync()


def test_a_new_segment_is_durable_whole_and_zero(disk: MemoryDisk) -> None:
    segment = create(disk)
    disk.crash()
    data = disk.read_file(PATH)
    assert len(data) == 1000
    assert data[segment.end :] == bytes(1000 - segment.end)
    found = read_segment(disk, PATH)
    assert found.opening == segment.opening
    assert found.opening.start.identity == IDENTITY
    assert (found.found.records, found.found.bad) == ([], None)


def test_it_is_as_large_as_what_must_fit(disk: MemoryDisk) -> None:
    segment = create(disk, size=10, room=500)
    assert segment.room >= 500
    segment.write([(RecordKind.APPEND, bytes(500 - 2 * MARK_BYTES))], LogIndex(1))
    assert segment.room >= 0


def test_each_batch_begins_with_a_mark_of_what_was_durable(disk: MemoryDisk) -> None:
    segment = create(disk)
    ends = [segment.end]
    for payload in b"first", b"second", b"third":
        write(segment, payload, payload)
        ends.append(segment.end)
    records = read_segment(disk, PATH).found.records
    kinds = [record.kind.name for record in records]
    assert kinds == ["MARK", "APPEND", "APPEND"] * 3
    marks = [decode_mark(record) for record in records[::3]]
    assert [mark and mark.durable_offset for mark in marks] == ends[:3]
    assert [record.offset for record in records[::3]] == ends[:3]


def test_a_batch_is_not_begun_before_the_last_is_synced(disk: MemoryDisk) -> None:
    segment = create(disk)
    segment.write([(RecordKind.APPEND, b"first")], LogIndex(1))
    with pytest.raises(InvariantViolation, match="was synced"):
        segment.write([(RecordKind.APPEND, b"second")], LogIndex(1))


def test_a_mark_alone_makes_the_end_known(disk: MemoryDisk) -> None:
    segment = create(disk)
    assert segment.is_marked
    write(segment, b"first")
    assert not segment.is_marked
    write(segment)
    assert segment.is_marked
    found = read_segment(disk, PATH).found
    assert found.marked_end == found.end - MARK_BYTES


def test_an_opened_segment_goes_on_where_it_ended(disk: MemoryDisk) -> None:
    write(create(disk), b"first")
    disk.crash()
    read = read_segment(disk, PATH)
    segment = Segment.reopen(disk, PATH, read.opening, read.found, b"")
    assert not segment.is_marked
    write(segment, b"second")
    disk.crash()
    payloads = [r.payload for r in read_segment(disk, PATH).found.records]
    assert payloads[1::2] == [b"first", b"second"]


@pytest.mark.parametrize("kind", ["write", "sync", "sync_directory"])
def test_a_segment_that_can_t_be_made_leaves_nothing(
    disk: MemoryDisk, kind: str
) -> None:
    disk.fail_next(kind)
    with pytest.raises(StorageError):
        create(disk)
    assert not [n for n in disk.list_directory("/wal") if n.endswith(".tmp")]
    disk.crash()
    assert disk.list_directory("/wal") == []


def test_a_full_disk_is_told_from_a_broken_one(disk: MemoryDisk) -> None:
    disk.capacity_bytes = 999
    with pytest.raises(DiskFull):
        create(disk)
    assert disk.used_bytes == 0
    disk.capacity_bytes = None
    disk.fail_next("sync", errno.ENOSPC)
    with pytest.raises(StorageError) as failed:
        create(disk)
    assert not isinstance(failed.value, DiskFull)


def test_a_start_of_another_kind_is_damage(disk: MemoryDisk) -> None:
    segment = create(disk)
    segment.close()
    data = disk.read_file(PATH)
    with pytest.raises(WalCorrupted, match="expected a record; .* the file ends at"):
        disk.put_file(PATH, data[:40])
        read_segment(disk, PATH)
