"""A small file is as it was saved or as it was before, whatever happens."""

import errno

import pytest

from raftwerk.errors import DiskFull, StorageError
from raftwerk.host.draw import SplitMix64
from raftwerk.storage.discard import discard_log
from raftwerk.storage.kept_file import KeptFile
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut


def kept(disk: MemoryDisk) -> KeptFile:
    return KeptFile(disk, "/data/node", "file")


def test_what_was_saved_is_loaded() -> None:
    disk = MemoryDisk()
    assert kept(disk).load() is None
    kept(disk).save(b"first")
    assert kept(disk).load() == b"first"
    kept(disk).save(b"")
    disk.crash()
    assert kept(disk).load() == b""


def test_a_power_cut_at_any_moment_leaves_the_one_or_the_other() -> None:
    found = set()
    for operations in range(40):
        disk = MemoryDisk()
        kept(disk).save(b"before")
        disk.cut_power_after(operations)
        try:
            kept(disk).save(b"behind")
        except PowerCut:
            pass
        disk.crash(SplitMix64(operations))
        content = kept(disk).load()
        assert content in (b"before", b"behind"), operations
        found.add(content)
    assert len(found) == 2, "the cuts came at moments that matter"


def test_a_damaged_file_is_refused() -> None:
    disk = MemoryDisk()
    kept(disk).save(b"content")
    disk.flip_bit("/data/node/file", 50)
    with pytest.raises(StorageError, match="checksum"):
        kept(disk).load()


def test_a_disk_that_fails_is_told() -> None:
    disk = MemoryDisk()
    disk.fail_next("sync")
    with pytest.raises(StorageError):
        kept(disk).save(b"content")


def test_a_full_disk_is_told_as_such() -> None:
    disk = MemoryDisk()
    disk.fail_next("write", errno.ENOSPC)
    with pytest.raises(DiskFull):
        kept(disk).save(b"content")


def test_a_log_that_is_discarded_is_gone_and_nothing_else() -> None:
    disk = MemoryDisk()
    kept(disk).save(b"content")
    disk.make_directory("/data/node/wal")
    disk.put_file("/data/node/wal/00000001-0000000000000001.wal", b"x")
    discard_log(disk, "/data/node")
    assert disk.list_directory("/data/node/wal") == []
    assert kept(disk).load() == b"content"
    discard_log(disk, "/data/other")
