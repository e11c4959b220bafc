"""Chunks that outlive the process that fetched them, as far as they can be trusted."""

from raftwerk.storage.kept_chunks import KeptChunks
from raftwerk.storage.memory_disk import MemoryDisk

PATH = "/snap/fetched.part"


def kept(disk: MemoryDisk) -> KeptChunks:
    return KeptChunks(disk, "/snap")


def filled() -> MemoryDisk:
    disk = MemoryDisk()
    first = kept(disk)
    first.keep(b"one", b"1" * 1000)
    first.keep(b"two", b"2" * 1000)
    return disk


def test_a_later_life_finds_what_was_kept() -> None:
    disk = filled()
    again = kept(disk)
    assert again.names() == {b"one", b"two"}
    assert again.get(b"two") == b"2" * 1000
    again.keep(b"three", b"3")
    assert kept(disk).get(b"three") == b"3"


def test_a_file_may_end_anywhere() -> None:
    whole = filled().read_file(PATH)
    for size in range(len(whole)):
        disk = MemoryDisk()
        disk.put_file(PATH, whole[:size])
        found = kept(disk)
        assert found.names() == ({b"one"} if size >= 1008 else set())
        found.keep(b"new", b"n")
        assert kept(disk).get(b"new") == b"n"


def test_zeros_are_no_chunk() -> None:
    disk = MemoryDisk()
    disk.put_file(PATH, bytes(100))
    assert kept(disk).names() == frozenset()


def test_nothing_is_left_of_what_is_dropped() -> None:
    disk = filled()
    kept(disk).drop()
    assert disk.list_directory("/snap") == []
    kept(disk).drop()
