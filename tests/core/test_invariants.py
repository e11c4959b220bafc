"""What is true between any two steps: each invariant is broken here once by hand."""

from collections.abc import Callable

import pytest

from raftwerk.core.invariants import check_all, check_invariants
from raftwerk.core.records import Entry
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import InvariantViolation
from raftwerk.types import LogIndex, Term

from .member import S2, Member, entries_of


def leader() -> Member:
    """Return a leader with two entries of an older term, all committed."""
    member = Member(1, log=[1, 1], term=1)
    member.lead()
    member.acknowledge(2, 3)
    return member


def lose_the_end(state: State) -> None:
    """Let the log be shorter than what is committed."""
    state.log.unstable.offset = LogIndex(2)


def go_back_in_commit(state: State) -> None:
    """Forget that entries are committed."""
    state.log.applied_index = state.log.applying_index = LogIndex(1)
    state.log.commit_index = LogIndex(1)


def go_back_in_term(state: State) -> None:
    """Forget the term."""
    state.term = Term(state.term - 1)


def lead_nobody(state: State) -> None:
    """Lead without knowing it."""
    state.leader = S2


def follow_oneself(state: State) -> None:
    """Follow oneself."""
    state.role = Role.FOLLOWER


def apply_the_future(state: State) -> None:
    """Apply what was not handed out."""
    state.log.applied_index = LogIndex(state.log.applying_index + 1)


def apply_what_is_not_committed(state: State) -> None:
    """Hand out what is not committed."""
    state.log.applying_index = LogIndex(state.log.commit_index + 1)


CHEAP = [
    lose_the_end,
    go_back_in_commit,
    go_back_in_term,
    lead_nobody,
    follow_oneself,
    apply_the_future,
    apply_what_is_not_committed,
]


@pytest.mark.parametrize("damage", CHEAP)
def test_broken_promise_is_noticed_at_once(damage: Callable[[State], None]) -> None:
    state = leader().replica.state
    check_invariants(state)
    damage(state)
    with pytest.raises(InvariantViolation, match="member 1: applied index"):
        check_invariants(state)


def misplace(state: State) -> None:
    """Put an entry into a place that is not its own."""
    state.log.unstable.entries = [Entry(Term(2), LogIndex(9))]


def age(state: State) -> None:
    """Let terms go back along the log."""
    state.log.unstable.entries = list(entries_of([1], 4))


def outrun(state: State) -> None:
    """Store an entry of a term that was not reached."""
    state.log.unstable.entries = list(entries_of([9], 4))


def overtake(state: State) -> None:
    """Send what is known to be there."""
    progress = state.tracker.progress[S2]
    progress.next_index = progress.match_index


def exceed(state: State) -> None:
    """Know of more than there is."""
    progress = state.tracker.progress[S2]
    progress.match_index = LogIndex(99)
    progress.next_index = LogIndex(100)


DEAR = [
    (misplace, "entry 9 stands at place 4"),
    (age, "terms in the log grow"),
    (outrun, "none is newer than 2; entry 4 has 9"),
    (overtake, "of 2 is below its next index"),
    (exceed, "2 stores no more than its leader"),
]


@pytest.mark.parametrize(("damage", "claim"), DEAR)
def test_broken_promise_of_the_whole_log_is_found(
    damage: Callable[[State], None], claim: str
) -> None:
    state = leader().replica.state
    check_all(state)
    damage(state)
    with pytest.raises(InvariantViolation, match=claim):
        check_all(state)
