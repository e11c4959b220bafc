"""Proposals: from a driver or a follower into the leader's log, or refused.

A refusal changes nothing and raises `NotProposed`. A configuration change that can't
be had now goes into the log as an empty entry instead, so that its proposer sees it
come out without effect. Source: Raft paper §5.3; etcd for the bounds and the gate.
"""

import msgspec

from raftwerk.core.events import (
    ChangeRefusal,
    ConfChangeRefused,
    ProposalDropped,
    TransferBlockedProposal,
)
from raftwerk.core.inputs import Propose
from raftwerk.core.membership import reconfigure
from raftwerk.core.messages import AppendEntriesReply, ForwardProposal, Proposal
from raftwerk.core.records import ConfChange, Entry, EntryKind
from raftwerk.core.replication import broadcast_append
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import MisuseError, NotLeader, NotProposed, QueueFull
from raftwerk.types import LogIndex

__all__ = ["append_to_own_log", "on_forward_proposal", "on_propose"]


def on_propose(state: State, event: Propose) -> None:
    """Take proposals of our own driver.

    Parameters
    ----------
    state : State
        This member.
    event : Propose
        At least one proposal.

    Raises
    ------
    MisuseError
        If there is none.
    InvalidChange
        If one is a membership change that can't be read, or never applied.
    NotProposed
        If nothing was appended or handed on.
    """
    _propose(
        state,
        event.proposals,
        (
            ForwardProposal(
                sender=state.id,
                receiver=state.leader or state.id,
                proposals=event.proposals,
            )
            if state.role is Role.FOLLOWER
            else None
        ),
    )


def on_forward_proposal(state: State, message: ForwardProposal) -> None:
    """Take proposals that a follower handed on; if we don't lead any more, hand on.

    Parameters
    ----------
    state : State
        This member.
    message : ForwardProposal
        At least one proposal.

    Raises
    ------
    MisuseError
        If there is none.
    InvalidChange
        If one is a membership change that can't be read, or never applied.
    NotProposed
        If nothing was appended or handed on.
    """
    onward = msgspec.structs.replace(message, receiver=state.leader or state.id)
    _propose(state, message.proposals, onward)


def _propose(
    state: State, proposals: tuple[Proposal, ...], onward: ForwardProposal | None
) -> None:
    """Append if we lead, hand on if we follow, refuse otherwise."""
    if not proposals:
        raise MisuseError("a proposal of no entries was made; propose at least one")
    changes = _changes(proposals)
    if state.role is Role.LEADER:
        _propose_as_leader(state, proposals, changes)
        return
    if state.role is not Role.FOLLOWER or state.leader is None:
        state.record(ProposalDropped(node=state.id, term=state.term))
        raise NotLeader(f"member {state.id} knows no leader in term {state.term}")
    if not state.config.forward_proposals or onward is None:
        raise NotLeader(
            f"member {state.id} does not lead and hands nothing on;"
            f" member {state.leader} leads term {state.term}"
        )
    state.send(onward)


def _changes(proposals: tuple[Proposal, ...]) -> list[tuple[int, ConfChange]]:
    """Return the membership changes among proposals, each with its place."""
    return [
        (position, ConfChange.decode(proposal.data))
        for position, proposal in enumerate(proposals)
        if proposal.kind is not EntryKind.COMMAND
    ]


def _propose_as_leader(
    state: State,
    proposals: tuple[Proposal, ...],
    changes: list[tuple[int, ConfChange]],
) -> None:
    """Append and replicate, or raise."""
    if state.id not in state.tracker.progress:
        # Removed, and leading on only until the others have learnt of it.
        raise NotLeader(f"member {state.id} was removed from the configuration")
    if state.transferee is not None:
        state.record(
            TransferBlockedProposal(
                node=state.id, term=state.term, transferee=state.transferee
            )
        )
        raise NotProposed(
            f"member {state.id} is handing leadership over to {state.transferee}"
        )
    pending_conf_index = state.pending_conf_index
    refused: list[ConfChangeRefused] = []
    for position, change in changes:
        refusal = None
        if state.config.validate_changes:
            refusal = _refusal(state, pending_conf_index, change)
        if refusal is None:
            pending_conf_index = LogIndex(state.log.last_index + position + 1)
            continue
        refused.append(
            ConfChangeRefused(
                node=state.id,
                change=change,
                conf_state=state.tracker.conf_state,
                reason=refusal,
            )
        )
        proposals = (*proposals[:position], Proposal(b""), *proposals[position + 1 :])
    append_to_own_log(state, proposals)
    state.pending_conf_index = pending_conf_index
    for event in refused:
        state.record(event)
    broadcast_append(state)


def _refusal(
    state: State, pending_conf_index: LogIndex, change: ConfChange
) -> ChangeRefusal | None:
    """Say why a change can't be proposed now, or None: one change at a time.

    What could never be applied raises `InvalidChange`: no change lies between this one
    and the present configuration, so what does not fit now will not fit then.
    """
    applied_index = state.log.applied_index
    if pending_conf_index > applied_index:
        return ChangeRefusal(
            pending_index=pending_conf_index, applied_index=applied_index
        )
    wants_to_leave = not change.changes
    if state.tracker.is_joint and not wants_to_leave:
        return ChangeRefusal(must_leave_joint=True)
    if not state.tracker.is_joint and wants_to_leave:
        return ChangeRefusal(not_joint=True)
    reconfigure(state.tracker.conf_state, change)
    return None


def append_to_own_log(state: State, proposals: tuple[Proposal, ...]) -> None:
    """Give proposals term and index, and append them to the leader's own log.

    Parameters
    ----------
    state : State
        A leader.
    proposals : tuple of Proposal
        At least one.

    Raises
    ------
    QueueFull
        If too much waits for a quorum already; nothing was appended.
    """
    size = sum([len(proposal.data) for proposal in proposals])
    waiting = state.uncommitted_bytes
    # One proposal is always taken, however large, and an empty one is never refused:
    # a leader's first entry and the end of a joint configuration must get through.
    if waiting > 0 and size > 0 and waiting + size > state.config.uncommitted_bytes_max:
        raise QueueFull(
            f"{waiting} bytes wait for a quorum; {size} more would exceed"
            f" uncommitted_bytes_max ({state.config.uncommitted_bytes_max})"
        )
    state.uncommitted_bytes = waiting + size
    term = state.term
    last_index = state.log.last_index
    entries = [
        Entry(term, LogIndex(index), proposal.data, proposal.kind)
        for index, proposal in enumerate(proposals, last_index + 1)
    ]
    state.log.append(entries)
    state.lease.appended(entries[0].index)
    # The own log counts for a quorum as any other: when the entries are durable. With
    # the disk slower than the network, followers may commit before (thesis §10.2.1).
    state.send_after_sync(
        AppendEntriesReply(
            sender=state.id,
            receiver=state.id,
            term=term,
            match_index=entries[-1].index,
        )
    )
