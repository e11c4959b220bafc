"""Our messages as etcd's: one record with a type, and how the scripts describe it.

Where the paper has a type each, etcd has one record whose fields mean this or that.
The orders to storage and their acknowledgements are messages there too.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from raftwerk.core.inputs import Input
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    ForwardProposal,
    ForwardReadIndex,
    ForwardTransfer,
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
from raftwerk.core.ready import AppendOrder, ApplyOrder, Ready
from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.types import NO_INDEX, NO_TERM, NodeId

from .format import (
    describe_entry,
    describe_hard_state,
    describe_read_states,
    describe_snapshot,
    describe_soft_state,
)

__all__ = [
    "TYPE_NAMES",
    "WIRE_TYPES",
    "Wire",
    "describe_ready",
    "wire_from_append_order",
    "wire_from_apply_order",
    "wire_from_message",
]

APPEND_THREAD: Final = NodeId(2**64 - 1)
APPLY_THREAD: Final = NodeId(2**64 - 2)
_ENDS: Final = {0: "None", APPEND_THREAD: "AppendThread", APPLY_THREAD: "ApplyThread"}

TYPES: Final[dict[type[Message], str]] = {
    RequestVote: "MsgVote",
    RequestVoteReply: "MsgVoteResp",
    RequestPreVote: "MsgPreVote",
    RequestPreVoteReply: "MsgPreVoteResp",
    AppendEntries: "MsgApp",
    AppendEntriesReply: "MsgAppResp",
    AppendEntriesRefusal: "MsgAppResp",
    InstallSnapshot: "MsgSnap",
    Heartbeat: "MsgHeartbeat",
    HeartbeatReply: "MsgHeartbeatResp",
    TimeoutNow: "MsgTimeoutNow",
    ForwardProposal: "MsgProp",
    ForwardTransfer: "MsgTransferLeader",
    ForwardReadIndex: "MsgReadIndex",
    ReadIndexReply: "MsgReadIndexResp",
}
TYPE_NAMES: Final = {ours.__name__: theirs for ours, theirs in TYPES.items()}
"""The names of our types, as events have them, and etcd's."""

WIRE_TYPES: Final = frozenset(TYPES.values()) | {
    "MsgBeat",
    "MsgCheckQuorum",
    "MsgForgetLeader",
    "MsgHup",
    "MsgSnapStatus",
    "MsgStorageAppend",
    "MsgStorageAppendResp",
    "MsgStorageApply",
    "MsgStorageApplyResp",
    "MsgUnreachable",
}
"""All types that a script may name; some are no messages to us, and never match."""


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """One message in etcd's form, with the input that it is to its receiver."""

    type: str
    sender: NodeId
    receiver: NodeId
    term: int = 0
    log_term: int = 0
    index: int = 0
    is_rejection: bool = False
    hint: int = 0
    commit: int = 0
    vote: int = 0
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None
    responses: tuple["Wire", ...] = ()
    input: Input | None = None

    @property
    def is_local(self) -> bool:
        """Whether it never leaves its node: such a message can't get lost."""
        threads = (APPEND_THREAD, APPLY_THREAD)
        return (
            self.sender == self.receiver
            or self.sender in threads
            or self.receiver in threads
        )

    def describe(self, indent: str = "") -> str:
        """Return the message as text, without a last line end."""
        head = (
            f"{indent}{_end(self.sender)}->{_end(self.receiver)} {self.type}"
            f" Term:{self.term} Log:{self.log_term}/{self.index}"
        )
        parts = [head]
        if self.is_rejection:
            parts.append(f" Rejected (Hint: {self.hint})")
        if self.commit:
            parts.append(f" Commit:{self.commit}")
        if self.vote:
            parts.append(f" Vote:{self.vote}")
        if len(self.entries) == 1:
            parts.append(f" Entries:[{describe_entry(self.entries[0])}]")
        elif self.entries:
            lines = (f"\n{indent}  {describe_entry(entry)}" for entry in self.entries)
            parts.append(f" Entries:[{''.join(lines)}\n{indent}]")
        if self.snapshot is not None and not self.snapshot.is_empty:
            parts.append(f"\n{indent}  Snapshot: {describe_snapshot(self.snapshot)}")
        if self.responses:
            answers = (f"\n{one.describe(indent + '  ')}" for one in self.responses)
            parts.append(f" Responses:[{''.join(answers)}\n{indent}]")
        return "".join(parts)


def _end(node_id: NodeId) -> str:
    """Return who sends or receives."""
    return _ENDS.get(node_id, f"{node_id:x}")


# ---- messages between members -----------------------------------------------

Fields = dict[str, Any]


def _vote_request(message: RequestVote | RequestPreVote) -> Fields:
    return {"log_term": message.last_log_term, "index": message.last_log_index}


def _vote_reply(message: RequestVoteReply | RequestPreVoteReply) -> Fields:
    return {"is_rejection": not message.granted}


