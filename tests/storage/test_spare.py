"""The next segment is ready when it is needed, and nothing of it is ever in the way."""

import pytest

from raftwerk.errors import DiskFull, StorageError
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.memory_inode import Inode
from raftwerk.storage.spare import STEPS, Spare
from raftwerk.storage.wal import Wal
from tests.storage.values import BOOTSTRAP, IDENTITY, entries

SIZE = 1600
STEP = SIZE // STEPS


def made(disk: MemoryDisk, size: int = SIZE) -> Spare:
    disk.make_directory("/wal")
    return Spare(disk, "/wal", size)


def test_it_is_filled_by_steps_twice_as_fast_as_the_segment() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    spare.fill(0)
    assert not disk.list_directory("/wal")
    sizes = []
    for used in range(0, SIZE, STEP // 2):
        spare.fill(used)
        if disk.list_directory("/wal"):
            sizes.append(len(disk.read_file(spare.path)))
    assert sizes[:4] == [STEP, 2 * STEP, 3 * STEP, 4 * STEP]
    assert sizes.index(SIZE) == STEPS - 1, "when the segment is half full"
    assert set(sizes[STEPS:]) == {SIZE}


def test_what_is_ready_is_given_away_durable_and_full_of_zeros() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    for _ in range(STEPS):
        spare.fill(SIZE)
    file = spare.take(SIZE)
    assert file is not None
    disk.sync_directory("/wal")
    disk.crash()
    assert disk.read_file(spare.path) == bytes(SIZE)


def test_what_is_not_ready_is_made_ready_when_it_is_wanted() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    spare.fill(SIZE)
    assert spare.missing_bytes == SIZE - STEP
    assert spare.take(SIZE) is not None
    assert disk.read_file(spare.path) == bytes(SIZE)


def test_for_a_segment_of_another_size_it_is_not_used_up() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    spare.complete()
    assert spare.take(SIZE + 1) is None
    assert spare.take(SIZE) is not None


def test_a_full_disk_makes_it_short_and_nothing_is_written_until_it_is_asked_for() -> (
    None
):
    disk = MemoryDisk(capacity_bytes=3 * STEP)
    spare = made(disk)
    for _ in range(STEPS):
        spare.fill(SIZE)
    assert spare.is_short
    before = disk.operations
    spare.fill(SIZE)
    assert disk.operations == before
    with pytest.raises(DiskFull, match=f"^no space left in /wal, {SIZE - 3 * STEP} b"):
        spare.complete()
    with pytest.raises(DiskFull):
        spare.take(SIZE)


def test_it_goes_on_where_it_ended_when_there_is_room() -> None:
    disk = MemoryDisk(capacity_bytes=3 * STEP)
    spare = made(disk)
    with pytest.raises(DiskFull):
        spare.complete()
    disk.capacity_bytes = 5 * STEP
    with pytest.raises(DiskFull):
        spare.complete()
    assert spare.missing_bytes == SIZE - 5 * STEP, "what came is kept from others"
    disk.capacity_bytes = None
    spare.complete()
    assert (spare.is_short, spare.missing_bytes) == (False, 0)


def test_what_is_whole_is_found_by_the_next_process() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    spare.complete()
    spare.close()
    disk.capacity_bytes = SIZE
    found = Spare(disk, "/wal", SIZE)
    found.find()
    assert found.missing_bytes == 0
    assert found.take(SIZE) is not None


@pytest.mark.parametrize(
    "left", [bytes(SIZE - 1), bytes(SIZE + 1), bytes(SIZE - 1) + b"x", b""]
)
def test_what_is_not_whole_is_removed(left: bytes) -> None:
    disk = MemoryDisk()
    disk.put_file("/wal/spare.wal.tmp", left)
    spare = made(disk)
    assert spare.path == "/wal/spare.wal.tmp"
    spare.find()
    assert spare.missing_bytes == SIZE
    assert not disk.list_directory("/wal")


def test_a_disk_that_fails_is_said_to_fail() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    disk.fail_next("sync")
    with pytest.raises(StorageError):
        spare.fill(SIZE)


def test_a_log_rolls_over_into_it_without_writing_zeros_then() -> None:
    disk = MemoryDisk()
    wal = Wal.create(disk, "/data", IDENTITY, BOOTSTRAP, segment_bytes=32_000)
    written: list[int] = []
    write = disk.write

    def watch(inode: Inode, offset: int, data: bytes) -> None:
        written.append(len(data))
        write(inode, offset, data)

    disk.write = watch  # type: ignore[method-assign]  # to count
    for index in range(2, 200):
        wal.append(None, entries(index, index + 1, data=b"x" * 500))
        wal.sync()
    assert len(disk.list_directory("/data/wal")) > 3
    assert max(written) <= 32_000 // STEPS, "never a whole segment at once"
    wal.close()
    assert Wal.open(disk, "/data").last_index() == 199
