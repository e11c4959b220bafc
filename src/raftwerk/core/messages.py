"""What members say to each other: one frozen type per RPC of the paper.

Requests and replies are messages of their own, for any of them may be lost, repeated or
late. Named after the paper; where etcd has another name, `tests/conformance` has both.
Source: Raft paper Fig. 2 and §7; thesis §3.10 (TimeoutNow), §6.4 (read index), §9.6
(pre-vote).
"""

import msgspec

from raftwerk.core.records import Entry, EntryKind, Snapshot
from raftwerk.types import NO_INDEX, NO_TERM, LogIndex, NodeId, Term

__all__ = [
    "AppendEntries",
    "AppendEntriesRefusal",
    "AppendEntriesReply",
    "ForwardProposal",
    "ForwardReadIndex",
    "ForwardTransfer",
    "Heartbeat",
    "HeartbeatReply",
    "InstallSnapshot",
    "Message",
    "PeerMessage",
    "Proposal",
    "ReadIndexReply",
    "RequestPreVote",
    "RequestPreVoteReply",
    "RequestVote",
    "RequestVoteReply",
    "TimeoutNow",
]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What every message says: who, to whom, and in which term."""

    sender: NodeId
    receiver: NodeId
    term: Term = NO_TERM


class RequestVote(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """A candidate asks for a vote (§5.2) and shows how complete its log is (§5.4.1)."""

    last_log_index: LogIndex
    last_log_term: Term
    is_transfer: bool = False
    """The leader itself ordered this election: leases do not stop it (thesis §3.10)."""


class RequestVoteReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The answer to `RequestVote`; with `granted` false it is a refusal."""

    granted: bool


class RequestPreVote(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """Would you vote for me? Its term is the one it would stand in (thesis §9.6)."""

    last_log_index: LogIndex
    last_log_term: Term


class RequestPreVoteReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The answer to `RequestPreVote`: granted in the asked term, refused in the own."""

    granted: bool


class AppendEntries(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader replicates entries, or probes with none (§5.3)."""

    prev_log_index: LogIndex
    prev_log_term: Term
    commit_index: LogIndex
    entries: tuple[Entry, ...] = ()


class AppendEntriesReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The follower's log equals the leader's up to `match_index`."""

    match_index: LogIndex


class AppendEntriesRefusal(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The log check failed at `refused_index`; the hint says where it may succeed.

    The hint is the greatest index not above the refused one whose term is not above
    the refused entry's; so one probe a term is enough (§5.3, last paragraphs).
    """

    refused_index: LogIndex
    hint_index: LogIndex
    hint_term: Term


class InstallSnapshot(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader sends its snapshot, for the entries are gone (§7)."""

    snapshot: Snapshot


class Heartbeat(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader lives; `commit_index` never exceeds what the receiver stores."""

    commit_index: LogIndex = NO_INDEX
    read_round: int = 0
    """The newest round of reads that waits for this answer; 0: none (thesis §6.4)."""


class HeartbeatReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The answer to `Heartbeat`, with its round of reads."""

    read_round: int = 0


class TimeoutNow(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader orders the receiver to stand at once (thesis §3.10)."""


class Proposal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What will be an entry as soon as a leader gives it a term and an index."""

    data: bytes
    kind: EntryKind = EntryKind.COMMAND


class ForwardProposal(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower hands proposals on to its leader; without a term, valid in any."""

    proposals: tuple[Proposal, ...]


class ForwardTransfer(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower hands the wish for another leader on to its leader."""

    transferee: NodeId


class ForwardReadIndex(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower asks its leader for a read index; without a term (thesis §6.4)."""

    context: int


class ReadIndexReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader's answer to `ForwardReadIndex`: read once this index is applied."""

    read_index: LogIndex
    context: int


PeerMessage = (
    RequestVote
    | RequestVoteReply
    | RequestPreVote
    | RequestPreVoteReply
    | AppendEntries
    | AppendEntriesReply
    | AppendEntriesRefusal
    | InstallSnapshot
    | Heartbeat
    | HeartbeatReply
    | TimeoutNow
    | ForwardProposal
    | ForwardTransfer
    | ForwardReadIndex
    | ReadIndexReply
)
"""Every message that travels between members; a decoder knows its type by the tag."""
