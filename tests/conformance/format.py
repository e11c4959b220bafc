"""Values as the scripts print them; all else that is printed is made of these."""

from collections.abc import Iterable
from typing import Final

from raftwerk.core.progress_view import ProgressState, ProgressView
from raftwerk.core.ready import ReadState, SoftState
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
    Transition,
)
from raftwerk.core.roles import Role
from raftwerk.types import NodeId

__all__ = [
    "CHANGE_LETTERS",
    "describe_changes",
    "describe_conf_change",
    "describe_configuration",
    "describe_entry",
    "describe_hard_state",
    "describe_progress",
    "describe_progress_map",
    "describe_read_states",
    "describe_snapshot",
    "describe_soft_state",
    "hexadecimal_ids",
    "quote",
]

ROLES: Final = {
    Role.FOLLOWER: "StateFollower",
    Role.PRE_CANDIDATE: "StatePreCandidate",
    Role.CANDIDATE: "StateCandidate",
    Role.LEADER: "StateLeader",
}
PROGRESS_STATES: Final = {
    ProgressState.PROBE: "StateProbe",
    ProgressState.REPLICATE: "StateReplicate",
    ProgressState.SNAPSHOT: "StateSnapshot",
}
ENTRY_KINDS: Final = {
    EntryKind.COMMAND: "EntryNormal",
    EntryKind.SIMPLE_CHANGE: "EntryConfChange",
    EntryKind.CONF_CHANGE: "EntryConfChangeV2",
}
CHANGE_LETTERS: Final = {
    "v": ChangeKind.ADD_VOTER,
    "l": ChangeKind.ADD_LEARNER,
    "r": ChangeKind.REMOVE,
    "u": ChangeKind.UPDATE,
}
_LETTERS: Final = {kind: letter for letter, kind in CHANGE_LETTERS.items()}
_CHANGE_NAMES: Final = {
    ChangeKind.ADD_VOTER: "ConfChangeAddNode",
    ChangeKind.REMOVE: "ConfChangeRemoveNode",
    ChangeKind.UPDATE: "ConfChangeUpdateNode",
    ChangeKind.ADD_LEARNER: "ConfChangeAddLearnerNode",
}
_TRANSITION_NAMES: Final = {
    Transition.AUTO: "ConfChangeTransitionAuto",
    Transition.JOINT_IMPLICIT: "ConfChangeTransitionJointImplicit",
    Transition.JOINT_EXPLICIT: "ConfChangeTransitionJointExplicit",
}
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


# ---- the log ----------------------------------------------------------------


def quote(data: bytes) -> str:
    """Return bytes as a string in double quotes, with the escapes of Go."""
    # Bytes that are no UTF-8 become lone surrogates, which no sound text contains.
    text = data.decode("utf-8", "surrogateescape")
    return f'"{"".join(_escape(character) for character in text)}"'


def _escape(character: str) -> str:
    """Return one character as it stands between the quotes."""
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def describe_entry(entry: Entry) -> str:
    """Return an entry: term, index, kind, content."""
    head = f"{entry.term}/{entry.index} {ENTRY_KINDS[entry.kind]}"
    if entry.kind is EntryKind.COMMAND:
        return f"{head} {quote(entry.data)}"
    return f"{head} {describe_changes(ConfChange.decode(entry.data).changes)}".rstrip()


def describe_hard_state(hard_state: HardState) -> str:
    """Return a hard state; no vote is not named."""
    vote = f" Vote:{hard_state.vote}" if hard_state.vote else ""
    return f"Term:{hard_state.term}{vote} Commit:{hard_state.commit_index}"


def describe_soft_state(soft_state: SoftState) -> str:
    """Return a soft state; no leader is 0."""
    return f"Lead:{soft_state.leader or 0} State:{ROLES[soft_state.role]}"


def describe_read_states(read_states: Iterable[ReadState]) -> str:
    """Return answered reads, each with its context."""
    pairs = (f"{{{one.read_index} {one.context}}}" for one in read_states)
    return f"[{' '.join(pairs)}]"


def describe_snapshot(snapshot: Snapshot) -> str:
    """Return a snapshot without its data."""
    conf_state = snapshot.conf_state
    return (
        f"Index:{snapshot.index} Term:{snapshot.term} ConfState:"
        f"Voters:{_decimal_ids(conf_state.voters)}"
        f" VotersOutgoing:{_decimal_ids(conf_state.voters_outgoing)}"
        f" Learners:{_decimal_ids(conf_state.learners)}"
        f" LearnersNext:{_decimal_ids(conf_state.learners_next)}"
        f" AutoLeave:{str(conf_state.auto_leave).lower()}"
    )


def _decimal_ids(ids: Iterable[NodeId]) -> str:
    """Return ids in decimal, in brackets."""
    return f"[{' '.join(str(node_id) for node_id in ids)}]"


# ---- the group --------------------------------------------------------------


def hexadecimal_ids(ids: Iterable[NodeId], separator: str = " ") -> str:
    """Return ids in hexadecimal, with something between them."""
    return separator.join(f"{node_id:x}" for node_id in ids)


def describe_configuration(conf_state: ConfState) -> str:
    """Return a configuration: what is empty is not named, but for the voters."""
    parts = [f"voters=({hexadecimal_ids(conf_state.voters)})"]
    if conf_state.voters_outgoing:
        parts[0] += f"&&({hexadecimal_ids(conf_state.voters_outgoing)})"
    if conf_state.learners:
        parts.append(f"learners=({hexadecimal_ids(conf_state.learners)})")
    if conf_state.learners_next:
        parts.append(f"learners_next=({hexadecimal_ids(conf_state.learners_next)})")
    if conf_state.auto_leave:
        parts.append("autoleave")
    return " ".join(parts)


def describe_changes(changes: Iterable[Change]) -> str:
    """Return changes as a script's input has them."""
    return " ".join(f"{_LETTERS[change.kind]}{change.node_id}" for change in changes)


def describe_conf_change(change: ConfChange) -> str:
    """Return a configuration change in the long form of log lines."""
    parts = [f"transition:{_TRANSITION_NAMES[change.transition]}"]
    for one in change.changes:
        parts.append(
            f"changes:{{type:{_CHANGE_NAMES[one.kind]} node_id:{one.node_id}}}"
        )
    return " ".join(parts)


def describe_progress(progress: ProgressView) -> str:
    """Return a follower's progress: flags are named only where they are set."""
    parts = [
        PROGRESS_STATES[progress.state],
        f"match={progress.match_index}",
        f"next={progress.next_index}",
    ]
    if progress.is_learner:
        parts.append("learner")
    if progress.is_paused:
        parts.append("paused")
    if progress.pending_snapshot_index:
        parts.append(f"pendingSnap={progress.pending_snapshot_index}")
    if not progress.is_recently_active:
        parts.append("inactive")
    if progress.inflight_count:
        full = "[full]" if progress.is_inflight_full else ""
        parts.append(f"inflight={progress.inflight_count}{full}")
    return " ".join(parts)


def describe_progress_map(progress: Iterable[tuple[NodeId, ProgressView]]) -> str:
    """Return the progress of several members, a line each, ascending."""
    return "".join(
        f"{node_id}: {describe_progress(view)}\n"
        for node_id, view in sorted(progress, key=lambda pair: pair[0])
    )
