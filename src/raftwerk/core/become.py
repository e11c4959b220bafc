"""Entering a role: what is forgotten, what begins.

Every change of role goes through here, along an arrow of `roles.TRANSITIONS`.
Source: Raft paper Fig. 2 and Fig. 4, §5.2; thesis §9.6 (pre-candidate).
"""

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    BecamePreCandidate,
)
from raftwerk.core.messages import Proposal
from raftwerk.core.proposals import append_to_own_log
from raftwerk.core.records import EntryKind
from raftwerk.core.roles import Cause, next_role
from raftwerk.core.state import State
from raftwerk.types import NO_INDEX, NodeId, Term

__all__ = [
    "become_candidate",
    "become_follower",
    "become_leader",
    "become_pre_candidate",
    "start_as_follower",
]


def become_follower(
    state: State, cause: Cause, term: Term, leader: NodeId | None
) -> None:
    """Follow, perhaps in a new term, perhaps without knowing whom.

    Parameters
    ----------
    state : State
        This member.
    cause : Cause
        Why.
    term : Term
        At least the present one.
    leader : NodeId or None
        Who leads in it, if that is known.
    """
    state.role = next_role(state.role, cause)
    _reset(state, term)
    state.leader = leader
    state.record(BecameFollower(node=state.id, term=term, leader=leader))


def start_as_follower(state: State) -> None:
    """Begin as every member begins (Raft paper Fig. 4).

    Parameters
    ----------
    state : State
        This member, with what storage holds.
    """
    _reset(state, state.term)
    state.record(BecameFollower(node=state.id, term=state.term, leader=None))


def become_pre_candidate(state: State) -> None:
    """Ask whether an election could be won; term, vote and clocks stay (thesis §9.6).

    Parameters
    ----------
    state : State
        This member.
    """
    state.role = next_role(state.role, Cause.ELECTION_TIMEOUT_WITH_PRE_VOTE)
    state.tracker.reset_votes()
    state.leader = None
    state.record(BecamePreCandidate(node=state.id, term=state.term))


def become_candidate(state: State, cause: Cause) -> None:
    """Stand in a new term, with the own vote (§5.2).

    Parameters
    ----------
    state : State
        This member.
    cause : Cause
        A timeout, a won pre-vote, or the order of a leader.
    """
    state.role = next_role(state.role, cause)
    _reset(state, Term(state.term + 1))
    state.vote = state.id
    state.record(BecameCandidate(node=state.id, term=state.term))


def become_leader(state: State) -> None:
    """Lead, and append the term's first entry (§5.2, §8).

    Parameters
    ----------
    state : State
        This member.
    """
    state.role = next_role(state.role, Cause.VOTE_WON)
    _reset(state, state.term)
    state.leader = state.id
    own = state.tracker.progress[state.id]
    own.become_replicate()
    own.is_recently_active = True
    # There may be a change among the entries not applied yet. To look is dearer than
    # to wait: no other change is proposed until all of them are applied.
    state.pending_conf_index = state.log.last_index
    # Only an entry of the own term can be committed by counting (§5.4.2), and only
    # with it a new leader learns what is committed (§8).
    append_to_own_log(state, (Proposal(b"", EntryKind.COMMAND),))
    state.record(BecameLeader(node=state.id, term=state.term))


def _reset(state: State, term: Term) -> None:
    """Forget all that belonged to the role before."""
    if term != state.term:
        state.term = term
        state.vote = None
    state.leader = None
    state.election_elapsed = 0
    state.heartbeat_elapsed = 0
    _draw_election_timeout(state)
    state.transferee = None
    state.lease.reset()
    state.tracker.reset(state.id, state.log.last_index)
    state.pending_conf_index = NO_INDEX
    state.uncommitted_bytes = 0
    state.reads.drop()


def _draw_election_timeout(state: State) -> None:
    """Draw a new timeout, so that split votes are rare and don't repeat (§5.2)."""
    config = state.config
    width = config.election_ticks_max - config.election_ticks_min + 1
    state.election_timeout = config.election_ticks_min + state.draw(width)
