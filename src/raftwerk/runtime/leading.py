"""What only the leader of one term may say, and only itself.

An ordinary proposal is anybody's, reaches the leader by itself, and is proposed again
if its term ends before it is applied. What a leader says *as* the leader, "by my clock
this has expired" say, is worth nothing when it no longer leads: so it is appended by
this member in this term or not at all, it is not handed on, and it is not repeated.
"""

import asyncio

from raftwerk.core.inputs import Propose
from raftwerk.core.messages import Proposal
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.runtime.versions import FIRST_VERSION
from raftwerk.runtime.waiters import Waiters
from raftwerk.types import Term

__all__ = ["propose_as_leader"]


def propose_as_leader(
    replica: Replica,
    sender: Sender,
    waiters: Waiters,
    content: bytes,
    term: Term,
    *,
    deadline_seconds: float,
    kind: EnvelopeKind = EnvelopeKind.COMMAND,
    version: int = FIRST_VERSION,
) -> "asyncio.Future[object]":
    """Append a command to our own log, if we lead a term.

    Parameters
    ----------
    replica : Replica
        The core.
    sender : Sender
        Marks the command as ours.
    waiters : Waiters
        Where its outcome is waited for.
    content : bytes
        For the state machine.
    term : Term
        In which we must lead.
    deadline_seconds : float
        When waiting ends, by the host's clock.
    kind : EnvelopeKind
        For whom the content is.
    version : int
        Of the cluster, that it needs.

    Returns
    -------
    Future
        Its outcome; if the term ends before a quorum has it, it is not proposed.

    Raises
    ------
    NotLeader
        If this member does not lead that term.
    NotProposed
        If the core refuses proposals now.
    """
    state = replica.state
    if state.role is not Role.LEADER or state.term != term:
        raise NotLeader(f"member {state.id:x} does not lead term {term}")
    number = waiters.next_number()
    data = sender.wrap(kind, number, content, version)
    replica.step(Propose((Proposal(data),)))
    return waiters.add_proposed(number, term, deadline_seconds)
