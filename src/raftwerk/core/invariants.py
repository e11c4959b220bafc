"""What is true between any two steps of one member.

Cheap ones always, in constant time; the dear ones, which compare members with one
another, run in tests and in the simulator. Source: Raft paper Fig. 3.
"""

from typing import Final

from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import InvariantViolation, require

__all__ = ["check_all", "check_invariants"]

_LEADER: Final = Role.LEADER
"""Looked up once: members of an enumeration are dear, and this is asked often."""


def check_invariants(state: State) -> None:
    """Check what costs no more than a few comparisons; called after every step.

    Parameters
    ----------
    state : State
        This member.

    Raises
    ------
    InvariantViolation
        If one does not hold: the member must stop.
    """
    log = state.log
    unstable = log.unstable
    commit_index = log.commit_index
    seen = state.seen
    if not (
        # The last index is written out, for this runs after every step.
        log.applied_index
        <= log.applying_index
        <= commit_index
        < unstable.offset + len(unstable.entries)
        and seen.term <= state.term
        and seen.commit_index <= commit_index
        and (state.role is _LEADER) == (state.leader == state.id)
    ):
        _say_which(state)
    seen.term = state.term
    seen.commit_index = commit_index


def _say_which(state: State) -> None:
    """Raise with the numbers; apart, so that the usual case formats no text."""
    log = state.log
    raise InvariantViolation(
        f"member {state.id}: applied index {log.applied_index} <= applying"
        f" {log.applying_index} <= commit index {log.commit_index} <= last index"
        f" {log.last_index}; term {state.term} and commit index never go back"
        f" (were {state.seen.term} and {state.seen.commit_index}); a leader, and no"
        f" other, knows itself as leader ({state.role.name}, leader {state.leader})"
    )


def check_all(state: State) -> None:
    """Check all that one member can know of itself, at a cost of the log's length.

    Parameters
    ----------
    state : State
        This member.

    Raises
    ------
    InvariantViolation
        If one does not hold.
    """
    check_invariants(state)
    log = state.log
    last_term = log.term_or_zero(type(log.last_index)(log.first_index - 1))
    expected = log.first_index
    for entry in log.read(log.first_index, type(expected)(log.last_index + 1), 2**63):
        require(
            entry.index == expected,
            f"member {state.id}: entry {entry.index} stands at place {expected}",
        )
        require(
            last_term <= entry.term <= state.term,
            f"member {state.id}: terms in the log grow and none is newer than"
            f" {state.term}; entry {entry.index} has {entry.term} after {last_term}",
        )
        last_term = entry.term
        expected = type(expected)(expected + 1)
    for node_id, progress in state.tracker.progress.items():
        require(
            progress.match_index < progress.next_index,
            f"member {state.id}: match index {progress.match_index} of {node_id} is"
            f" below its next index {progress.next_index}",
        )
        if state.role is Role.LEADER:
            require(
                progress.match_index <= log.last_index,
                f"member {state.id}: {node_id} stores no more than its leader",
            )
