"""The leader's side of replication: what goes to each follower.

Source: Raft paper §5.3; thesis §10.2.2 (pipeline); etcd for the three states of a
follower's progress. What the answers mean is `answers.py`.
"""

from raftwerk.core.events import ReplicationPaused, SnapshotNotSent, SnapshotSent
from raftwerk.core.messages import AppendEntries, Heartbeat, InstallSnapshot
from raftwerk.core.progress import Progress
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.sizes import payload_bytes
from raftwerk.core.state import State
from raftwerk.errors import EntryCompacted, SnapshotUnavailable, require
from raftwerk.types import LogIndex, NodeId

__all__ = [
    "broadcast_append",
    "broadcast_heartbeat",
    "send_all_waiting",
    "send_append",
]


def broadcast_append(state: State) -> None:
    """Send to each follower what it lacks, or at least the commit index.

    Parameters
    ----------
    state : State
        A leader.
    """
    for node_id in state.tracker.member_ids:
        if node_id != state.id:
            send_append(state, node_id)


def broadcast_heartbeat(state: State, read_round: int) -> None:
    """Send a heartbeat to each follower, whatever its progress.

    Parameters
    ----------
    state : State
        A leader.
    read_round : int
        The newest round of reads that waits, or 0.
    """
    for node_id in state.tracker.member_ids:
        if node_id != state.id:
            _send_heartbeat(state, node_id, read_round)


def _send_heartbeat(state: State, node_id: NodeId, read_round: int) -> None:
    """Send one heartbeat; its commit index never exceeds what the follower stores."""
    progress = state.tracker.progress[node_id]
    # A follower takes the commit index of a heartbeat without a log check: it may
    # name only entries that are known to be the same there.
    commit_index = min(progress.match_index, state.log.commit_index)
    state.send(
        Heartbeat(
            sender=state.id,
            receiver=node_id,
            term=state.term,
            commit_index=commit_index,
            read_round=read_round,
        )
    )
    progress.sent_commit(commit_index)


def send_all_waiting(state: State, node_id: NodeId) -> None:
    """Send one append after the other while there are entries and room for them.

    Parameters
    ----------
    state : State
        A leader.
    node_id : NodeId
        A follower.
    """
    while send_append(state, node_id, even_if_empty=False):
        pass


def send_append(state: State, node_id: NodeId, *, even_if_empty: bool = True) -> bool:
    """Send one append, or the snapshot if the entries are gone.

    Parameters
    ----------
    state : State
        A leader.
    node_id : NodeId
        A follower.
    even_if_empty : bool
        Whether to send without entries: it tells the commit index, and probes.

    Returns
    -------
    bool
        Whether anything was sent; false while the follower is paused.
    """
    progress = state.tracker.progress[node_id]
    if progress.is_paused:
        return False
    log = state.log
    next_index = progress.next_index
    prev_log_index = LogIndex(next_index - 1)
    last_index = log.last_index
    if next_index > last_index and not even_if_empty:
        return False  # All was sent.
    # With a full window only empty appends go out. If all that filled it was lost, the
    # answer to one of them (prompted by heartbeats) makes room again.
    is_full = progress.state is ProgressState.REPLICATE and progress.inflights.is_full
    has_entries = next_index <= last_index and not is_full
    try:
        prev_log_term = log.term(prev_log_index)
        if not has_entries and not even_if_empty:
            return False
        entries = (
            tuple(
                log.read(
                    next_index, LogIndex(last_index + 1), state.config.append_bytes_max
                )
            )
            if has_entries
            else ()
        )
    except EntryCompacted:
        return _send_snapshot(state, node_id, progress)
    commit_index = log.commit_index
    state.send(
        AppendEntries(
            sender=state.id,
            receiver=node_id,
            term=state.term,
            prev_log_index=prev_log_index,
            prev_log_term=prev_log_term,
            commit_index=commit_index,
            entries=entries,
        )
    )
    progress.sent_entries(len(entries), payload_bytes(entries))
    progress.sent_commit(commit_index)
    return True


def _send_snapshot(state: State, node_id: NodeId, progress: Progress) -> bool:
    """Send the snapshot, for the log begins behind what the follower needs (§7)."""
    if not progress.is_recently_active:
        state.record(SnapshotNotSent(node=state.id, peer=node_id))
        return False
    try:
        snapshot = state.log.snapshot()
    except SnapshotUnavailable:
        return False  # A heartbeat's answer brings us here again.
    require(not snapshot.is_empty, "a log whose beginning is gone has a snapshot")
    state.record(
        SnapshotSent(
            node=state.id,
            peer=node_id,
            first_index=state.log.first_index,
            commit_index=state.log.commit_index,
            snapshot_index=snapshot.index,
            snapshot_term=snapshot.term,
            progress=progress.view(),
        )
    )
    progress.become_snapshot(snapshot.index)
    state.record(
        ReplicationPaused(node=state.id, peer=node_id, progress=progress.view())
    )
    state.send(
        InstallSnapshot(
            sender=state.id, receiver=node_id, term=state.term, snapshot=snapshot
        )
    )
    return True
