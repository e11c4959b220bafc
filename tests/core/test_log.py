"""Stable and unstable entries seen as one log; how far it is committed and applied."""

import pytest

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.events import (
    AcknowledgementMismatched,
    AcknowledgementUnneeded,
    Event,
    LogConflict,
    LogReplaced,
    LogTruncated,
)
from raftwerk.core.log import RaftLog
from raftwerk.core.records import ConfState, HardState, Snapshot
from raftwerk.core.sizes import ENTRY_OVERHEAD_BYTES
from raftwerk.errors import EntryCompacted, EntryUnavailable, InvariantViolation
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .member import entries_of

ENTRY_BYTES = ENTRY_OVERHEAD_BYTES + len("1.1")


class Log(RaftLog):
    """A log behind a snapshot at 2, with some entries stored and some not."""

    def __init__(
        self,
        stable: list[int],
        unstable: list[int],
        *,
        commit: int = 2,
        committed_bytes_max: int = NO_LIMIT,
    ) -> None:
        self.store = MemoryLog(Snapshot(LogIndex(2), Term(1), ConfState()))
        if stable:
            hard_state = HardState(Term(9), None, LogIndex(2))
            self.store.append(hard_state, entries_of(stable, 3))
        self.seen: list[Event] = []
        super().__init__(self.store, NodeId(1), self.seen.append, committed_bytes_max)
        if unstable:
            self.append(entries_of(unstable, 3 + len(stable)))
        self.commit_to(LogIndex(commit))

    @property
    def terms(self) -> list[int]:
        """The terms of all entries."""
        entries = self.read(self.first_index, LogIndex(self.last_index + 1), NO_LIMIT)
        return [entry.term for entry in entries]


# ---- what is there ----------------------------------------------------------


@pytest.mark.parametrize(
    ("stable", "unstable"), [([1, 2, 3], []), ([1], [2, 3]), ([], [1, 2, 3])]
)
def test_it_makes_no_difference_what_is_stored_already(
    stable: list[int], unstable: list[int]
) -> None:
    log = Log(stable, unstable)
    assert (log.first_index, log.last_index, log.last_term) == (3, 5, 3)
    assert log.terms == [1, 2, 3]
    assert [log.term(LogIndex(index)) for index in (2, 3, 4, 5)] == [1, 1, 2, 3]
    with pytest.raises(EntryCompacted, match="entry 1 is gone; the first is 3"):
        log.term(LogIndex(1))
    with pytest.raises(EntryUnavailable, match="entry 6 is not there; the last is 5"):
        log.term(LogIndex(6))
    assert [log.term_or_zero(LogIndex(index)) for index in (1, 6)] == [0, 0]
    assert not log.matches(LogIndex(1), Term(1)) and not log.matches(
        LogIndex(6), Term(3)
    )


def test_log_without_entries_is_the_snapshot() -> None:
    log = Log([], [])
    assert (log.first_index, log.last_index, log.last_term) == (3, 2, 1)
    assert not log.read(LogIndex(3), LogIndex(3), NO_LIMIT)


READS = [
    # from  to  bound in entries  read
    (3, 7, 9, [3, 4, 5, 6]),
    (3, 7, 3, [3, 4, 5]),
    (3, 7, 2, [3, 4]),
    (3, 7, 1, [3]),
    (3, 7, 0, [3]),
    (4, 6, 9, [4, 5]),
    (5, 7, 1, [5]),
    (5, 7, 0, [5]),
    (3, 5, 9, [3, 4]),
    (4, 7, 2, [4, 5]),
]


@pytest.mark.parametrize(("start", "stop", "bound", "expected"), READS)
def test_page_runs_over_from_stored_entries_to_others(
    start: int, stop: int, bound: int, expected: list[int]
) -> None:
    log = Log([1, 1], [1, 1])
    page = log.read(LogIndex(start), LogIndex(stop), bound * ENTRY_BYTES)
    assert [entry.index for entry in page] == expected


def test_page_below_the_first_entry_is_refused() -> None:
    with pytest.raises(EntryCompacted):
        Log([1], [1]).read(LogIndex(2), LogIndex(4), NO_LIMIT)


def test_what_lies_below_a_pending_snapshot_is_gone() -> None:
    """Storage has it still, but not for long, and it may differ from the snapshot."""
    log = Log([1, 2, 3], [])
    log.restore(Snapshot(LogIndex(9), Term(4), ConfState()))
    assert (log.first_index, log.last_index, log.last_term) == (10, 9, 4)
    for index in (3, 5, 8):
        with pytest.raises(EntryCompacted):
            log.term(LogIndex(index))
    with pytest.raises(EntryUnavailable):
        log.term(LogIndex(10))


COMPLETE = [
    # another log's last (index, term)  whether it is as complete as [1, 2] at 3, 4
    ((4, 2), True),
    ((5, 2), True),
    ((3, 2), False),
    ((2, 3), True),
    ((9, 1), False),
]


@pytest.mark.parametrize(("last", "is_complete"), COMPLETE)
def test_later_last_term_wins_and_then_the_longer_log(
    last: tuple[int, int], is_complete: bool
) -> None:
    log = Log([1], [2])
    assert log.is_up_to_date(LogIndex(last[0]), Term(last[1])) is is_complete


# ---- appending --------------------------------------------------------------


