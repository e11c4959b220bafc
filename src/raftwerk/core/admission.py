"""Which messages are let in: those for us, from members, that the protocol allows.

Checked before anything else happens, so that a message that is refused has changed
nothing, not even the term. What is refused is no part of the
algorithm: a driver mixed up its members, a peer has a bug, or one who was removed
answers late.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from raftwerk.core.membership import conf_state_fault
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    ReadIndexReply,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import MisuseError, PeerError, UnknownPeer
from raftwerk.types import NodeId

__all__ = ["admit"]


def admit(state: State, message: Message) -> None:
    """Let a message in, or raise; nothing changes.

    Parameters
    ----------
    state : State
        This member.
    message : Message
        As it came.

    Raises
    ------
    MisuseError
        If it is for somebody else, or cannot come from its sender.
    UnknownPeer
        If it answers what we never asked: its sender is not in the configuration.
    PeerError
        If no member that keeps to the protocol sends it.
    """
    if message.receiver != state.id:
        raise MisuseError(
            f"{type(message).__name__} for member {message.receiver} was given to"
            f" member {state.id}"
        )
    check = _CHECKS.get(type(message))
    if check is not None:
        check(state, message)


def _check_answer(state: State, message: Message) -> None:
    """Refuse the answers of strangers: nobody asked them."""
    if message.sender not in state.tracker.progress:
        raise UnknownPeer(
            f"{type(message).__name__} came from member {message.sender}, which is not"
            f" in the configuration of member {state.id}"
        )


def _check_acknowledgement(state: State, message: AppendEntriesReply) -> None:
    """Refuse to know of more than we have: nobody could have it from us."""
    _check_answer(state, message)
    if (
        message.match_index > state.log.last_index
        and message.term == state.term
        and state.role is Role.LEADER
    ):
        raise PeerError(
            f"member {message.sender} acknowledged entry {message.match_index} to"
            f" member {state.id}, which leads term {message.term} with a log that ends"
            f" at {state.log.last_index}"
        )


def _check_request(state: State, message: Message) -> None:
    """Refuse what only another member can ask of us."""
    _check_other(state.id, message)


def _check_other(own_id: NodeId, message: Message) -> None:
    """Refuse a sender that is nobody, or ourselves."""
    if message.sender < 1 or message.sender == own_id:
        raise MisuseError(
            f"{type(message).__name__} to member {own_id} came from member"
            f" {message.sender}; it must be another one, with an id of 1 or more"
        )


def _check_append(state: State, message: AppendEntries) -> None:
    """Refuse entries that leave a gap, or whose terms go back (§5.3)."""
    _check_other(state.id, message)
    term = message.prev_log_term
    for index, entry in enumerate(message.entries, message.prev_log_index + 1):
        if entry.index != index or not term <= entry.term <= message.term:
            raise PeerError(
                f"member {message.sender} sent entry {entry.index} (term {entry.term})"
                f" in term {message.term} where entry {index} must follow, of term"
                f" {term} or later: indexes follow one another, terms never go back"
            )
        term = entry.term


def _check_snapshot(state: State, message: InstallSnapshot) -> None:
    """Refuse a configuration that contradicts itself, and a snapshot of nothing."""
    _check_other(state.id, message)
    snapshot = message.snapshot
    fault = conf_state_fault(snapshot.conf_state)
    if fault is None and snapshot.is_empty:
        fault = "it must cover an entry"
    if fault is None and not snapshot.conf_state.voters:
        fault = "a group has voters"
    if fault is None and not 1 <= snapshot.term <= max(message.term, 1):
        fault = f"its term is {snapshot.term}, in a message of term {message.term}"
    if fault is not None:
        raise PeerError(
            f"member {message.sender} sent a snapshot at {snapshot.index} that can't be"
            f" one: {fault}"
        )


_CHECKS: Final[Mapping[type[Message], Callable[[State, Any], None]]] = {
    AppendEntries: _check_append,
    Heartbeat: _check_request,
    InstallSnapshot: _check_snapshot,
    RequestPreVote: _check_request,
    RequestVote: _check_request,
    TimeoutNow: _check_request,
    # Our own word to ourselves counts among these, when storage has what it promises.
    AppendEntriesRefusal: _check_answer,
    AppendEntriesReply: _check_acknowledgement,
    HeartbeatReply: _check_answer,
    ReadIndexReply: _check_answer,
    RequestPreVoteReply: _check_answer,
    RequestVoteReply: _check_answer,
}
"""What is looked at; a forwarded wish may come from anyone, and may be our own."""
