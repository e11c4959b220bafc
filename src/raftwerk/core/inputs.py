"""What a member's own driver tells it: time, wishes, reports and acknowledgements.

Messages of peers are in `messages.py`; both together are what `step` takes.
"""

import msgspec

from raftwerk.core.messages import PeerMessage, Proposal
from raftwerk.core.records import Snapshot
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "Campaign",
    "EntriesApplied",
    "ForgetLeader",
    "Input",
    "Propose",
    "ReadIndex",
    "ReportSnapshot",
    "ReportUnreachable",
    "StepDown",
    "StorageAppended",
    "Tick",
    "TransferLeadership",
]


class Tick(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Time passed: `count` ticks, which do the same as that many single ones."""

    count: int = 1


class Campaign(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Start an election now, with a pre-election first where that is configured."""


class Propose(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Append these to the log if we lead; hand them on to the leader if not."""

    proposals: tuple[Proposal, ...]


class ReadIndex(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Find an index from which a read is linearizable; the answer is a `ReadState`."""

    context: int


class TransferLeadership(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Hand leadership over to `transferee` (thesis §3.10)."""

    transferee: NodeId


class ForgetLeader(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A follower no longer knows a leader, and may grant votes at once."""


class StepDown(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A leader ceases to lead, whoever may be next: its driver knows it is unfit."""


class ReportUnreachable(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The transport lost what was sent to `peer`: probe it before sending more."""

    peer: NodeId


class ReportSnapshot(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The snapshot for `peer` arrived there, or did not; owed for each that is sent."""

    peer: NodeId
    succeeded: bool


class StorageAppended(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Storage did an append order: all up to this entry of this term is durable.

    `term` is the member's term when the order was given. An acknowledgement of an
    older term says nothing about entries, for they may have been overwritten since.
    """

    term: Term
    last_log_index: LogIndex = LogIndex(0)
    """The last entry of the log when the order was given; 0: no entries to speak of."""
    last_log_term: Term = Term(0)
    snapshot: Snapshot | None = None


class EntriesApplied(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The state machine has applied all entries up to this index."""

    applied_index: LogIndex
    size_bytes: int = 0
    """The size of these entries, as the order counted it."""
    payload_bytes: int = 0
    """The size of their data alone."""


Input = (
    Tick
    | Campaign
    | Propose
    | ReadIndex
    | TransferLeadership
    | ForgetLeader
    | StepDown
    | ReportUnreachable
    | ReportSnapshot
    | StorageAppended
    | EntriesApplied
    | PeerMessage
)
"""All that may change a member, but for an applied configuration change."""
