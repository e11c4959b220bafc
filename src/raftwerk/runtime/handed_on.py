"""Proposals that a follower hands on to its leader: good in one term, and in no other.

The follower stamps them with its term, in which it knows who leads, and only the leader
of that very term takes them. So whatever becomes of a proposal that was handed on in a
term: if it is in the log at all, it is there as an entry of that term. Once the first
entry of a newer term is applied without it, it is lost for good, as an entry of the own
log would be, and may be proposed again; nobody has to be told "unknown" because a
leader died or handed over (`docs/decisions/0035-handed-on-in-one-term.md`).

What a leader can't take it hands back (`refusal_of`): it was not proposed, and that is
known at once, so the follower holds it again as if it had never been sent.

The core takes proposals of any term, as etcd's does; this is the driver's own rule.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.core.inputs import Input
from raftwerk.core.messages import (
    ForwardProposal,
    ForwardReadIndex,
    Message,
    PeerMessage,
)
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.runtime.envelope import ticket_of
from raftwerk.transport.refusals import ProposalsRefused
from raftwerk.types import Term

__all__ = ["FOR_LEADERS", "is_for", "refusal_of", "stamped"]

FOR_LEADERS: Final = (ForwardProposal, ForwardReadIndex)
"""What a follower can only have meant for a leader."""


def stamped(messages: Sequence[PeerMessage], term: Term) -> Sequence[PeerMessage]:
    """Return messages with the term in those that hand proposals on.

    Parameters
    ----------
    messages : sequence of Message
        Of one `Ready`.
    term : Term
        Ours.

    Returns
    -------
    sequence of Message
        The same, if no proposals are among them.
    """
    for message in messages:  # a loop: there are few, and mostly none of these
        if isinstance(message, ForwardProposal):
            break
    else:
        return messages
    return [
        (
            msgspec.structs.replace(message, term=term)
            if isinstance(message, ForwardProposal)
            else message
        )
        for message in messages
    ]


def is_for(state: State, event: Input | Message) -> bool:
    """Tell whether an input is for us, or for another leader, or for another term's.

    Parameters
    ----------
    state : State
        This member.
    event : Input
        Any.

    Returns
    -------
    bool
        False: it must not be taken. The core would hand it on, in the name of whoever
        sent it, and no peer takes from us what another one says.
    """
    if not isinstance(event, FOR_LEADERS):
        return True
    if state.role is not Role.LEADER:
        return False  # A read is asked again when its sender learns of the new leader.
    return not isinstance(event, ForwardProposal) or event.term == state.term


def refusal_of(message: ForwardProposal) -> ProposalsRefused:
    """Return what is said to whoever handed proposals on in vain.

    Parameters
    ----------
    message : ForwardProposal
        Not one of its proposals was taken, and none will be.

    Returns
    -------
    ProposalsRefused
        For its sender.
    """
    return ProposalsRefused(
        sender=message.receiver,
        receiver=message.sender,
        term=message.term,
        tickets=tuple([ticket_of(proposal.data) for proposal in message.proposals]),
    )
