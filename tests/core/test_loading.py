"""A member is made of what storage holds, or refused where that contradicts itself."""

import pytest

from raftwerk.core.config import CoreConfig
from raftwerk.core.events import MemberStarted
from raftwerk.core.records import ConfState, HardState, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.errors import InconsistentState
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, Term

from .member import S1, S2, S3, Member, entries_of


class Stored(MemoryLog):
    """A log whose store may say anything of itself."""

    def __init__(
        self, snapshot: Snapshot, terms: list[int], hard_state: HardState
    ) -> None:
        super().__init__(snapshot)
        if terms:
            self._entries.extend(entries_of(terms, snapshot.index + 1))
        self._hard_state = hard_state


THREE = ConfState(voters=(S1, S2, S3))


def stored(term: int, commit: int) -> HardState:
    """Return a hard state."""
    return HardState(Term(term), None, LogIndex(commit))


START = Snapshot(LogIndex(5), Term(2), THREE)
CONTRADICTIONS = [
    # terms of the entries behind 5  hard state  applied index  why it can't be
    (
        [2, 3],
        stored(3, 8),
        5,
        "commit index of member 1 is 8; its log goes from 5 to 7",
    ),
    (
        [2, 3],
        stored(3, 4),
        5,
        "commit index of member 1 is 4; its log goes from 5 to 7",
    ),
    ([2, 3], stored(2, 6), 5, "stored term of member 1 is 2; its last entry .* term 3"),
    ([], stored(1, 5), 5, "stored term of member 1 is 1; its last entry .* term 2"),
    (
        [2, 3],
        HardState(),
        5,
        "stored term of member 1 is 0; .* was the hard state lost",
    ),
    ([2, 3], stored(3, 6), 7, "applied_index is 7; .* from 5 to 6, the commit index"),
    ([2, 3], stored(3, 6), 4, "applied_index is 4; .* from 5 to 6, the commit index"),
]


@pytest.mark.parametrize(("terms", "hard_state", "applied", "why"), CONTRADICTIONS)
def test_storage_that_contradicts_itself_is_refused_at_start(
    terms: list[int], hard_state: HardState, applied: int, why: str
) -> None:
    store = Stored(START, terms, hard_state)
    config = CoreConfig(node_id=S1, applied_index=LogIndex(applied))
    with pytest.raises(InconsistentState, match=why):
        Replica(config, store, lambda bound: 0)


def test_configuration_that_contradicts_itself_is_refused_at_start() -> None:
    unsound = ConfState(voters=(S1, S2), learners=(S2,))
    store = MemoryLog(Snapshot(LogIndex(5), Term(2), unsound))
    with pytest.raises(InconsistentState, match="no learner is a voter"):
        Replica(CoreConfig(node_id=S1), store, lambda bound: 0)


def test_start_is_told_with_what_storage_has() -> None:
    member = Member(1, log=[1, 2], term=3, commit=1)
    (event,) = [one for one in member.events if isinstance(one, MemberStarted)]
    assert event == MemberStarted(
        node=S1,
        voters=(S1, S2, S3),
        term=Term(3),
        commit_index=LogIndex(1),
        applied_index=LogIndex(0),
        last_log_index=LogIndex(2),
        last_log_term=Term(2),
    )
