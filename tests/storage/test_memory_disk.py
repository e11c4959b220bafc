"""The disk in memory forgets what was not synced, and breaks as it is told."""

import errno

import pytest

from raftwerk.errors import DirectoryLocked
from raftwerk.host.draw import SplitMix64
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut
from tests.storage.disk_contract import DiskContract


class TestMemoryDisk(DiskContract):
    @pytest.fixture(autouse=True)
    def _disk(self) -> None:
        self.disk = MemoryDisk()
        self.root = "/root"


@pytest.fixture(name="disk")
def make_disk() -> MemoryDisk:
    disk = MemoryDisk(block_bytes=4)
    disk.make_directory("/d")
    return disk


def test_data_survives_when_it_is_synced_and_names_when_theirs_is(
    disk: MemoryDisk,
) -> None:
    for name, is_synced in ("a", True), ("b", False):
        file = disk.create(f"/d/{name}")
        file.write_at(0, b"data")
        if is_synced:
            file.sync()
    disk.sync_directory("/d")
    disk.create("/d/c").sync()
    disk.crash()
    assert disk.list_directory("/d") == ["a", "b"]
    assert disk.read_file("/d/a") == b"data"
    assert disk.read_file("/d/b") == b""


def test_a_rename_and_a_removal_need_a_sync_too(disk: MemoryDisk) -> None:
    for name in "ab":
        disk.put_file(f"/d/{name}", name.encode())
    disk.rename("/d/a", "/d/new")
    disk.remove("/d/b")
    disk.crash()
    assert disk.list_directory("/d") == ["a", "b"]
    disk.rename("/d/a", "/d/b")
    disk.sync_directory("/d")
    disk.crash()
    assert disk.list_directory("/d") == ["b"]
    assert disk.read_file("/d/b") == b"a"


def test_a_directory_that_is_there_is_durable_once_it_was_asked_for() -> None:
    disk = MemoryDisk()
    disk.fail_next("sync_directory")
    with pytest.raises(OSError, match="injected"):
        disk.make_directory("/d")
    disk.kill()  # the next process finds it, and not that its name is not synced
    assert not disk.make_directory("/d")
    disk.create("/d/file").sync()
    disk.sync_directory("/d")
    disk.crash()
    assert disk.list_directory("/d") == ["file"]


def test_unsynced_blocks_survive_in_any_combination() -> None:
    seen = set()
    for seed in range(200):
        disk = MemoryDisk(block_bytes=4)
        disk.put_file("/file", b"........")
        file = disk.open("/file")
        file.write_at(2, b"AAAA")
        file.write_at(4, b"BB")
        disk.crash(SplitMix64(seed))
        seen.add(disk.read_file("/file"))
    assert seen == {
        b"........",
        b"..AA....",
        b"....AA..",
        b"....BB..",
        b"..AAAA..",
        b"..AABB..",
    }


def test_unsynced_names_survive_in_any_combination() -> None:
    seen = set()
    for seed in range(100):
        disk = MemoryDisk()
        disk.put_file("/d/old", b"")
        disk.rename("/d/old", "/d/new")
        disk.create("/d/other")
        disk.crash(SplitMix64(seed))
        seen.add(tuple(disk.list_directory("/d")))
    assert seen == {("old",), ("new",), ("old", "other"), ("new", "other")}


def test_the_same_seed_loses_the_same(disk: MemoryDisk) -> None:
    found = []
    for _ in range(2):
        file = disk.create("/d/file")
        file.write_at(0, bytes(range(100)))
        disk.sync_directory("/d")
        disk.crash(SplitMix64(42))
        found.append(disk.read_file("/d/file"))
    assert found[0] == found[1]


def test_after_a_failed_sync_data_is_seen_but_never_durable(disk: MemoryDisk) -> None:
    disk.put_file("/d/file", b"old")
    file = disk.open("/d/file")
    file.write_at(0, b"new")
    disk.fail_next("sync")
    with pytest.raises(OSError, match="injected") as failed:
        file.sync()
    assert failed.value.errno == errno.EIO
    file.sync()
    assert disk.read_file("/d/file") == b"new"
    disk.crash(SplitMix64(1))
    assert disk.read_file("/d/file") == b"old"


def test_a_failed_write_may_have_been_done_in_part(disk: MemoryDisk) -> None:
    file = disk.create("/d/file")
    disk.fail_next("write", errno.EIO, after=1)
    file.write_at(0, b"12345678")
    with pytest.raises(OSError, match="injected"):
        file.write_at(0, b"abcdefgh")
    assert disk.read_file("/d/file") == b"abcd5678"
    file.write_at(0, b"ABCDEFGH")


def test_a_full_disk_takes_what_fits_and_says_so(disk: MemoryDisk) -> None:
    disk.capacity_bytes = 10
    file = disk.create("/d/file")
    file.write_at(0, b"12345678")
    with pytest.raises(OSError, match="No space left") as full:
        file.write_at(6, b"abcdefgh")
    assert full.value.errno == errno.ENOSPC
    assert disk.read_file("/d/file") == b"123456abcd"
    file.write_at(0, b"0123456789")
    disk.create("/d/other")
    disk.remove("/d/file")
    disk.create("/d/more").write_at(0, b"0123456789")
    assert disk.used_bytes == 10


def test_power_is_cut_at_the_call_that_was_named(disk: MemoryDisk) -> None:
    file = disk.create("/d/file")
    disk.sync_directory("/d")
    disk.cut_power_after(2)
    file.write_at(0, b"1234")
    file.sync()
    with pytest.raises(PowerCut):
        file.write_at(4, b"5678")
    for call in (file.sync, lambda: disk.create("/d/x")):
        with pytest.raises(PowerCut):
            call()
    disk.crash()
    assert disk.read_file("/d/file") == b"1234"
    with pytest.raises(PowerCut):
        file.read_at(0, 4)


def test_a_killed_process_loses_its_claims_and_no_data(disk: MemoryDisk) -> None:
    file = disk.create("/d/file")
    file.write_at(0, b"data")
    lock = disk.lock("/d/LOCK", "first")
    disk.kill()
    second = disk.lock("/d/LOCK", "second")
    assert disk.read_file("/d/file") == b"data"
    with pytest.raises(PowerCut):
        file.write_at(0, b"zombie")
    lock.close()
    with pytest.raises(DirectoryLocked, match="second"):
        disk.lock("/d/LOCK", "third")
    second.close()
    disk.lock("/d/LOCK", "third")


def test_a_bit_rots_for_good(disk: MemoryDisk) -> None:
    disk.put_file("/d/file", b"\0\0")
    disk.flip_bit("/d/file", 9)
    assert disk.read_file("/d/file") == b"\0\2"
    disk.crash()
    assert disk.read_file("/d/file") == b"\0\2"
