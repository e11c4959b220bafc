"""The log on a disk keeps the contract, and says what is wrong with a directory."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raftwerk.core.records import Snapshot
from raftwerk.errors import (
    ConfigError,
    DirectoryLocked,
    DiskFull,
    StorageError,
    UnknownFormat,
    WalCorrupted,
)
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.memory_inode import Inode
from raftwerk.storage.protocol import LogStore, Room
from raftwerk.storage.record import encode_preamble
from raftwerk.storage.spare import STEPS
from raftwerk.storage.wal import Wal
from tests.storage.contract import LogStoreContract
from tests.storage.values import (
    BOOTSTRAP,
    IDENTITY,
    content,
    entries,
    entry,
    hard_state,
    snapshot,
)

SEGMENT_BYTES = 1024  # so that most tests meet a roll-over


def make_wal(
    disk: Disk,
    bootstrap: Snapshot = BOOTSTRAP,
    directory: str = "/data",
    segment_bytes: int = SEGMENT_BYTES,
) -> Wal:
    return Wal.create(
        disk, directory, IDENTITY, bootstrap, holder="n1", segment_bytes=segment_bytes
    )


def open_wal(disk: Disk, directory: str = "/data") -> Wal:
    return Wal.open(disk, directory, holder="n1", segment_bytes=SEGMENT_BYTES)


class TestWalOnMemoryDisk(LogStoreContract):
    disk: MemoryDisk

    @pytest.fixture(autouse=True)
    def _disk(self) -> None:
        self.disk = MemoryDisk()

    def make(self, bootstrap: Snapshot = Snapshot()) -> LogStore:
        return make_wal(self.disk, bootstrap)

    def crash(self, store: LogStore) -> LogStore:
        self.disk.crash()
        return open_wal(self.disk)


@pytest.mark.e2e
class TestWalOnRealDisk(LogStoreContract):
    directory: str

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = str(tmp_path / "node.raftwerk")

    def make(self, bootstrap: Snapshot = Snapshot()) -> LogStore:
        return make_wal(RealDisk(), bootstrap, self.directory)

    def crash(self, store: LogStore) -> LogStore:
        assert isinstance(store, Wal)
        # What ends with a process: its locks and its open files.
        store._release()  # pylint: disable=protected-access
        return open_wal(RealDisk(), self.directory)


# ---- segments ---------------------------------------------------------------


def segments(disk: Disk) -> list[str]:
    names = disk.list_directory("/data/wal")
    return [name for name in names if not name.endswith(UNFINISHED)]


def write_one_by_one(wal: Wal, start: int, stop: int) -> None:
    for index in range(start, stop):
        wal.append(hard_state(1, commit=index), entries(index, index + 1))
        wal.sync()


def test_a_full_segment_is_followed_by_the_next() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 40)
    names = segments(disk)
    assert names[0] == "00000001-0000000000000002.wal"
    assert len(names) > 2
    assert all(len(disk.read_file(f"/data/wal/{name}")) == 1024 for name in names)


def test_a_batch_larger_than_a_segment_gets_one_of_its_size() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    big = entry(2, data=b"x" * 5000)
    wal.append(hard_state(1), [big])
    wal.append(None, entries(3, 5))
    wal.sync()
    disk.crash()
    wal = open_wal(disk)
    assert content(wal).entries == (big, *entries(3, 5))


def test_one_sync_may_fill_several_segments() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    for index in range(2, 100):
        wal.append(None, entries(index, index + 1))
    wal.sync()
    disk.crash()
    assert content(open_wal(disk)).entries == tuple(entries(2, 100))
    assert len(segments(disk)) == 4


def test_compaction_removes_whole_segments_once_it_is_durable() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 60)
    before = segments(disk)
    wal.compact(snapshot(50), 10)
    assert segments(disk) == before
    wal.sync()
    kept = segments(disk)
    assert kept == before[-len(kept) :]
    assert len(kept) < len(before)
    first = int(kept[0].split("-")[1].split(".")[0])
    assert first <= wal.first_index() == 41
    before_crash = content(wal)
    disk.crash()
    assert content(open_wal(disk)) == before_crash


def test_nobody_waits_for_more_than_one_segment_to_go() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 100)
    counts = [len(segments(disk))]
    wal.compact(snapshot(98), 2)
    for index in range(100, 104):
        wal.append(None, entries(index, index + 1))
        wal.sync()
        counts.append(len(segments(disk)))
    assert counts == [9, 8, 7, 6, 5]
    wal.mark()  # in a quiet time
    assert len(segments(disk)) == 2
    before = content(wal)
    disk.crash()
    assert content(open_wal(disk)) == before


def test_what_was_not_removed_yet_goes_at_the_next_start() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 100)
    wal.compact(snapshot(98), 2)
    wal.sync()
    before = content(wal)
    disk.crash()
    wal = open_wal(disk)
    assert content(wal) == before
    assert len(segments(disk)) == 2


def test_an_installed_snapshot_lets_all_older_segments_go() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 60)
    wal.install(snapshot(100, 1))
    wal.sync()
    wal.mark()
    assert len(segments(disk)) == 1
    wal.append(None, entries(101, 103))
    wal.close()
    disk.kill()
    assert content(open_wal(disk)).entries == tuple(entries(101, 103))


def test_a_truncation_into_dropped_segments_is_recovered() -> None:
    """The first segment that is left begins above what was overwritten since."""
    disk = MemoryDisk()
    wal = make_wal(disk)
    for index in range(2, 42):
        wal.append(None, entries(index, index + 1))
        wal.sync()
    wal.append(hard_state(2), entries(20, 24, term=2))
    wal.append(hard_state(2, commit=60), entries(24, 61, term=2))
    wal.compact(snapshot(58, 2), 2)
    wal.sync()
    before = content(wal)
    assert segments(disk)[0] != "00000001-0000000000000002.wal"
    disk.crash()
    assert content(open_wal(disk)) == before


# ---- the directory ----------------------------------------------------------


def test_a_second_process_is_refused_by_name() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    with pytest.raises(DirectoryLocked, match=r"/data is in use by process 1 \(n1\)"):
        open_wal(disk)
    wal.close()
    open_wal(disk).close()


@pytest.mark.e2e
def test_a_second_process_is_refused_by_name_and_pid(tmp_path: Path) -> None:
    directory = str(tmp_path / "data")
    wal = make_wal(RealDisk(), directory=directory)
    with pytest.raises(DirectoryLocked) as refused:
        open_wal(RealDisk(), directory)
    assert str(refused.value) == (
        f"data directory {directory} is in use by process {os.getpid()} (n1);"
        " stop it, or choose another directory"
    )
    wal.close()
    open_wal(RealDisk(), directory).close()


@pytest.mark.e2e
@pytest.mark.parametrize("below", ["", "/sub"])
def test_a_file_is_no_data_directory(tmp_path: Path, below: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"")
    directory = f"{path}{below}"
    with pytest.raises(ConfigError, match=f"{directory} is a file; name a directory"):
        make_wal(RealDisk(), directory=directory)
    with pytest.raises(ConfigError, match="is a file"):
        open_wal(RealDisk(), directory)
    with pytest.raises(ConfigError, match="is a file"):
        Wal.exists(RealDisk(), directory)


@pytest.mark.e2e
def test_a_file_in_the_place_of_the_segments_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "wal").write_bytes(b"")
    with pytest.raises(ConfigError, match=f"^{tmp_path}/wal is a file; it must be"):
        Wal.exists(RealDisk(), str(tmp_path))


def test_a_directory_that_can_t_be_written_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: MemoryDisk, path: str, holder: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(MemoryDisk, "lock", refuse)
    with pytest.raises(ConfigError, match="/data can't be written: Permission denied"):
        make_wal(MemoryDisk())


def test_a_log_is_not_made_over_another() -> None:
    disk = MemoryDisk()
    make_wal(disk).close()
    with pytest.raises(StorageError, match="/data has a log already"):
        make_wal(disk)
    open_wal(disk).close()


def test_a_log_that_is_not_there_can_t_be_opened() -> None:
    disk = MemoryDisk()
    assert not Wal.exists(disk, "/data")
    with pytest.raises(StorageError, match="/data has no log"):
        open_wal(disk)
    make_wal(disk)
    assert Wal.exists(disk, "/data")


def test_an_unknown_format_is_refused_by_version() -> None:
    disk = MemoryDisk()
    disk.put_file(
        "/data/wal/00000001-0000000000000002.wal",
        encode_preamble(b"raftwal\n", 2) + bytes(100),
    )
    with pytest.raises(UnknownFormat, match="has format 2, .* reads formats 1 to 1"):
        open_wal(disk)


def test_what_another_program_left_is_no_segment() -> None:
    disk = MemoryDisk()
    disk.put_file("/data/wal/00000001-0000000000000002.wal", b"something else" * 10)
    with pytest.raises(WalCorrupted, match="at byte 0: expected the magic number"):
        open_wal(disk)


def test_unfinished_files_are_removed() -> None:
    disk = MemoryDisk()
    make_wal(disk).close()
    disk.put_file("/data/wal/00000002-0000000000000009.wal.tmp", b"half")
    open_wal(disk).close()
    assert segments(disk) == ["00000001-0000000000000002.wal"]


def test_a_missing_segment_is_damage() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 60)
    wal.close()
    names = segments(disk)
    disk.remove(f"/data/wal/{names[2]}")
    with pytest.raises(WalCorrupted, match=f"{names[3]} .* segment 3 before it"):
        open_wal(disk)
    for name in names[:2]:
        disk.remove(f"/data/wal/{name}")
    with pytest.raises(WalCorrupted, match=f"{names[3]} .* entries 2 to "):
        open_wal(disk)


def test_a_segment_of_another_member_is_damage() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 20)
    wal.close()
    other = Wal.create(
        disk,
        "/other",
        type(IDENTITY)(7, IDENTITY.node_id, 0xD2),
        BOOTSTRAP,
        segment_bytes=SEGMENT_BYTES,
    )
    write_one_by_one(other, 2, 20)
    other.close()
    name = segments(disk)[1]
    assert name in disk.list_directory("/other/wal")
    disk.put_file(f"/data/wal/{name}", disk.read_file(f"/other/wal/{name}"))
    with pytest.raises(WalCorrupted, match="/data/wal/"):
        open_wal(disk)


def test_the_identity_is_that_of_the_directory() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 60)
    wal.close()
    assert open_wal(disk).identity == IDENTITY


# ---- errors of the disk -----------------------------------------------------


def test_a_failed_sync_is_final() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 4))
    disk.fail_next("sync")
    for call in (
        wal.sync,
        wal.sync,
        wal.mark,
        lambda: wal.append(None, entries(4, 5)),
        lambda: wal.compact(snapshot(2), 0),
    ):
        with pytest.raises(StorageError, match="cannot sync /data/wal/00000001-"):
            call()
    wal.close()
    open_wal(disk).close()


def test_what_a_failed_sync_left_in_the_cache_is_written_again() -> None:
    """The system shows pages that never reached the disk; a restart must not trust it.

    See the talk on "fsyncgate": after a failed fsync the pages are marked clean, and
    the next one succeeds without writing them.
    """
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 4)
    wal.append(None, entries(4, 6))
    disk.fail_next("sync")
    with pytest.raises(StorageError):
        wal.sync()
    disk.kill()
    wal = open_wal(disk)
    seen = content(wal)
    assert seen.entries == tuple(entries(2, 6))
    disk.crash()
    assert content(open_wal(disk)) == seen


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_failed_write_is_rewound(code: int) -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 5)
    before = disk.read_file("/data/wal/00000001-0000000000000002.wal")
    wal.append(None, entries(5, 8))
    disk.fail_next("write", code)
    with pytest.raises(StorageError, match="cannot write /data/wal/00000001-"):
        wal.sync()
    assert disk.read_file("/data/wal/00000001-0000000000000002.wal") == before


def test_a_write_without_room_may_be_tried_again() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 5))
    disk.fail_next("write", errno.ENOSPC)
    with pytest.raises(DiskFull):
        wal.sync()
    wal.sync()
    disk.crash()
    assert content(open_wal(disk)).entries == tuple(entries(2, 5))


def test_a_write_that_can_t_be_rewound_is_final() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 4))
    disk.fail_next("write", errno.ENOSPC)
    disk.fail_next("write", errno.EIO)
    with pytest.raises(StorageError, match="cannot overwrite"):
        wal.sync()
    with pytest.raises(StorageError, match="nothing is written any more"):
        wal.sync()


def test_a_full_disk_loses_nothing_and_recovers_when_there_is_room() -> None:
    disk = MemoryDisk(capacity_bytes=2 * SEGMENT_BYTES)
    wal = make_wal(disk)
    with pytest.raises(DiskFull, match=r"no space left in /data/wal, \d+ bytes needed"):
        write_one_by_one(wal, 2, 100)
    last = wal.last_index()
    for _ in range(3):
        with pytest.raises(DiskFull):
            wal.sync()
    # Reads go on, and what is appended meanwhile waits with the rest.
    wal.append(None, entries(last + 1, last + 3))
    everything = content(wal)
    assert wal.room().shortage.startswith("no space left in /data")
    assert wal.room().left_bytes == 0
    disk.capacity_bytes = None
    wal.sync()
    assert not wal.room().shortage
    disk.crash()
    assert content(open_wal(disk)) == everything


def test_a_shortage_is_known_while_half_a_segment_is_left_for_terms_and_votes() -> None:
    size = 64_000
    disk = MemoryDisk(capacity_bytes=2 * size)
    wal = Wal.create(disk, "/data", IDENTITY, BOOTSTRAP, segment_bytes=size)
    # Two segments fit, a third one doesn't: it is known when the second one begins.
    index = 2
    while not wal.room().shortage:
        wal.append(None, entries(index, index + 1, data=b"x" * 500))
        wal.sync()
        index += 1
    assert len(segments(disk)) >= 2
    assert wal.room().shortage.startswith("no space left in /data, ")
    assert size // 4 <= wal.room().left_bytes <= 3 * size // 4
    wal.make_room()
    assert wal.room().shortage, "nothing has changed"
    for term in range(2, 200):
        wal.append(hard_state(term, vote=1), ())
        wal.sync()
    disk.capacity_bytes = None
    wal.make_room()
    assert wal.room() == Room()


def test_a_log_on_a_full_disk_opens_and_takes_votes() -> None:
    size = 64_000
    disk = MemoryDisk()
    wal = Wal.create(disk, "/data", IDENTITY, BOOTSTRAP, segment_bytes=size)
    for index in range(2, 110):
        wal.append(None, entries(index, index + 1, data=b"x" * 500))
        wal.sync()
    wal.close()
    disk.capacity_bytes = disk.used_bytes
    wal = Wal.open(disk, "/data", segment_bytes=size)
    assert wal.last_index() == 109
    written: list[int] = []
    write = disk.write

    def watch(inode: Inode, offset: int, data: bytes) -> None:
        written.append(len(data))
        write(inode, offset, data)

    disk.write = watch  # type: ignore[method-assign]  # to count
    # The spare file of before is the reserve: the last segment has little room left.
    for term in range(2, 400):
        wal.append(hard_state(term, vote=1), ())
        wal.sync()
    assert wal.room().shortage
    steps = sum(length == size // STEPS for length in written)
    assert steps == 1, "it is used as it is; the next one fails with its first step"
    disk.crash()
    assert Wal.open(disk, "/data").initial_state()[0].term == 399


def test_a_mark_that_finds_no_room_is_no_failure() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 3))
    wal.sync()
    disk.fail_next("write", errno.ENOSPC)
    with pytest.raises(DiskFull):
        wal.mark()
    wal.append(None, entries(3, 4))
    wal.sync()
    wal.close()


def test_a_full_disk_keeps_what_was_acknowledged() -> None:
    disk = MemoryDisk(capacity_bytes=2 * SEGMENT_BYTES)
    wal = make_wal(disk)
    with pytest.raises(DiskFull):
        write_one_by_one(wal, 2, 100)
    last = wal.last_index()
    disk.crash()
    assert open_wal(disk).last_index() == last - 1


def test_a_directory_that_fails_to_sync_is_final() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    disk.fail_next("sync_directory")
    with pytest.raises(StorageError, match="cannot make /data/wal/00000002-"):
        write_one_by_one(wal, 2, 100)
    with pytest.raises(StorageError, match="nothing is written any more"):
        wal.append(None, ())


# ---- a real end -------------------------------------------------------------

WRITER = """
import sys
from tests.storage.values import entries, hard_state
from tests.storage.test_wal import make_wal
from raftwerk.storage.disk import RealDisk

wal = make_wal(RealDisk(), directory=sys.argv[1])
for index in range(2, 1_000_000):
    wal.append(hard_state(1, commit=index), entries(index, index + 1))
    wal.sync()
    print(index, flush=True)
"""


@pytest.mark.e2e
def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path) -> None:
    directory = str(tmp_path / "data")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, directory],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as writer:
        assert writer.stdout is not None
        lines = iter(writer.stdout)
        for _ in range(200):
            next(lines)
        writer.kill()
        rest = [int(line) for line in lines if line.endswith("\n")]
        acknowledged = max(rest, default=201)
    wal = open_wal(RealDisk(), directory)
    assert wal.last_index() in (acknowledged, acknowledged + 1)
    assert content(wal).entries == tuple(entries(2, wal.last_index() + 1))
    wal.close()
