"""Membership changes as a leader's driver proposes them.

Source: Raft paper §6, thesis §4. Only the leader can tell at once that a change is
refused, so only the leader takes one; who asks elsewhere is told where the leader is.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from raftwerk.core.events import ChangeRefusal, ConfChangeRefused
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import Proposal
from raftwerk.core.records import ConfChange, EntryKind
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.errors import InvalidChange, NotLeader
from raftwerk.runtime.envelope import Sender
from raftwerk.runtime.members import ChangeContext, Member
from raftwerk.runtime.waiters import Waiters

__all__ = ["propose_change"]


def propose_change(
    replica: Replica,
    sender: Sender,
    waiters: Waiters,
    change: ConfChange,
    members: Sequence[Member],
    deadline_seconds: float,
) -> "asyncio.Future[object]":
    """Propose a change, or say at once why it can't be had.

    Parameters
    ----------
    replica : Replica
        The leader.
    sender : Sender
        Marks the change as ours.
    waiters : Waiters
        Where its outcome is waited for.
    change : ConfChange
        Without a context.
    members : sequence of Member
        Names and addresses of those who are new or have moved.
    deadline_seconds : float
        When waiting ends, by the host's clock.

    Returns
    -------
    Future
        The configuration when the change is applied.

    Raises
    ------
    NotLeader
        If this member does not lead; the message names who does.
    InvalidChange
        If it can't be had now: another one is under way, say.
    NotProposed
        If the core refuses proposals now.
    """
    state = replica.state
    if state.role is not Role.LEADER:
        raise NotLeader(
            f"member {state.id} does not lead, and only a leader changes members; the"
            f" leader is {state.leader or 'not known'}"
        )
    number = waiters.next_number()
    context = ChangeContext(sender.ticket(number), tuple(members))
    change = msgspec.structs.replace(change, context=context.encode())
    seen = len(state.events)
    replica.step(Propose((Proposal(change.encode(), EntryKind.CONF_CHANGE),)))
    for event in state.events[seen:]:
        if isinstance(event, ConfChangeRefused):
            raise InvalidChange(_words(event.reason))
    return waiters.add_proposed(number, state.term, deadline_seconds)


def _words(reason: ChangeRefusal) -> str:
    """Say why a change was refused, and what to do."""
    if reason.pending_index:
        return (
            f"another change (entry {reason.pending_index}) may be under way, for only"
            f" entry {reason.applied_index} is applied here; try again"
        )
    if reason.must_leave_joint:
        return "the configuration is joint; it has to be left first"
    return "the configuration is not joint; there is nothing to leave"
