"""Snapshots in files: whole or known not to be, and never in the way of the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raftwerk.errors import DiskFull, StorageError, UnknownFormat, WalCorrupted
from raftwerk.host.draw import SplitMix64
from raftwerk.storage import snapshot_file
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut
from raftwerk.storage.record import encode_preamble
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.types import LogIndex, Term
from tests.storage.snapshot_contract import SnapshotStoreContract, get, put

CHUNKS = [b"first", b"second" * 100, b"third"]
PATH = "/data/snap/0000000000000007-00000002.snap"


class TestSnapshotFilesInMemory(SnapshotStoreContract):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = SnapshotFiles(MemoryDisk(), "/data")


@pytest.mark.e2e
class TestSnapshotFilesOnDisk(SnapshotStoreContract):
    @pytest.fixture(autouse=True)
    def _store(self, tmp_path: Path) -> None:
        self.store = SnapshotFiles(RealDisk(), str(tmp_path))


@pytest.fixture(name="disk")
def make_disk() -> MemoryDisk:
    return MemoryDisk(block_bytes=32)


def files(disk: MemoryDisk) -> SnapshotFiles:
    return SnapshotFiles(disk, "/data")


def indexes(disk: MemoryDisk) -> list[int]:
    return [name.applied_index for name in files(disk).names()]


def write(disk: MemoryDisk, *snapshot_indexes: int) -> None:
    for index in snapshot_indexes:
        files(disk).write(LogIndex(index), Term(2), CHUNKS)


def check(disk: MemoryDisk, index: int) -> None:
    files(disk).check(LogIndex(index), Term(2))


def test_a_finished_snapshot_survives_a_power_cut(disk: MemoryDisk) -> None:
    write(disk, 7)
    disk.crash()
    assert get(files(disk), 7, 2) == CHUNKS
    assert disk.list_directory("/data/snap") == [PATH.rpartition("/")[2]]


@pytest.mark.parametrize("seed", range(60))
def test_a_crash_leaves_a_whole_snapshot_or_none(seed: int) -> None:
    draw = SplitMix64(seed)
    disk = MemoryDisk(block_bytes=32)
    write(disk, 7)
    disk.cut_power_after(draw.below(12))
    with pytest.raises(PowerCut):
        while True:
            files(disk).write(LogIndex(9), Term(2), CHUNKS)
    disk.crash(draw)
    for index in indexes(disk):
        assert get(files(disk), index, 2) == CHUNKS
    assert 7 in indexes(disk)


def test_a_snapshot_that_fails_on_the_way_leaves_nothing(disk: MemoryDisk) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError("the state machine failed")

    with pytest.raises(RuntimeError, match="the state machine failed"):
        files(disk).write(LogIndex(7), Term(2), chunks())
    assert disk.list_directory("/data/snap") == []


def test_a_large_snapshot_is_synced_while_it_is_written(
    disk: MemoryDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_file, "UNSYNCED_BYTES_MAX", 1_000)
    sink = files(disk).begin(LogIndex(7), Term(2))
    sink.write(bytes(500))
    disk.fail_next("sync")
    with pytest.raises(StorageError):
        sink.write(bytes(500))
    assert not indexes(disk)
    write(disk, 7)
    check(disk, 7)


@pytest.mark.parametrize("kind", ["write", "sync", "sync_directory"])
def test_a_snapshot_that_can_t_be_written_leaves_nothing_else_changed(
    disk: MemoryDisk, kind: str
) -> None:
    write(disk, 3)
    disk.fail_next(kind)
    with pytest.raises(StorageError, match="injected"):
        write(disk, 7)
    disk.crash()
    files(disk).prepare(LogIndex(3))
    assert disk.list_directory("/data/snap") == ["0000000000000003-00000002.snap"]


def test_a_full_disk_is_said_and_leaves_room(disk: MemoryDisk) -> None:
    write(disk, 3)
    used = disk.used_bytes
    disk.capacity_bytes = used + 300
    with pytest.raises(DiskFull, match="make room"):
        write(disk, 7)
    assert disk.used_bytes == used


def test_no_flipped_bit_goes_unseen(disk: MemoryDisk) -> None:
    put(files(disk), 7, 2, b"first", b"second")
    (name,) = files(disk).names()
    for bit in range(8 * len(disk.read_file(PATH))):
        disk.flip_bit(PATH, bit)
        assert files(disk).damage(name) is not None, bit
        with pytest.raises(StorageError, match=f"{PATH} is damaged at byte"):
            get(files(disk), 7, 2)
        disk.flip_bit(PATH, bit)
    assert files(disk).damage(name) is None


def test_no_missing_end_goes_unseen(disk: MemoryDisk) -> None:
    put(files(disk), 7, 2, b"first", b"second")
    (name,) = files(disk).names()
    data = disk.read_file(PATH)
    for size in range(len(data)):
        disk.put_file(PATH, data[:size])
        assert files(disk).damage(name) is not None, size


def test_a_snapshot_under_another_s_name_is_none(disk: MemoryDisk) -> None:
    write(disk, 7)
    disk.put_file("/data/snap/0000000000000008-00000002.snap", disk.read_file(PATH))
    with pytest.raises(StorageError, match="expected the snapshot at 8, term 2"):
        get(files(disk), 8, 2)


def test_an_unknown_format_is_refused_by_version(disk: MemoryDisk) -> None:
    disk.put_file(PATH, encode_preamble(b"raftsnap", 2) + bytes(100))
    with pytest.raises(UnknownFormat, match=f"{PATH} has format 2"):
        check(disk, 7)


def test_a_member_begins_with_a_snapshot_that_is_whole(disk: MemoryDisk) -> None:
    write(disk, 7)
    check(disk, 7)
    disk.flip_bit(PATH, 400)
    with pytest.raises(WalCorrupted) as refused:
        check(disk, 7)
    message = str(refused.value)
    assert message.startswith(f"{PATH} is damaged at byte ")
    assert "`raftwerk member replace`" in message


def test_a_member_does_not_begin_without_its_snapshot(disk: MemoryDisk) -> None:
    write(disk, 5)
    with pytest.raises(WalCorrupted, match=f"{PATH} is not there"):
        check(disk, 7)


def test_what_a_crash_left_is_removed_at_the_start(disk: MemoryDisk) -> None:
    files(disk).prepare(LogIndex(1))
    write(disk, 3, 5, 7)
    files(disk).begin(LogIndex(9), Term(2)).write(b"half")
    files(disk).prepare(LogIndex(5))
    assert indexes(disk) == [3, 5]
    assert len(disk.list_directory("/data/snap")) == 2


def test_chunks_are_read_one_at_a_time(
    disk: MemoryDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot may be larger than the memory of the one who sends it."""
    write(disk, 7)
    lengths = []
    open_to_read = disk.open_to_read

    def open_and_watch(path: str) -> object:
        file = open_to_read(path)
        read_at = file.read_at

        class Watched:
            size = file.size
            close = file.close

            def read_at(self, offset: int, length: int) -> bytes:
                lengths.append(length)
                return read_at(offset, length)

        return Watched()

    monkeypatch.setattr(disk, "open_to_read", open_and_watch)
    assert get(files(disk), 7, 2) == CHUNKS
    assert max(lengths) < max(map(len, CHUNKS)) + 100
