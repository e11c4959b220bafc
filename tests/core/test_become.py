"""Entering a role: what is forgotten, what stays, what begins."""

import pytest

from raftwerk.core.become import (
    become_candidate,
    become_follower,
    become_leader,
    become_pre_candidate,
)
from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    BecamePreCandidate,
)
from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.ready import SoftState
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.types import LogIndex, NodeId, Term

from .member import ELECTION_TICKS, S1, S2, S3, Member


def busy_leader() -> Member:
    """Return a leader with something in each place that a role fills."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2)
    leader.propose_change("l4")
    leader.propose(b"x")
    leader.read_index(7)
    leader.tick(3)
    leader.step(TransferLeadership(S3))
    state = leader.replica.state
    assert state.transferee == S3 and state.uncommitted_bytes
    assert state.pending_conf_index and state.reads.newest_round
    return leader


@pytest.mark.parametrize("term", [1, 2], ids=["the same term", "a newer one"])
def test_role_leaves_nothing_behind(term: int) -> None:
    state = busy_leader().replica.state
    become_follower(state, Cause.HIGHER_TERM_SEEN, Term(term), None)
    assert state.role is Role.FOLLOWER
    assert (state.term, state.leader) == (term, None)
    assert (state.election_elapsed, state.heartbeat_elapsed) == (0, 0)
    assert state.transferee is None
    assert not state.tracker.votes
    assert not state.reads.newest_round
    assert (state.pending_conf_index, state.uncommitted_bytes) == (0, 0)
    assert not state.lease.is_valid
    last_index = state.log.last_index
    for node_id, progress in state.tracker.progress.items():
        assert progress.match_index == (last_index if node_id == S1 else 0)
        assert progress.next_index == last_index + 1
        assert progress.state is ProgressState.PROBE


def test_vote_is_forgotten_with_its_term_alone() -> None:
    """§5.2: one vote in each term."""
    state = Member(2, term=3, vote=1).replica.state
    become_follower(state, Cause.LEADER_SEEN, Term(3), S1)
    assert state.vote == S1
    become_follower(state, Cause.LEADER_SEEN, Term(4), S3)
    assert state.vote is None


def test_pre_candidate_keeps_all_but_leader_and_votes() -> None:
    """Thesis §9.6: it has only asked."""
    member = Member(2, term=3, vote=1)
    member.tick(4)
    state = member.replica.state
    state.leader = S1
    timeout = state.election_timeout
    become_pre_candidate(state)
    assert state.soft_state == SoftState(None, Role.PRE_CANDIDATE)
    assert (state.term, state.vote) == (3, S1)
    assert (state.election_elapsed, state.election_timeout) == (4, timeout)


def test_candidate_votes_for_itself_in_a_new_term() -> None:
    state = Member(2, term=3, vote=1).replica.state
    become_candidate(state, Cause.ELECTION_TIMEOUT)
    assert (state.role, state.term, state.vote) == (Role.CANDIDATE, 4, S2)


def test_leader_begins_with_an_entry_of_its_term_and_gates_changes() -> None:
    """§8, and thesis §4.1: there may be a change among what it has not applied."""
    state = Member(1, log=[1, 1], term=1).replica.state
    become_candidate(state, Cause.ELECTION_TIMEOUT)
    become_leader(state)
    assert state.leader == S1
    assert (state.log.last_index, state.log.last_term) == (3, 2)
    assert state.pending_conf_index == 2
    own = state.tracker.progress[S1]
    assert own.state is ProgressState.REPLICATE and own.is_recently_active
    assert not state.tracker.progress[S2].is_recently_active


def test_timeout_is_drawn_anew_with_each_role_from_its_bounds() -> None:
    """§5.2: both bounds are drawn."""
    draws = iter([5, 0, ELECTION_TICKS - 1])
    bounds: list[int] = []

    def draw(bound: int) -> int:
        bounds.append(bound)
        return next(draws)

    state = Member(1, draw=draw).replica.state
    timeouts = [state.election_timeout]
    for term in (1, 2):
        become_follower(state, Cause.HIGHER_TERM_SEEN, Term(term), None)
        timeouts.append(state.election_timeout)
    assert timeouts == [ELECTION_TICKS + 5, ELECTION_TICKS, 2 * ELECTION_TICKS - 1]
    assert set(bounds) == {ELECTION_TICKS}


def test_each_role_is_told() -> None:
    state = Member(1).replica.state
    become_pre_candidate(state)
    become_candidate(state, Cause.PRE_VOTE_WON)
    become_leader(state)
    become_follower(state, Cause.QUORUM_LOST, state.term, None)
    kinds = BecamePreCandidate, BecameCandidate, BecameLeader, BecameFollower
    assert [type(one) for one in state.events if isinstance(one, kinds)] == [*kinds]


def test_postponed_reads_survive_a_role_and_rounds_do_not() -> None:
    """What was never given an index may be given a later one (thesis §6.4)."""
    leader = Member(1)
    leader.lead()
    leader.read_index(7)
    state = leader.replica.state
    assert len(state.reads.postponed) == 1
    become_follower(state, Cause.QUORUM_LOST, state.term, None)
    assert [one.context for one in state.reads.postponed] == [7]


def seen(state: State) -> tuple[LogIndex, NodeId | None]:
    """Return what no change of role may move."""
    return state.log.commit_index, state.tracker.conf_state.voters[0]


def test_commit_index_and_configuration_are_no_matter_of_roles() -> None:
    state = busy_leader().replica.state
    before = seen(state)
    become_follower(state, Cause.HIGHER_TERM_SEEN, Term(9), None)
    assert seen(state) == before
