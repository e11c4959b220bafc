"""A log can be looked at, sound or not, and is not touched by that."""

import pytest

from raftwerk.errors import ConfigError, StorageError
from raftwerk.storage.inspection import inspect_log, read_records
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.payloads import AppendPayload, Mark, StartPayload
from tests.storage.test_wal import make_wal, segments, write_one_by_one
from tests.storage.values import BOOTSTRAP, IDENTITY, entries, hard_state


@pytest.fixture(name="disk")
def make_disk() -> MemoryDisk:
    disk = MemoryDisk()
    write_one_by_one(make_wal(disk), 2, 20)
    disk.crash()
    return disk


def test_a_sound_log_says_all_it_holds(disk: MemoryDisk) -> None:
    operations = disk.operations
    report = inspect_log(disk, "/data")
    assert disk.operations == operations
    assert report.identity == IDENTITY
    assert report.hard_state == hard_state(1, commit=19)
    assert report.snapshot == BOOTSTRAP
    assert (report.first_index, report.last_index) == (2, 19)
    assert (report.damage, report.torn) == (None, None)
    assert [s.path.rpartition("/")[2] for s in report.segments] == segments(disk)
    assert all(0 < s.used_bytes <= s.size_bytes == 1024 for s in report.segments)
    assert sum(s.records for s in report.segments) == 2 * 18


def test_every_record_says_what_it_is(disk: MemoryDisk) -> None:
    records = list(read_records(disk, "/data"))
    first, mark, append = records[:3]
    assert isinstance(first.content, StartPayload)
    assert first.content.identity == IDENTITY
    assert mark.content == Mark(mark.offset, BOOTSTRAP.index)
    assert append.content == AppendPayload(hard_state(1, commit=2), entries(2, 3))
    assert append.offset == mark.offset + mark.size_bytes
    assert len(records) == 2 * 18 + len(segments(disk))


def test_a_torn_log_says_what_would_be_cut(disk: MemoryDisk) -> None:
    last = list(read_records(disk, "/data"))[-1]
    disk.flip_bit(last.path, 8 * (last.offset + 5))
    before = disk.read_file(last.path)
    report = inspect_log(disk, "/data")
    assert report.torn is not None
    assert (report.torn.path, report.torn.offset) == (last.path, last.offset)
    assert report.last_index == 18
    assert disk.read_file(last.path) == before


def test_a_damaged_log_says_where_and_what_is_left(disk: MemoryDisk) -> None:
    records = list(read_records(disk, "/data"))
    disk.flip_bit(records[4].path, 8 * (records[4].offset + 5))
    report = inspect_log(disk, "/data")
    assert report.damage is not None
    place = f"{records[4].path} is damaged at byte {records[4].offset}"
    assert place in str(report.damage)
    assert report.last_index is None
    assert report.segments[0].records == 3
    assert report.segments[0].used_bytes == records[4].offset
    assert report.segments[1].damage is None


def test_a_segment_without_a_beginning_is_listed_too(disk: MemoryDisk) -> None:
    path = f"/data/wal/{segments(disk)[1]}"
    disk.flip_bit(path, 0)
    report = inspect_log(disk, "/data")
    assert report.segments[1].damage is not None
    assert report.segments[1].damage == report.damage
    with pytest.raises(StorageError, match=path):
        list(read_records(disk, "/data"))


def test_what_is_no_log_is_said() -> None:
    disk = MemoryDisk()
    with pytest.raises(StorageError, match="/data has no log"):
        inspect_log(disk, "/data")
    disk.put_file("/file", b"")
    with pytest.raises(ConfigError, match="/file is a file"):
        inspect_log(disk, "/file")
