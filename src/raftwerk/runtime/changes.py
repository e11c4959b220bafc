"""Membership changes as a leader's driver proposes them.

Source: Raft paper §6, thesis §4. Only the leader can tell at once that a change is
refused, so only the leader takes one; who asks elsewhere is told where the leader is.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from raftwerk.config import Url
from raftwerk.core.events import ChangeRefusal, ConfChangeRefused
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import Proposal
from raftwerk.core.records import ChangeKind, ConfChange, EntryKind
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.errors import ChangePending, ConfigError, InvalidChange, NotLeader
from raftwerk.runtime.envelope import Sender
from raftwerk.runtime.members import ChangeContext, Member, Members
from raftwerk.runtime.waiters import Waiters

__all__ = ["propose_change"]


def propose_change(
    replica: Replica,
    sender: Sender,
    waiters: Waiters,
    change: ConfChange,
    members: Sequence[Member],
    *,
    known: Members,
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
    known : Members
        Who the members are.
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
    ChangePending
        If another one is under way.
    InvalidChange
        If it can never be had: it names an id that was used before, say, or a new
        member without an address.
    NotProposed
        If the core refuses proposals now.
    """
    state = replica.state
    if state.role is not Role.LEADER:
        leader = "not known" if state.leader is None else f"{state.leader:x}"
        raise NotLeader(
            f"member {state.id:x} does not lead, and only a leader changes members; the"
            f" leader is {leader}"
        )
    _check(change, members, known)
    number = waiters.next_number()
    context = ChangeContext(sender.ticket(number), tuple(members))
    change = msgspec.structs.replace(change, context=context.encode())
    seen = len(state.events)
    replica.step(Propose((Proposal(change.encode(), EntryKind.CONF_CHANGE),)))
    for event in state.events[seen:]:
        if isinstance(event, ConfChangeRefused):
            raise _refusal(event.reason)
    return waiters.add_proposed(number, state.term, deadline_seconds)


def _check(change: ConfChange, news: Sequence[Member], known: Members) -> None:
    """Refuse what no member could live with, while it can be refused."""
    for member in news:
        for url in (*member.peer_urls, *member.client_urls):
            try:
                Url.parse(f"URL of member {member.node_id:x}", url)
            except ConfigError as error:
                raise InvalidChange(str(error)) from None
    reachable = {
        member.node_id for member in (*known.by_id.values(), *news) if member.peer_urls
    }
    for step in change.changes:
        if step.kind not in (ChangeKind.ADD_VOTER, ChangeKind.ADD_LEARNER):
            continue
        if step.node_id in known.removed:
            raise InvalidChange(
                f"member {step.node_id:x} was removed once, and an id is never used"
                " again: add it under a new one"
            )
        if step.node_id not in reachable:
            raise InvalidChange(
                f"member {step.node_id:x} is new and no peer URL was given for it"
            )


def _refusal(reason: ChangeRefusal) -> Exception:
    """Return why a change was refused, and what to do."""
    if reason.pending_index:
        return ChangePending(
            f"another change (entry {reason.pending_index}) may be under way, for only"
            f" entry {reason.applied_index} is applied here; try again"
        )
    if reason.must_leave_joint:
        return ChangePending("the configuration is joint; it has to be left first")
    return InvalidChange("the configuration is not joint; there is nothing to leave")
