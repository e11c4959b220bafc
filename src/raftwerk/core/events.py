"""What happened in a member, in the past tense, for whoever watches; no orders.

The core formats no text: logs, metrics, the monitor and the conformance scripts make
theirs from these. All are facts of the moment at which they were recorded; `kind` is
the name of a message type of `messages.py`.
"""

import msgspec

from raftwerk.core.progress_view import ProgressView
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "AcknowledgementMismatched",
    "AcknowledgementOutdated",
    "AcknowledgementUnneeded",
    "AppendRefused",
    "AutoLeaveProposed",
    "BecameCandidate",
    "BecameFollower",
    "BecameLeader",
    "BecamePreCandidate",
    "CampaignNotPromotable",
    "CampaignOfLeader",
    "CampaignWithPendingChange",
    "ChangeRefusal",
    "ConfChangeRefused",
    "ConfSwitched",
    "ElectionStarted",
    "Event",
    "ForgetLeaderRefused",
    "HigherTermSeen",
    "LeaderForgotten",
    "LogConflict",
    "LogReplaced",
    "LogTruncated",
    "LowerTermIgnored",
    "MemberStarted",
    "PeerReportedUnreachable",
    "ProgressDecreased",
    "ProgressMissing",
    "ProposalDropped",
    "QuorumLost",
    "ReadDropped",
    "RefusalReceived",
    "ReplicationPaused",
    "SnapshotFastForwarded",
    "SnapshotIgnored",
    "SnapshotNotNeeded",
    "SnapshotNotSent",
    "SnapshotReported",
    "SnapshotRestoreStarted",
    "SnapshotRestored",
    "SnapshotSent",
    "TimeoutNowReceived",
    "TimeoutNowSent",
    "TransferAborted",
    "TransferBlockedProposal",
    "TransferDropped",
    "TransferStarted",
    "VoteCast",
    "VoteIgnored",
    "VoteReceived",
    "VoteRefused",
    "VoteRequested",
    "VotesCounted",
]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What every event says: in whom it happened."""

    node: NodeId


# ---- start and configuration ------------------------------------------------


class MemberStarted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A member was made from what storage holds."""

    voters: tuple[NodeId, ...]
    """Of both halves of a joint configuration, ascending."""
    term: Term
    commit_index: LogIndex
    applied_index: LogIndex
    last_log_index: LogIndex
    last_log_term: Term