def _append(message: AppendEntries) -> Fields:
    return {
        "log_term": message.prev_log_term,
        "index": message.prev_log_index,
        "commit": message.commit_index,
        "entries": tuple(message.entries),
    }


def _append_refusal(message: AppendEntriesRefusal) -> Fields:
    return {
        "log_term": message.hint_term,
        "index": message.refused_index,
        "is_rejection": True,
        "hint": message.hint_index,
    }


def _proposals(message: ForwardProposal) -> Fields:
    # What has no place in a log yet is an entry at 0/0 there.
    entries = (
        Entry(NO_TERM, NO_INDEX, one.data, one.kind) for one in message.proposals
    )
    return {"entries": tuple(entries)}


def _context(context: int) -> tuple[Entry, ...]:
    """Return a read's context as the entry that carries it there."""
    return (Entry(NO_TERM, NO_INDEX, str(context).encode()),)


_FIELDS: Final[dict[type[Message], Callable[[Any], Fields]]] = {
    RequestVote: _vote_request,
    RequestVoteReply: _vote_reply,
    RequestPreVote: _vote_request,
    RequestPreVoteReply: _vote_reply,
    AppendEntries: _append,
    AppendEntriesReply: lambda message: {"index": message.match_index},
    AppendEntriesRefusal: _append_refusal,
    InstallSnapshot: lambda message: {"snapshot": message.snapshot},
    Heartbeat: lambda message: {"commit": message.commit_index},
    HeartbeatReply: lambda message: {},
    TimeoutNow: lambda message: {},
    ForwardProposal: _proposals,
    # There the message comes from whoever is to lead, not from who hands it on.
    ForwardTransfer: lambda message: {"sender": message.transferee},
    ForwardReadIndex: lambda message: {"entries": _context(message.context)},
    ReadIndexReply: lambda message: {
        "index": message.read_index,
        "entries": _context(message.context),
    },
}


def wire_from_message(message: Message) -> Wire:
    """Return a message between members in etcd's form."""
    fields: Fields = {
        "type": TYPES[type(message)],
        "sender": message.sender,
        "receiver": message.receiver,
        "term": message.term,
        "input": message,
    }
    return Wire(**(fields | _FIELDS[type(message)](message)))


# ---- orders to storage ------------------------------------------------------


def wire_from_append_order(node_id: NodeId, order: AppendOrder) -> Wire:
    """Return an order to the append thread in etcd's form."""
    responses = [wire_from_message(reply) for reply in order.replies]
    if order.done is not None:
        responses.append(
            Wire(
                type="MsgStorageAppendResp",
                sender=APPEND_THREAD,
                receiver=node_id,
                term=order.done.term,
                log_term=order.done.last_log_term,
                index=order.done.last_log_index,
                snapshot=order.done.snapshot,
                input=order.done,
            )
        )
    hard_state = order.hard_state or HardState()
    return Wire(
        type="MsgStorageAppend",
        sender=node_id,
        receiver=APPEND_THREAD,
        term=hard_state.term,
        commit=hard_state.commit_index,
        vote=hard_state.vote or 0,
        entries=tuple(order.entries),
        snapshot=order.snapshot,
        responses=tuple(responses),
    )


def wire_from_apply_order(node_id: NodeId, order: ApplyOrder) -> Wire:
    """Return an order to the apply thread in etcd's form."""
    entries = tuple(order.entries)
    done = Wire(
        type="MsgStorageApplyResp",
        sender=APPLY_THREAD,
        receiver=node_id,
        entries=entries,
        input=order.done,
    )
    return Wire(
        type="MsgStorageApply",
        sender=node_id,
        receiver=APPLY_THREAD,
        entries=entries,
        responses=(done,),
    )


# ---- a whole Ready ----------------------------------------------------------


def describe_ready(ready: Ready, messages: Iterable[Wire]) -> str:
    """Return what a member wants done as text, with the messages in etcd's order."""
    parts: list[str] = []
    if ready.soft_state is not None:
        parts.append(f"{describe_soft_state(ready.soft_state)}\n")
    if ready.hard_state is not None and ready.hard_state != HardState():
        parts.append(f"HardState {describe_hard_state(ready.hard_state)}\n")
    if ready.read_states:
        parts.append(f"ReadStates {describe_read_states(ready.read_states)}\n")
    parts += _section("Entries", ready.entries)
    if ready.snapshot is not None and not ready.snapshot.is_empty:
        parts.append(f"Snapshot {describe_snapshot(ready.snapshot)}\n")
    parts += _section("CommittedEntries", ready.committed)
    described = [f"{message.describe()}\n" for message in messages]
    if described:
        parts += ["Messages:\n", *described]
    if not parts:
        return "<empty Ready>"
    return f"Ready MustSync={str(ready.must_sync).lower()}:\n{''.join(parts)}"


def _section(title: str, entries: Sequence[Entry]) -> list[str]:
    """Return entries under a title, or nothing if there are none."""
    if not entries:
        return []
    return [f"{title}:\n", *(f"{describe_entry(entry)}\n" for entry in entries)]
