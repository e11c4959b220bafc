"""The end of the log on its way to storage: what is handed out, and what anew."""

import pytest

from raftwerk.core.records import ConfState, Entry, Snapshot
from raftwerk.core.unstable import UnstableLog
from raftwerk.errors import InvariantViolation
from raftwerk.types import LogIndex, Term

from .member import entries_of


def terms(entries: list[Entry] | tuple[Entry, ...]) -> list[int]:
    """Return the terms of entries."""
    return [entry.term for entry in entries]


def log_with(new: list[int], start: int = 5, in_progress: int = 0) -> UnstableLog:
    """Return a log whose stable part ends before `start`."""
    log = UnstableLog(LogIndex(start))
    if new[:in_progress]:
        log.append(entries_of(new[:in_progress], start))
        log.accept()
    if new[in_progress:]:
        log.append(entries_of(new[in_progress:], start + in_progress))
    return log


APPENDS = [
    # terms from 5 on  handed out  appended at  terms  then there are  to hand out
    ([], 0, 5, [1, 1], [1, 1], [1, 1]),
    ([1, 1], 2, 7, [1], [1, 1, 1], [1]),
    ([1, 1, 1], 3, 7, [2], [1, 1, 2], [2]),
    ([1, 1, 1], 3, 6, [2], [1, 2], [2]),
    ([1, 1, 1], 3, 5, [2, 2], [2, 2], [2, 2]),
    ([1, 1, 1], 1, 7, [2], [1, 1, 2], [1, 2]),
    ([1, 1, 1], 1, 6, [2, 2], [1, 2, 2], [2, 2]),
]


@pytest.mark.parametrize(
    ("before", "handed_out", "start", "new", "after", "to_hand_out"), APPENDS
)
def test_entries_that_were_rewritten_are_handed_out_again(
    before: list[int],
    handed_out: int,
    start: int,
    new: list[int],
    after: list[int],
    to_hand_out: list[int],
) -> None:
    log = log_with(before, in_progress=handed_out)
    log.append(entries_of(new, start))
    assert terms(log.entries) == after
    assert terms(list(log.next_entries())) == to_hand_out
    assert log.has_next_entries == bool(to_hand_out)


def test_stable_entries_may_be_rewritten_too() -> None:
    """The log begins earlier then: storage still has what is no longer ours."""
    log = log_with([1, 1], start=5, in_progress=2)
    assert log.append(entries_of([2], 3)) == 3
    assert (log.offset, log.stop) == (3, 4)
    assert terms(list(log.next_entries())) == [2]


def test_append_says_where_entries_had_to_go() -> None:
    log = log_with([1, 1, 1])
    assert log.append(entries_of([2], 8)) is None
    assert log.append(entries_of([3], 7)) == 7
    assert log.append(entries_of([4], 5)) == 5


def test_what_was_handed_out_is_not_handed_out_twice() -> None:
    log = log_with([1, 1])
    log.accept()
    assert not log.next_entries()
    assert not log.has_next_entries
    assert terms(log.entries) == [1, 1], "but it is not stable before that is said"


def test_stable_entries_are_forgotten_and_the_rest_stays() -> None:
    log = log_with([1, 2, 3], in_progress=3)
    log.forget_entries(LogIndex(6))
    assert (log.offset, terms(log.entries)) == (7, [3])
    assert not log.next_entries()
    log.forget_entries(LogIndex(7))
    assert (log.offset, log.entries) == (8, [])


def test_entries_that_are_stable_need_not_be_handed_out_any_more() -> None:
    """An acknowledgement may run ahead of the mark where a cut moved that back."""
    log = log_with([1, 2, 3], in_progress=1)
    log.forget_entries(LogIndex(6))
    assert terms(list(log.next_entries())) == [3]


def test_term_is_known_of_what_is_here_and_of_the_snapshot() -> None:
    log = log_with([1, 2])
    assert [log.term(LogIndex(index)) for index in (4, 5, 6, 7)] == [None, 1, 2, None]
    log.restore(Snapshot(LogIndex(9), Term(4), ConfState()))
    assert [log.term(LogIndex(index)) for index in (8, 9, 10)] == [None, 4, None]


def test_snapshot_takes_the_place_of_all_entries() -> None:
    log = log_with([1, 2], in_progress=1)
    snapshot = Snapshot(LogIndex(9), Term(4), ConfState())
    log.restore(snapshot)
    assert (log.offset, log.entries, log.next_snapshot()) == (10, [], snapshot)
    log.accept()
    assert log.next_snapshot() is None
    log.forget_snapshot(LogIndex(8))
    assert log.snapshot == snapshot, "that was another one"
    log.forget_snapshot(LogIndex(9))
    assert log.snapshot is None


def test_newer_snapshot_is_handed_out_though_the_last_one_is_on_its_way() -> None:
    log = log_with([])
    log.restore(Snapshot(LogIndex(9), Term(4), ConfState()))
    log.accept()
    newer = Snapshot(LogIndex(12), Term(4), ConfState())
    log.restore(newer)
    assert log.next_snapshot() == newer


def test_slice_is_a_copy_of_what_lies_here() -> None:
    log = log_with([1, 2, 3])
    part = log.slice(LogIndex(6), LogIndex(8))
    assert terms(list(part)) == [2, 3]
    log.append(entries_of([9], 6))
    assert terms(list(part)) == [2, 3]
    with pytest.raises(InvariantViolation, match="unstable entries 4 to 6 lie in 5"):
        log.slice(LogIndex(4), LogIndex(6))
