"""Proposals that a follower hands on to its leader: good in one term, and in no other.

The follower stamps them with its term, in which it knows who leads, and only the leader
of that very term takes them. So whatever becomes of a proposal that was handed on in a
term: if it is in the log at all, it is there as an entry of that term. Once the first
entry of a newer term is applied without it, it is lost for good, as an entry of the own
log would be, and may be proposed again; nobody has to be told "unknown" because a
leader died or handed over (`docs/decisions/0035-handed-on-in-one-term.md`).

The core takes proposals of any term, as etcd's does; this is the driver's own rule.
"""

from collections.abc import Sequence

import msgspec

from raftwerk.core.inputs import Input
from raftwerk.core.messages import ForwardProposal, Message, PeerMessage
from raftwerk.types import Term

__all__ = ["is_of_another_term", "stamped"]


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
    if not any(isinstance(message, ForwardProposal) for message in messages):
        return messages
    return [
        (
            msgspec.structs.replace(message, term=term)
            if isinstance(message, ForwardProposal)
            else message
        )
        for message in messages
    ]


def is_of_another_term(event: Input | Message, term: Term) -> bool:
    """Tell whether an input is proposals that were handed on in another term.

    Parameters
    ----------
    event : Input
        Any.
    term : Term
        Ours.

    Returns
    -------
    bool
        True: it must not be taken. Whoever sent it proposes again by itself.
    """
    return isinstance(event, ForwardProposal) and event.term != term
