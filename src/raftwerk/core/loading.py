"""A member that starts: made of what storage holds, if all of it fits together.

What Fig. 2 calls persistent (term, vote, log) is taken over; so is the commit index,
which etcd stores beside it, for what was committed can be applied before any leader
says so. Nothing is mended here: a term or an index that contradicts the log means that
storage has lost what was promised.
"""

from collections.abc import Callable

from raftwerk.core.become import start_as_follower
from raftwerk.core.conf_change import switch_configuration
from raftwerk.core.config import CoreConfig
from raftwerk.core.events import MemberStarted
from raftwerk.core.records import HardState
from raftwerk.core.stable import StableLog
from raftwerk.core.state import State
from raftwerk.errors import InconsistentState

__all__ = ["load"]


def load(config: CoreConfig, log: StableLog, draw: Callable[[int], int]) -> State:
    """Make a member of what storage holds, and check that it can be one.

    Parameters
    ----------
    config : CoreConfig
        What it is told.
    log : StableLog
        What storage holds.
    draw : callable
        Takes a bound and returns an integer from 0 up to but not including it.

    Returns
    -------
    State
        Of a follower that knows no leader (Fig. 4: all start as that).

    Raises
    ------
    InconsistentState
        If what storage holds can't be the state of a member.
    """
    hard_state, conf_state = log.initial_state()
    state = State(config, log, draw)
    raft_log = state.log
    state.tracker.restore(conf_state, raft_log.last_index)
    switch_configuration(state)
    # None was stored in a group's first snapshot; but who stored an entry had a term.
    if hard_state != HardState() or raft_log.last_index >= raft_log.first_index:
        _load_hard_state(state, hard_state)
    if config.applied_index:
        if not raft_log.applied_index <= config.applied_index <= raft_log.commit_index:
            raise InconsistentState(
                f"applied_index is {config.applied_index}; the log of member"
                f" {state.id} has it from {raft_log.applied_index} to"
                f" {raft_log.commit_index}, the commit index"
            )
        raft_log.applied_to(config.applied_index, 0)
    start_as_follower(state)
    state.record(
        MemberStarted(
            node=state.id,
            voters=state.tracker.voter_ids,
            term=state.term,
            commit_index=raft_log.commit_index,
            applied_index=raft_log.applied_index,
            last_log_index=raft_log.last_index,
            last_log_term=raft_log.last_term,
        )
    )
    return state


def _load_hard_state(state: State, hard_state: HardState) -> None:
    """Take over term, vote and commit index, if log and they fit together."""
    raft_log = state.log
    if hard_state.term < raft_log.last_term:
        raise InconsistentState(
            f"the stored term of member {state.id} is {hard_state.term}; its last"
            f" entry is of term {raft_log.last_term}: was the hard state lost?"
        )
    if not raft_log.commit_index <= hard_state.commit_index <= raft_log.last_index:
        raise InconsistentState(
            f"the stored commit index of member {state.id} is"
            f" {hard_state.commit_index}; its log goes from {raft_log.commit_index} to"
            f" {raft_log.last_index}: were entries lost?"
        )
    raft_log.commit_index = hard_state.commit_index
    state.must_wait_out = state.config.lease_read
    state.term = hard_state.term
    state.vote = hard_state.vote
