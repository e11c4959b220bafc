"""Installing a snapshot in the place of the log (Raft paper §7).

Offering one is part of `replication`.
"""

from raftwerk.core.append import follow
from raftwerk.core.conf_change import switch_configuration
from raftwerk.core.events import (
    SnapshotFastForwarded,
    SnapshotIgnored,
    SnapshotRestored,
)
from raftwerk.core.messages import AppendEntriesReply, InstallSnapshot
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.core.state import State
from raftwerk.types import NodeId

__all__ = ["on_install_snapshot"]


def on_install_snapshot(state: State, message: InstallSnapshot) -> None:
    """Install the leader's snapshot, if it brings anything, and say how far we are.

    Parameters
    ----------
    state : State
        This member.
    message : InstallSnapshot
        Of the present term.
    """
    follow(state, message.sender)
    snapshot = message.snapshot
    log = state.log
    if _restore(state, snapshot):
        state.record(
            SnapshotRestored(
                node=state.id,
                commit_index=log.commit_index,
                last_log_index=log.last_index,
                last_log_term=log.last_term,
                snapshot_index=snapshot.index,
                snapshot_term=snapshot.term,
            )
        )
        match_index = log.last_index
    else:
        state.record(
            SnapshotIgnored(
                node=state.id,
                commit_index=log.commit_index,
                snapshot_index=snapshot.index,
                snapshot_term=snapshot.term,
            )
        )
        match_index = log.commit_index
    state.send_after_sync(
        AppendEntriesReply(
            sender=state.id,
            receiver=message.sender,
            term=state.term,
            match_index=match_index,
        )
    )


def _restore(state: State, snapshot: Snapshot) -> bool:
    """Install a snapshot; return whether the log was replaced."""
    log = state.log
    if snapshot.index <= log.commit_index:
        return False  # A snapshot never goes back.
    if not _contains(snapshot.conf_state, state.id) and (
        state.id in state.tracker.progress or not state.config.join_by_older_snapshot
    ):
        # Not meant for us: it would make us a member of nothing. But who is that yet,
        # may take it: the change that adds it comes in the log behind.
        return False
    if log.matches(snapshot.index, snapshot.term):
        # We have all that it covers: nothing of the log need be thrown away.
        state.record(
            SnapshotFastForwarded(
                node=state.id,
                commit_index=log.commit_index,
                last_log_index=log.last_index,
                last_log_term=log.last_term,
                snapshot_index=snapshot.index,
                snapshot_term=snapshot.term,
            )
        )
        log.commit_to(snapshot.index)
        return False
    if not log.has_pending_snapshot:
        state.conf_state_below_snapshot = state.tracker.conf_state
    log.restore(snapshot)
    state.tracker.restore(snapshot.conf_state, log.last_index)
    switch_configuration(state)
    return True


def _contains(conf_state: ConfState, node_id: NodeId) -> bool:
    """Return whether a member belongs to a configuration in any way."""
    # Who is to be a learner next is an outgoing voter now.
    return (
        node_id in conf_state.voters
        or node_id in conf_state.learners
        or node_id in conf_state.voters_outgoing
    )
