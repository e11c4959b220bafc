"""Our typed events as log lines of the scripts: one table, and what fills it in."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from raftwerk.core import events
from raftwerk.core.events import ChangeRefusal, Event

from .format import (
    describe_conf_change,
    describe_configuration,
    describe_progress,
    hexadecimal_ids,
)
from .output import Level
from .wire import TYPE_NAMES

__all__ = ["LINES", "UNTOLD", "log_lines"]


class Line(NamedTuple):
    """A line and how grave it is; the names in braces are fields of the event."""

    level: Level
    text: str


class Both(NamedTuple):
    """Two lines for one event."""

    first: Line
    second: Line


class Either(NamedTuple):
    """Two lines for one type of event: a flag of it decides."""

    flag: str
    if_set: Line
    if_not: Line


def _debug(text: str) -> Line:
    return Line(Level.DEBUG, text)


def _info(text: str) -> Line:
    return Line(Level.INFO, text)


def _warn(text: str) -> Line:
    return Line(Level.WARN, text)


_DECISION: Final = (
    "{node} [logterm: {last_log_term}, index: {last_log_index}, vote: {vote}] %s {kind}"
    " %s {candidate} [logterm: {candidate_log_term}, index: {candidate_log_index}]"
    " at term {term}"
)

LINES: Final[dict[type[Event], Line | Both | Either]] = {
    # Start and configuration.
    events.MemberStarted: _info(
        "newRaft {node} [peers: [{voters}], term: {term}, commit: {commit_index},"
        " applied: {applied_index}, lastindex: {last_log_index},"
        " lastterm: {last_log_term}]"
    ),
    events.ConfSwitched: _info("{node} switched to configuration {conf_state}"),
    events.ConfChangeRefused: _info(
        "{node} ignoring conf change {change} at config {conf_state}: {reason}"
    ),
    events.AutoLeaveProposed: _info(
        "initiating automatic transition out of joint configuration {conf_state}"
    ),
    # Roles and terms.
    events.BecameFollower: _info("{node} became follower at term {term}"),
    events.BecamePreCandidate: _info("{node} became pre-candidate at term {term}"),
    events.BecameCandidate: _info("{node} became candidate at term {term}"),
    events.BecameLeader: _info("{node} became leader at term {term}"),
    events.HigherTermSeen: _info(
        "{node} [term: {term}] received a {kind} message with higher term from"
        " {sender} [term: {message_term}]"
    ),
    events.LowerTermIgnored: _info(
        "{node} [term: {term}] ignored a {kind} message with lower term from"
        " {sender} [term: {message_term}]"
    ),
    events.AcknowledgementOutdated: _info(
        "{node} [term: {term}] ignored entry appends from a MsgStorageAppendResp"
        " message with lower term [term: {acknowledged_term}]"
    ),
    events.QuorumLost: _warn(
        "{node} stepped down to follower since quorum is not active"
    ),
    # Elections.
    events.ElectionStarted: _info("{node} is starting a new election at term {term}"),
    events.CampaignNotPromotable: _warn("{node} is unpromotable and can not campaign"),
    events.CampaignOfLeader: _debug("{node} ignoring MsgHup because already leader"),
    events.CampaignWithPendingChange: _warn(
        "{node} cannot campaign at term {term} since there are still pending"
        " configuration changes to apply"
    ),
    events.VoteRequested: _info(
        "{node} [logterm: {last_log_term}, index: {last_log_index}] sent {kind}"
        " request to {voter} at term {term}"
    ),
    events.VoteReceived: Either(
        "granted",
        _info("{node} received {kind} from {voter} at term {term}"),
        _info("{node} received {kind} rejection from {voter} at term {term}"),
    ),
    events.VotesCounted: _info(
        "{node} has received {granted} {kind} votes and {refused} vote rejections"
    ),
    events.VoteCast: _info(_DECISION % ("cast", "for")),
    events.VoteRefused: _info(_DECISION % ("rejected", "from")),
    events.VoteIgnored: _info(
        _DECISION % ("ignored", "from")
        + ": lease is not expired (remaining ticks: {remaining_ticks})"
    ),
    # Proposals, transfer, forgetting.
    events.ProposalDropped: _info("{node} no leader at term {term}; dropping proposal"),
    events.TransferBlockedProposal: _debug(
        "{node} [term {term}] transfer leadership to {transferee} is in progress;"
        " dropping proposal"
    ),
    events.TransferStarted: _info(
        "{node} [term {term}] starts to transfer leadership to {transferee}"
    ),
    events.TimeoutNowSent: Either(
        "at_once",
        _info(
            "{node} sends MsgTimeoutNow to {transferee} immediately as {transferee}"
            " already has up-to-date log"
        ),
        _info("{node} sent MsgTimeoutNow to {transferee} after received MsgAppResp"),
    ),
    events.TimeoutNowReceived: _info(
        "{node} [term {term}] received MsgTimeoutNow from {sender} and starts an"
        " election to get leadership."
    ),
    events.LeaderForgotten: _info("{node} forgetting leader {leader} at term {term}"),
    events.ForgetLeaderRefused: Line(
        Level.ERROR, "ignoring MsgForgetLeader due to ReadOnlyLeaseBased"
    ),
    # Replication.
    events.AppendRefused: _debug(
        "{node} [logterm: {own_term_there}, index: {prev_log_index}] rejected MsgApp"
        " [logterm: {prev_log_term}, index: {prev_log_index}] from {sender}"
    ),
    events.RefusalReceived: _debug(
        "{node} received MsgAppResp(rejected, hint: (index {hint_index}, term"
        " {hint_term})) from {sender} for index {refused_index}"
    ),
    events.ProgressDecreased: _debug(
        "{node} decreased progress of {peer} to [{progress}]"
    ),
    events.ProgressMissing: _debug("{node} no progress available for {peer}"),
    events.PeerReportedUnreachable: _debug(
        "{node} failed to send message to {peer} because it is unreachable [{progress}]"
    ),
    events.LogConflict: _info(
        "found conflict at index {index} [existing term: {existing_term},"
        " conflicting term: {conflicting_term}]"
    ),
    events.LogReplaced: _info("replace the unstable entries from index {index}"),
    events.LogTruncated: _info("truncate the unstable entries before index {index}"),
    events.AcknowledgementUnneeded: _info(
        "entry at index {index} missing from unstable log; ignoring"
    ),
    events.AcknowledgementMismatched: _info(
        "entry at (index,term)=({index},{acknowledged_term}) mismatched with entry at"
        " ({index},{present_term}) in unstable log; ignoring"
    ),
    # Snapshots.
    events.SnapshotSent: _debug(
        "{node} [firstindex: {first_index}, commit: {commit_index}] sent"
        " snapshot[index: {snapshot_index}, term: {snapshot_term}] to {peer}"
        " [{progress}]"
    ),
    events.SnapshotNotSent: _debug(
        "ignore sending snapshot to {peer} since it is not recently active"
    ),
    events.ReplicationPaused: _debug(
        "{node} paused sending replication messages to {peer} [{progress}]"
    ),
    events.SnapshotNotNeeded: _debug(
        "{node} recovered from needing snapshot, resumed sending replication messages"
        " to {peer} [{progress}]"
    ),
    events.SnapshotRestoreStarted: _info(
        "log [committed={commit_index}, applied={applied_index},"
        " applying={applying_index}, unstable.offset={unstable_offset},"
        " unstable.offsetInProgress={unstable_offset_in_progress},"
        " len(unstable.Entries)={unstable_count}] starts to restore snapshot"
        " [index: {snapshot_index}, term: {snapshot_term}]"
    ),
    events.SnapshotRestored: Both(
        _info(
            "{node} [commit: {commit_index}, lastindex: {last_log_index},"
            " lastterm: {last_log_term}] restored snapshot"
            " [index: {snapshot_index}, term: {snapshot_term}]"
        ),
        _info(
            "{node} [commit: {commit_index}] restored snapshot"
            " [index: {snapshot_index}, term: {snapshot_term}]"
        ),
    ),
    events.SnapshotIgnored: _info(
        "{node} [commit: {commit_index}] ignored snapshot"
        " [index: {snapshot_index}, term: {snapshot_term}]"
    ),
    events.SnapshotFastForwarded: _info(
        "{node} [commit: {commit_index}, lastindex: {last_log_index},"
        " lastterm: {last_log_term}] fast-forwarded commit to snapshot"
        " [index: {snapshot_index}, term: {snapshot_term}]"
    ),
}


def _reason(refusal: ChangeRefusal) -> str:
    """Return why a change was refused."""
    if refusal.pending_index:
        return (
            f"possible unapplied conf change at index {refusal.pending_index}"
            f" (applied to {refusal.applied_index})"
        )
    if refusal.must_leave_joint:
        return "must transition out of joint config first"
    return "not in joint state; refusing empty conf change"


def _hexadecimal(node_id: int | None) -> str:
    """Return an id; nobody is 0."""
    return f"{node_id or 0:x}"


_FIELDS: Final[dict[str, Callable[[Any], str]]] = {
    "candidate": _hexadecimal,
    "change": describe_conf_change,
    "conf_state": describe_configuration,
    "kind": TYPE_NAMES.__getitem__,
    "leader": _hexadecimal,
    "node": _hexadecimal,
    "peer": _hexadecimal,
    "progress": describe_progress,
    "reason": _reason,
    "sender": _hexadecimal,
    "transferee": _hexadecimal,
    "vote": _hexadecimal,
    "voter": _hexadecimal,
    "voters": lambda voters: hexadecimal_ids(voters, ","),
}
"""How a field is printed; those that stand not here are decimal numbers."""


UNTOLD: Final[frozenset[type[Event]]] = frozenset(
    {
        events.ReadDropped,
        events.SnapshotReported,
        events.TransferAborted,
        events.TransferDropped,
    }
)
"""What happens without a line in scripts."""


def log_lines(event: Event) -> list[Line]:
    """Return the lines of an event, filled in."""
    if type(event) in UNTOLD:
        return []
    lines: list[Line]
    match LINES[type(event)]:
        case Both() as both:
            lines = list(both)
        case Either(flag, if_set, if_not):
            lines = [if_set if getattr(event, flag) else if_not]
        case line:
            lines = [line]
    fields = {
        name: _FIELDS.get(name, str)(getattr(event, name))
        for name in event.__struct_fields__
    }
    return [Line(level, text.format_map(fields)) for level, text in lines]
