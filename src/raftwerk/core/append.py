"""The follower's side of replication: log check, conflict, append, commit.

Source: Raft paper §5.3, Fig. 2 (AppendEntries RPC, receiver implementation).
"""

from raftwerk.core.become import become_follower
from raftwerk.core.events import AppendRefused
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    Heartbeat,
    HeartbeatReply,
)
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.errors import PeerError
from raftwerk.types import LogIndex, NodeId

__all__ = ["follow", "on_append_entries", "on_heartbeat"]


def follow(state: State, leader: NodeId) -> None:
    """Know who leads this term, and wait a whole timeout for its next message.

    Parameters
    ----------
    state : State
        This member, in the leader's term; a candidate gives up (§5.2).
    leader : NodeId
        Who sent what only a leader sends.

    Raises
    ------
    PeerError
        If we lead this term ourselves; nothing changed.
    """
    if state.role is Role.LEADER:
        raise PeerError(
            f"member {leader} sends as the leader of term {state.term}, which is member"
            f" {state.id}: a term has one leader (§5.2)"
        )
    if state.role is Role.FOLLOWER:
        state.election_elapsed = 0
        state.leader = leader
    else:
        become_follower(state, Cause.LEADER_SEEN, state.term, leader)


def on_append_entries(state: State, message: AppendEntries) -> None:
    """Append the leader's entries if the log agrees before them, and say how far.

    Parameters
    ----------
    state : State
        This member.
    message : AppendEntries
        Of the present term.
    """
    follow(state, message.sender)
    log = state.log
    if message.prev_log_index < log.commit_index:
        # Committed entries never differ (§5.4.3), and the beginning may be compacted.
        _accept(state, message.sender, log.commit_index)
        return
    match_index = log.append_after(
        message.prev_log_index, message.prev_log_term, message.entries
    )
    if match_index is not None:
        # Not beyond what this message vouches for: what lies behind it may be from
        # another leader and be overwritten still.
        log.commit_to(min(message.commit_index, match_index))
        _accept(state, message.sender, match_index)
        return
    _refuse(state, message)


def _accept(state: State, leader: NodeId, match_index: LogIndex) -> None:
    """Answer that the logs agree up to an index, once that is durable."""
    state.send_after_sync(
        AppendEntriesReply(
            sender=state.id,
            receiver=leader,
            term=state.term,
            match_index=match_index,
        )
    )


def _refuse(state: State, message: AppendEntries) -> None:
    """Answer that the log check failed, and where it may succeed."""
    log = state.log
    refused_index = message.prev_log_index
    state.record(
        AppendRefused(
            node=state.id,
            sender=message.sender,
            prev_log_index=refused_index,
            prev_log_term=message.prev_log_term,
            own_term_there=log.term_or_zero(refused_index),
        )
    )
    hint_index, hint_term = log.find_conflict_by_term(
        min(refused_index, log.last_index), message.prev_log_term
    )
    state.send_after_sync(
        AppendEntriesRefusal(
            sender=state.id,
            receiver=message.sender,
            term=state.term,
            refused_index=refused_index,
            hint_index=hint_index,
            hint_term=hint_term,
        )
    )


def on_heartbeat(state: State, message: Heartbeat) -> None:
    """Know that the leader lives, and what is committed of what we store.

    Parameters
    ----------
    state : State
        This member.
    message : Heartbeat
        Of the present term.
    """
    follow(state, message.sender)
    state.log.commit_to(message.commit_index)
    state.send(
        HeartbeatReply(
            sender=state.id,
            receiver=message.sender,
            term=state.term,
            read_round=message.read_round,
        )
    )
