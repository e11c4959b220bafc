"""The next segment is ready when it is needed, and nothing of it is ever in the way."""

import errno

import pytest

from raftwerk.errors import StorageError
from raftwerk.storage.memory_disk import MemoryDisk
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


@pytest.mark.parametrize("steps, wanted", [(STEPS - 1, SIZE), (STEPS, SIZE + 1)])
def test_what_will_not_do_is_gone(steps: int, wanted: int) -> None:
    disk = MemoryDisk()
    spare = made(disk)
    for _ in range(steps):
        spare.fill(SIZE)
    assert spare.take(wanted) is None
    assert not disk.list_directory("/wal")
    spare.fill(SIZE)
    assert not disk.list_directory("/wal"), "and not made again"


def test_a_full_disk_has_no_room_for_it_and_no_word_is_lost() -> None:
    disk = MemoryDisk()
    spare = made(disk)
    disk.fail_next("write", errno.ENOSPC)
    spare.fill(SIZE)
    assert not disk.list_directory("/wal")
    assert spare.take(SIZE) is None


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

    def watch(inode: object, offset: int, data: bytes) -> None:
        written.append(len(data))
        write(inode, offset, data)  # type: ignore[arg-type]

    disk.write = watch  # type: ignore[method-assign]
    for index in range(2, 200):
        wal.append(None, entries(index, index + 1, data=b"x" * 500))
        wal.sync()
    assert len(disk.list_directory("/data/wal")) > 3
    assert max(written) <= 32_000 // STEPS, "never a whole segment at once"
    wal.close()
    names = disk.list_directory("/data/wal")
    assert all(name.endswith(".wal") for name in names), "at the end it goes"
    assert Wal.open(disk, "/data").last_index() == 199
