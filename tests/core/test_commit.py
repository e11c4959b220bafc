"""The leader's commit index: a quorum, and the own term."""

import pytest

from raftwerk.core.commit import advance_commit
from raftwerk.core.records import ConfState
from raftwerk.types import LogIndex, NodeId

from .member import S1, S2, S3, Member

CASES = [
    # match indexes of 1, 2, 3   commit  why
    ((5, 0, 0), 0, "one of three is no majority"),
    ((5, 4, 0), 0, "up to 4 all is of older terms: Fig. 8"),
    ((5, 5, 0), 5, "5 is of this term, and all before it is committed along"),
    ((6, 6, 5), 6, "the middle one decides"),
    ((6, 5, 5), 5, "not beyond what a majority has"),
    ((0, 6, 6), 6, "the leader itself need not be among them (thesis §10.2.1)"),
]


def leader_with(matches: tuple[int, int, int]) -> Member:
    """Return a leader of term 3, with entries of 1, 2 and 3, and what it knows."""
    leader = Member(1, log=[1, 1, 2, 2], term=2)
    leader.lead()
    leader.propose(b"x")
    assert leader.log == [1, 1, 2, 2, 3, 3]
    for node_id, match in zip((S1, S2, S3), matches, strict=True):
        leader.replica.state.tracker.progress[node_id].match_index = LogIndex(match)
    return leader


@pytest.mark.parametrize(("matches", "commit", "why"), CASES)
def test_entry_of_the_own_term_that_a_majority_stores_is_committed(
    matches: tuple[int, int, int], commit: int, why: str
) -> None:
    state = leader_with(matches).replica.state
    assert advance_commit(state) is (commit > 0), why
    assert state.log.commit_index == commit, why


def test_what_is_committed_stays_where_less_is_known() -> None:
    state = leader_with((6, 6, 6)).replica.state
    assert advance_commit(state)
    state.tracker.progress[S2].match_index = LogIndex(0)
    state.tracker.progress[S3].match_index = LogIndex(0)
    assert not advance_commit(state)
    assert state.log.commit_index == 6


def test_group_without_voters_commits_nothing() -> None:
    """An empty majority has "stored" everything (as in etcd): it decides nothing."""
    state = leader_with((6, 6, 6)).replica.state
    state.tracker.restore(ConfState(), state.log.last_index)
    assert not advance_commit(state)


def test_joint_configuration_needs_both_halves() -> None:
    """§6."""
    state = leader_with((6, 0, 0)).replica.state
    voters = NodeId(1), NodeId(4)
    state.tracker.restore(
        ConfState(voters=voters, voters_outgoing=(S1, S2, S3)), state.log.last_index
    )
    progress = state.tracker.progress
    for node_id in (1, 4):
        progress[NodeId(node_id)].match_index = LogIndex(6)
    assert not advance_commit(state), "2 and 3 are needed, one of them"
    progress[S3].match_index = LogIndex(5)
    assert advance_commit(state)
    assert state.log.commit_index == 5


def test_first_commit_of_a_term_lets_postponed_reads_begin() -> None:
    """Thesis §6.4, step 1."""
    leader = Member(1)
    leader.lead()
    leader.read_index(7)
    state = leader.replica.state
    assert state.reads.postponed and not state.reads.newest_round
    leader.acknowledge(2)
    assert not state.reads.postponed and state.reads.newest_round