class ConfSwitched(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A configuration took effect: at start, by a snapshot or by an applied change."""

    conf_state: ConfState


class ChangeRefusal(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Why a proposed change was refused: one of the three flags is true."""

    pending_index: LogIndex = LogIndex(0)
    """Not 0: the change at this index may be unapplied still."""
    applied_index: LogIndex = LogIndex(0)
    must_leave_joint: bool = False
    not_joint: bool = False


class ConfChangeRefused(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A proposed change went into the log as an empty entry."""

    change: ConfChange
    conf_state: ConfState
    reason: ChangeRefusal


class AutoLeaveProposed(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader proposed by itself to leave the joint configuration."""

    conf_state: ConfState


# ---- roles and terms --------------------------------------------------------


class BecameFollower(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The member follows, or follows in a new term."""

    term: Term
    leader: NodeId | None


class BecamePreCandidate(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The member asks whether it could win; the term is the present one."""

    term: Term


class BecameCandidate(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The member stands in this new term."""

    term: Term


class BecameLeader(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The member leads in this term, and has appended its first entry."""

    term: Term


class HigherTermSeen(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A message of a newer term arrived; the member is about to follow."""

    term: Term
    kind: str
    sender: NodeId
    message_term: Term


class LowerTermIgnored(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A message of an older term was ignored."""

    term: Term
    kind: str
    sender: NodeId
    message_term: Term


class QuorumLost(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader heard of no quorum for an election timeout, and steps down."""


# ---- elections --------------------------------------------------------------


class ElectionStarted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The member is about to become a candidate; the term is the old one."""

    term: Term


class CampaignNotPromotable(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """No campaign: the member is no voter, or has a snapshot to install first."""


class CampaignOfLeader(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """No campaign: the member leads already."""


class CampaignWithPendingChange(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """No campaign: a committed configuration change has not been applied yet."""

    term: Term


class VoteRequested(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A vote, or an opinion before the vote, was asked for."""

    kind: str
    voter: NodeId
    term: Term
    last_log_term: Term
    last_log_index: LogIndex


class VoteReceived(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """An answer to our request arrived (`kind` is the answer's), from us too."""

    kind: str
    voter: NodeId
    granted: bool
    term: Term


class VotesCounted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """How the election stands after an answer."""

    kind: str
    granted: int
    refused: int


class _VoteDecision(Event, frozen=True, kw_only=True, gc=False):
    """What was known when a vote was asked of us."""

    kind: str
    candidate: NodeId
    candidate_log_term: Term
    candidate_log_index: LogIndex
    term: Term
    vote: NodeId | None
    """Our vote before this decision."""
    last_log_term: Term
    last_log_index: LogIndex


class VoteCast(_VoteDecision, frozen=True, kw_only=True, tag=True, gc=False):
    """We granted."""


class VoteRefused(_VoteDecision, frozen=True, kw_only=True, tag=True, gc=False):
    """We refused, aloud."""


class VoteIgnored(_VoteDecision, frozen=True, kw_only=True, tag=True, gc=False):
    """We did not even answer, for our leader lives (thesis §4.2.3)."""

    remaining_ticks: int


# ---- proposals, transfer, forgetting ----------------------------------------


class ProposalDropped(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A proposal was refused, for no leader is known."""

    term: Term


class TransferBlockedProposal(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A proposal was refused, for leadership is being handed over."""

    term: Term
    transferee: NodeId


class TransferStarted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader began to hand over."""

    term: Term
    transferee: NodeId


class TransferAborted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader leads on: the target was too slow, removed, or not wanted any more."""

    term: Term
    transferee: NodeId


class TransferDropped(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The wish for another leader was dropped, for no leader is known."""

    term: Term
    transferee: NodeId


class ReadDropped(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A read was dropped, for no leader is known; its driver asks again."""

    term: Term
    context: int


class TimeoutNowSent(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The transferee has the whole log and was told to stand."""

    transferee: NodeId
    at_once: bool
    """It had the whole log when the transfer began."""


class TimeoutNowReceived(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader told us to stand."""

    term: Term
    sender: NodeId


class LeaderForgotten(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The driver had the follower forget its leader."""

    leader: NodeId
    term: Term


class ForgetLeaderRefused(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The leader holds a read lease on us, so it can't be forgotten."""


# ---- replication ------------------------------------------------------------


class AppendRefused(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The log check failed: before the new entries we have another one, or none."""

    sender: NodeId
    prev_log_index: LogIndex
    prev_log_term: Term
    own_term_there: Term
    """0 if we have no entry there."""


class RefusalReceived(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower refused our append."""

    sender: NodeId
    refused_index: LogIndex
    hint_index: LogIndex
    hint_term: Term


class ProgressDecreased(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The next index of a follower went back."""

    peer: NodeId
    progress: ProgressView


class ProgressMissing(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A message came from a member that the leader does not track."""

    peer: NodeId


class PeerReportedUnreachable(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The transport lost messages to a follower."""

    peer: NodeId
    progress: ProgressView


class LogConflict(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """An entry of ours has another term than the leader's: it and all behind go."""

    index: LogIndex
    existing_term: Term
    conflicting_term: Term


class LogReplaced(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """All entries that are not stable yet were replaced, from this index on."""

    index: LogIndex


class LogTruncated(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """The entries that are not stable yet were cut, at this index."""

    index: LogIndex


class AcknowledgementOutdated(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """Storage acknowledged entries of an order from an older term."""

    term: Term
    acknowledged_term: Term


class AcknowledgementUnneeded(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """Storage acknowledged an entry that is stable already, or gone."""

    index: LogIndex


class AcknowledgementMismatched(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """Storage acknowledged an entry that was overwritten since."""

    index: LogIndex
    acknowledged_term: Term
    present_term: Term


# ---- snapshots --------------------------------------------------------------


class SnapshotSent(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower needs entries that are gone, and was sent a snapshot."""

    peer: NodeId
    first_index: LogIndex
    commit_index: LogIndex
    snapshot_index: LogIndex
    snapshot_term: Term
    progress: ProgressView


class SnapshotNotSent(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower needs a snapshot, but was not heard of lately."""

    peer: NodeId


class ReplicationPaused(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """Nothing more goes to a follower until its snapshot is dealt with."""

    peer: NodeId
    progress: ProgressView


class SnapshotReported(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """What became of a snapshot is known, or it was waited for too long."""

    peer: NodeId
    succeeded: bool


class SnapshotNotNeeded(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A follower that was being sent a snapshot can go on from the log."""

    peer: NodeId
    progress: ProgressView


class SnapshotRestoreStarted(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A received snapshot takes the place of our log."""

    commit_index: LogIndex
    applied_index: LogIndex
    applying_index: LogIndex
    unstable_offset: LogIndex
    unstable_offset_in_progress: LogIndex
    unstable_count: int
    snapshot_index: LogIndex
    snapshot_term: Term


class SnapshotRestored(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A received snapshot has taken the place of our log; values after."""

    commit_index: LogIndex
    last_log_index: LogIndex
    last_log_term: Term
    snapshot_index: LogIndex
    snapshot_term: Term


class SnapshotIgnored(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """A received snapshot brought nothing new."""

    commit_index: LogIndex
    snapshot_index: LogIndex
    snapshot_term: Term


class SnapshotFastForwarded(Event, frozen=True, kw_only=True, tag=True, gc=False):
    """Our log has all that a received snapshot covers: the commit index moved."""

    commit_index: LogIndex
    last_log_index: LogIndex
    last_log_term: Term
    snapshot_index: LogIndex
    snapshot_term: Term
