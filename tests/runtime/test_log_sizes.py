"""The sizes of a log, counted as it grows, is cut and is compacted."""

from raftwerk.core.records import Entry, Snapshot
from raftwerk.runtime.log_sizes import LogSizes
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, Term


def entries(first: int, *sizes: int, term: int = 1) -> list[Entry]:
    return [
        Entry(Term(term), LogIndex(first + place), b"x" * size)
        for place, size in enumerate(sizes)
    ]


def log_with(*sizes: int) -> MemoryLog:
    log = MemoryLog()
    log.append(None, entries(1, *sizes))
    return log


def test_it_grows_with_the_log() -> None:
    log = log_with(10, 20)
    sizes = LogSizes(log)
    sizes.look()
    assert sizes.total_bytes == 30
    log.append(None, entries(3, 5))
    sizes.look()
    assert sizes.total_bytes == 35


def test_what_comes_behind_an_entry() -> None:
    sizes = LogSizes(log_with(10, 20, 5))
    sizes.look()
    behind = [sizes.bytes_after(LogIndex(index)) for index in range(5)]
    assert behind == [35, 25, 5, 0, 0]


def test_a_log_that_was_cut_is_counted_again() -> None:
    log = log_with(10, 20, 5)
    sizes = LogSizes(log)
    sizes.look()
    log.append(None, entries(2, 1, term=2))
    sizes.look()
    assert sizes.total_bytes == 11


def test_a_log_that_was_compacted_has_what_is_left() -> None:
    log = log_with(10, 20, 5)
    sizes = LogSizes(log)
    sizes.look()
    log.compact(Snapshot(index=LogIndex(2), term=Term(1)), keep=0)
    sizes.look()
    assert sizes.total_bytes == 5
    assert sizes.bytes_after(LogIndex(1)) == 5


def test_an_empty_log_has_no_bytes() -> None:
    sizes = LogSizes(MemoryLog())
    sizes.look()
    assert sizes.total_bytes == 0