def test_conflict_is_told_with_both_terms_and_cuts_the_log() -> None:
    log = Log([], [1, 1, 1])
    assert log.append_after(LogIndex(3), Term(1), entries_of([2], 4)) == 4
    assert log.terms == [1, 2]
    conflict, cut = log.seen[0], log.seen[1]
    assert isinstance(conflict, LogConflict) and isinstance(cut, LogTruncated)
    assert (conflict.index, conflict.existing_term, conflict.conflicting_term) == (
        4,
        1,
        2,
    )
    assert cut.index == 4


def test_conflict_below_what_is_not_stored_replaces_all_of_that() -> None:
    log = Log([1, 1], [1])
    log.append_after(LogIndex(3), Term(1), entries_of([2], 4))
    assert log.terms == [1, 2]
    assert isinstance(log.seen[-1], LogReplaced)


def test_append_that_brings_nothing_new_changes_nothing() -> None:
    log = Log([1, 1], [1])
    assert log.append_after(LogIndex(2), Term(1), entries_of([1, 1], 3)) == 4
    assert log.terms == [1, 1, 1]
    assert not log.seen


def test_append_that_does_not_fit_changes_nothing() -> None:
    log = Log([1], [1])
    assert log.append_after(LogIndex(4), Term(2), entries_of([2], 5)) is None
    assert log.append_after(LogIndex(9), Term(1), entries_of([2], 10)) is None
    assert log.terms == [1, 1]


def test_committed_entry_is_never_replaced() -> None:
    log = Log([1, 1], [], commit=4)
    with pytest.raises(InvariantViolation, match="entry 4 replaces no committed one"):
        log.append(entries_of([2], 4))


HINTS = [
    # our terms from 3 on (2 has 1)  from where  greatest term  where and which term
    ([1, 2, 2, 5], 6, 5, (6, 5)),
    ([1, 2, 2, 5], 6, 4, (5, 2)),
    ([1, 2, 2, 5], 5, 1, (3, 1)),
    ([3, 3, 3], 5, 2, (2, 1)),
    # What is compacted counts as a place that may agree; its term is not known.
    ([3, 3, 3], 5, 0, (1, 0)),
    ([3, 3, 3], 9, 3, (9, 0)),
]


@pytest.mark.parametrize(("terms", "start", "term", "hint"), HINTS)
def test_hint_skips_all_terms_that_are_too_new(
    terms: list[int], start: int, term: int, hint: tuple[int, int]
) -> None:
    log = Log([], terms)
    assert log.find_conflict_by_term(LogIndex(start), Term(term)) == hint


# ---- committing and storing -------------------------------------------------


def test_commit_index_does_not_go_back_and_not_beyond_the_log() -> None:
    log = Log([1, 1], [], commit=4)
    log.commit_to(LogIndex(3))
    assert log.commit_index == 4
    with pytest.raises(InvariantViolation, match="has lost what it promised"):
        log.commit_to(LogIndex(5))


def test_acknowledgement_of_another_entry_at_that_place_counts_for_nothing() -> None:
    log = Log([], [1, 2])
    log.accept_unstable()
    log.stable_to(LogIndex(4), Term(1))
    event = log.seen[0]
    assert isinstance(event, AcknowledgementMismatched)
    assert (event.index, event.acknowledged_term, event.present_term) == (4, 1, 2)
    assert len(log.unstable.entries) == 2


def test_acknowledgement_of_what_is_stable_or_gone_does_nothing() -> None:
    log = Log([1], [2])
    for index in (3, 9):
        log.stable_to(LogIndex(index), Term(1))
    assert [type(event) for event in log.seen] == [AcknowledgementUnneeded] * 2
    assert len(log.unstable.entries) == 1


# ---- applying ---------------------------------------------------------------


def test_only_stored_entries_are_applied_where_that_is_asked_for() -> None:
    log = Log([1], [1, 1], commit=4)
    assert [entry.index for entry in log.next_committed(True)] == [3, 4]
    assert [entry.index for entry in log.next_committed(False)] == [3]


def test_page_waits_for_its_acknowledgement_when_the_bound_is_reached() -> None:
    log = Log([1, 1, 1], [], commit=5, committed_bytes_max=2 * ENTRY_BYTES)
    page = log.next_committed(True)
    assert [entry.index for entry in page] == [3, 4]
    log.accept_applying(LogIndex(4), 2 * ENTRY_BYTES, True)
    assert not log.has_next_committed(True)
    log.applied_to(LogIndex(4), 2 * ENTRY_BYTES)
    assert [entry.index for entry in log.next_committed(True)] == [5]


def test_page_that_was_cut_short_is_not_followed_by_another_at_once() -> None:
    log = Log([1, 1, 1], [], commit=5, committed_bytes_max=ENTRY_BYTES + 1)
    log.next_committed(True)
    log.accept_applying(LogIndex(3), ENTRY_BYTES, True)
    assert not log.has_next_committed(True), "though a byte of the bound is left"


def test_nothing_is_handed_out_while_a_snapshot_is_pending() -> None:
    log = Log([1, 1], [], commit=4)
    log.restore(Snapshot(LogIndex(9), Term(4), ConfState()))
    assert not log.has_next_committed(True)
    log.snapshot_stable_to(LogIndex(9))
    log.applied_to(LogIndex(9), 0)
    assert (log.applying_index, log.applied_index) == (9, 9)


def test_applied_index_lies_within_what_is_committed() -> None:
    log = Log([1, 1], [], commit=3)
    with pytest.raises(InvariantViolation, match="applied index 4 lies between 2"):
        log.applied_to(LogIndex(4), 0)
