"""Ticks: when an election begins by itself, and what a leader does as time passes.

Source: Raft paper §5.2 (timeouts, heartbeats); thesis §6.2 (a leader without a quorum
steps down), §3.10 (a transfer is given up). `tick(n)` equals n single ticks, so that a
driver can sleep until the next deadline.
"""

from typing import Final

from raftwerk.core.answers import wait_for_snapshots
from raftwerk.core.become import become_follower
from raftwerk.core.config import NO_LIMIT
from raftwerk.core.election import campaign
from raftwerk.core.events import QuorumLost
from raftwerk.core.inputs import Tick
from raftwerk.core.read_index import repeat_round
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.core.transfer import give_up_transfer
from raftwerk.errors import MisuseError

__all__ = ["on_tick", "ticks_until_deadline"]

_LEADER: Final = Role.LEADER
"""Looked up once: members of an enumeration are dear, and this is asked often."""


def ticks_until_deadline(state: State) -> int:
    """Return after how many ticks something happens; before that, ticks only count.

    Parameters
    ----------
    state : State
        This member.

    Returns
    -------
    int
        At least 1; `NO_LIMIT` if time alone changes nothing.
    """
    config = state.config
    if state.role is _LEADER:
        remaining = min(
            config.heartbeat_ticks - state.heartbeat_elapsed,
            config.election_ticks_min - state.election_elapsed,
        )
    elif state.is_promotable:
        remaining = state.election_timeout - state.election_elapsed
    else:
        return NO_LIMIT
    return max(remaining, 1)


def on_tick(state: State, event: Tick) -> None:
    """Let time pass.

    Parameters
    ----------
    state : State
        This member.
    event : Tick
        How many ticks.

    Raises
    ------
    MisuseError
        If it is a negative number of them.
    """
    if event.count < 0:
        raise MisuseError(f"{event.count} ticks were counted; time does not go back")
    remaining = event.count
    if state.role is not _LEADER:
        elapsed = state.election_elapsed + remaining
        if elapsed < min(state.config.election_ticks_min, state.election_timeout):
            state.election_elapsed = elapsed  # mostly: nothing is due yet
            return
    while remaining > 0:
        step = min(remaining, ticks_until_deadline(state))
        remaining -= step
        if state.role is _LEADER:
            _tick_leader(state, step)
        else:
            _tick_others(state, step)


def _tick_others(state: State, ticks: int) -> None:
    """Wait for a leader, or stand for an election (§5.2)."""
    state.election_elapsed += ticks
    if state.election_elapsed >= state.config.election_ticks_min:
        state.must_wait_out = False
    if state.election_elapsed >= state.election_timeout and state.is_promotable:
        state.election_elapsed = 0
        campaign(state)


def _tick_leader(state: State, ticks: int) -> None:
    """Check that a quorum is there, give up what takes too long, send heartbeats."""
    state.heartbeat_elapsed += ticks
    state.election_elapsed += ticks
    state.lease.tick(ticks)
    if state.election_elapsed >= state.config.election_ticks_min:
        state.election_elapsed = 0
        if state.config.check_quorum and not _has_quorum(state):
            return
        # The target did not make it: lead on, and take proposals again.
        give_up_transfer(state)
        wait_for_snapshots(state, state.config.election_ticks_min)
    if state.heartbeat_elapsed >= state.config.heartbeat_ticks:
        state.heartbeat_elapsed = 0
        repeat_round(state)


def _has_quorum(state: State) -> bool:
    """Step down unless a quorum was heard of lately; then listen anew."""
    is_active = state.tracker.is_quorum_active()
    if not is_active:
        state.record(QuorumLost(node=state.id))
        become_follower(state, Cause.QUORUM_LOST, state.term, None)
    for node_id, progress in state.tracker.progress.items():
        if node_id != state.id:
            progress.is_recently_active = False
    return is_active
