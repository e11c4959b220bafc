"""What storage and the state machine say is done.

Source: Raft paper Fig. 2; etcd for acknowledgements of an older term, which may speak
of entries that were overwritten since.
"""

from raftwerk.core.conf_change import leave_joint_if_due
from raftwerk.core.events import AcknowledgementOutdated
from raftwerk.core.inputs import EntriesApplied, StorageAppended
from raftwerk.core.records import Snapshot
from raftwerk.core.state import State
from raftwerk.errors import MisuseError
from raftwerk.types import LogIndex

__all__ = ["on_entries_applied", "on_storage_appended"]


def on_storage_appended(state: State, event: StorageAppended) -> None:
    """Know that an append order is done.

    Parameters
    ----------
    state : State
        This member.
    event : StorageAppended
        What the order said it would mean.
    """
    if event.last_log_index:
        if event.term == state.term:
            state.log.stable_to(event.last_log_index, event.last_log_term)
        else:
            # The same place may hold another entry of the same older term by now, on
            # its way to storage in a later order: only that order's word counts.
            state.record(
                AcknowledgementOutdated(
                    node=state.id, term=state.term, acknowledged_term=event.term
                )
            )
    if event.snapshot is not None:
        _on_installed(state, event.snapshot)


def _on_installed(state: State, snapshot: Snapshot) -> None:
    """Know that a snapshot is installed; what it covers is committed in any term."""
    state.log.snapshot_stable_to(snapshot.index)
    _applied_to(state, snapshot.index, 0)


def on_entries_applied(state: State, event: EntriesApplied) -> None:
    """Know that an apply order is done.

    Parameters
    ----------
    state : State
        This member.
    event : EntriesApplied
        What was applied.

    Raises
    ------
    MisuseError
        If more was applied than was handed out; nothing changed.
    """
    applying_index = state.log.applying_index
    if event.applied_index > applying_index:
        raise MisuseError(
            f"entries up to {event.applied_index} were reported as applied; member"
            f" {state.id} has handed out those up to {applying_index}"
        )
    _applied_to(state, event.applied_index, event.size_bytes)
    # Entries of others count too where a leader began with a part of its log
    # uncommitted; so it never goes below 0.
    state.uncommitted_bytes = max(state.uncommitted_bytes - event.payload_bytes, 0)


def _applied_to(state: State, index: LogIndex, size_bytes: int) -> None:
    """Move the applied index, and do what waited for that."""
    state.log.applied_to(max(index, state.log.applied_index), size_bytes)
    leave_joint_if_due(state)
