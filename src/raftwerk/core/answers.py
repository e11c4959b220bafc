"""What a follower's answer, its silence, or a report about it means to the leader.

Source: Raft paper §5.3 (repair), §5.4.2; etcd for the progress states and the hints.
"""

from raftwerk.core.commit import advance_commit
from raftwerk.core.events import (
    PeerReportedUnreachable,
    ProgressDecreased,
    ProgressMissing,
    RefusalReceived,
    SnapshotNotNeeded,
    SnapshotReported,
)
from raftwerk.core.inputs import ReportSnapshot, ReportUnreachable
from raftwerk.core.messages import (
    AppendEntriesRefusal,
    AppendEntriesReply,
    HeartbeatReply,
)
from raftwerk.core.progress import Progress
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.read_index import confirm_reads
from raftwerk.core.replication import broadcast_append, send_all_waiting, send_append
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.core.transfer import continue_transfer
from raftwerk.types import LogIndex, NodeId

__all__ = [
    "on_append_entries_refusal",
    "on_append_entries_reply",
    "on_heartbeat_reply",
    "on_report_snapshot",
    "on_report_unreachable",
    "wait_for_snapshots",
]


def _progress(state: State, peer: NodeId) -> Progress | None:
    """Return a peer's progress; None where we don't lead, or don't track it."""
    if state.role is not Role.LEADER:
        return None
    progress = state.tracker.progress.get(peer)
    if progress is None:
        state.record(ProgressMissing(node=state.id, peer=peer))
    return progress


def on_append_entries_reply(state: State, reply: AppendEntriesReply) -> None:
    """Take in that a member's log equals ours up to an index; also our own log.

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    reply : AppendEntriesReply
        Of the present term.
    """
    peer = reply.sender
    progress = _progress(state, peer)
    if progress is None:
        return
    progress.is_recently_active = True
    index = reply.match_index
    # An old index is news too where the follower is being probed: it answered, so the
    # flow may start again (it was marked unreachable, and had everything already).
    if not progress.maybe_update(index) and not (
        progress.match_index == index and progress.state is ProgressState.PROBE
    ):
        return
    _resume(state, peer, progress, index)
    is_other = peer != state.id
    if advance_commit(state):
        broadcast_append(state)
    elif is_other and progress.can_bump_commit(state.log.commit_index):
        send_append(state, peer)
    if is_other:
        send_all_waiting(state, peer)
        continue_transfer(state, peer)


def _resume(state: State, peer: NodeId, progress: Progress, index: LogIndex) -> None:
    """Let the flow go on as the new match index allows."""
    if progress.state is ProgressState.PROBE:
        progress.become_replicate()
    elif progress.state is ProgressState.REPLICATE:
        progress.acknowledge_inflights(index)
    elif progress.match_index + 1 >= state.log.first_index:
        # Whatever became of the snapshot: what it lacks now is in the log.
        state.record(
            SnapshotNotNeeded(node=state.id, peer=peer, progress=progress.view())
        )
        progress.become_probe()
        progress.become_replicate()


def on_append_entries_refusal(state: State, reply: AppendEntriesRefusal) -> None:
    """Go back to where the logs may agree, and try there (§5.3).

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    reply : AppendEntriesRefusal
        Of the present term.
    """
    peer = reply.sender
    progress = _progress(state, peer)
    if progress is None:
        return
    progress.is_recently_active = True
    state.record(
        RefusalReceived(
            node=state.id,
            sender=peer,
            refused_index=reply.refused_index,
            hint_index=reply.hint_index,
            hint_term=reply.hint_term,
        )
    )
    hint_index = reply.hint_index
    if reply.hint_term > 0:
        # The follower went down its log to our term there; going down ours to its
        # term finds the last place where both may agree: one probe a term.
        hint_index, _ = state.log.find_conflict_by_term(hint_index, reply.hint_term)
    if not progress.maybe_decrease(reply.refused_index, hint_index):
        return
    state.record(ProgressDecreased(node=state.id, peer=peer, progress=progress.view()))
    if progress.state is ProgressState.REPLICATE:
        progress.become_probe()
    send_append(state, peer)


def on_heartbeat_reply(state: State, reply: HeartbeatReply) -> None:
    """Take in that a member follows us still.

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    reply : HeartbeatReply
        Of the present term.
    """
    peer = reply.sender
    progress = _progress(state, peer)
    if progress is None:
        return
    progress.is_recently_active = True
    progress.is_paused_by_probe = False
    # Appends may have been lost: one more, empty if the window is full, finds that
    # out. A probed member that has all needs it too, to be replicated to again.
    if (
        progress.match_index < state.log.last_index
        or progress.state is ProgressState.PROBE
    ):
        send_append(state, peer)
    confirm_reads(state, reply)


def on_report_unreachable(state: State, event: ReportUnreachable) -> None:
    """Stop sending ahead to a member to which messages were lost.

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    event : ReportUnreachable
        To whom.
    """
    progress = _progress(state, event.peer)
    if progress is None:
        return
    if progress.state is ProgressState.REPLICATE:
        progress.become_probe()
    state.record(
        PeerReportedUnreachable(
            node=state.id, peer=event.peer, progress=progress.view()
        )
    )


def on_report_snapshot(state: State, event: ReportSnapshot) -> None:
    """End the wait for a snapshot, whether it arrived or not.

    A report that is lost does no harm: any later answer of the member that moves its
    match index to the log's beginning ends the wait too.

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    event : ReportSnapshot
        Whose, and whether it arrived.
    """
    progress = _progress(state, event.peer)
    if progress is None or progress.state is not ProgressState.SNAPSHOT:
        return
    state.record(
        SnapshotReported(node=state.id, peer=event.peer, succeeded=event.succeeded)
    )
    if not event.succeeded:
        progress.pending_snapshot_index = LogIndex(0)
    progress.become_probe()
    # Arrived: wait for the member's own answer. Lost: wait a heartbeat before the
    # next try. Either way its answer to a heartbeat ends the pause.
    progress.is_paused_by_probe = True


def wait_for_snapshots(state: State, ticks: int) -> None:
    """Wait a little longer for what became of snapshots, or take them for lost.

    The driver owes a report for each; but it may have lost that with the connection,
    and the answer of the member as well.

    Parameters
    ----------
    state : State
        A leader.
    ticks : int
        How long it has waited since the last call.
    """
    for node_id, progress in state.tracker.others(state.id):
        if progress.state is not ProgressState.SNAPSHOT:
            continue
        progress.snapshot_elapsed += ticks
        if progress.snapshot_elapsed >= state.config.snapshot_ticks_max:
            on_report_snapshot(state, ReportSnapshot(node_id, succeeded=False))
