"""What each command does: one function for each kind, found in one table."""

from collections.abc import Callable
from typing import Any, Final

from raftwerk.kv import alarms, compaction, lease, txn, write
from raftwerk.kv.commands import (
    CheckpointLeases,
    Command,
    Compact,
    DeleteRange,
    ExpireLeases,
    GrantLease,
    LeadLeases,
    Put,
    RevokeLease,
    SetAlarm,
    Txn,
)
from raftwerk.kv.errors import KvError
from raftwerk.kv.results import DeleteRangeResult, PutResult, Result
from raftwerk.kv.state import State

__all__ = ["carry_out"]


def carry_out(state: State, command: Command) -> Result:
    """Carry out a command.

    Parameters
    ----------
    state : State
        The store.
    command : Command
        Which.

    Returns
    -------
    Result
        What came of it; a `KvError` if it was refused, and nothing has changed.
    """
    if state.alarms and (refused := alarms.refusal(state, command)):
        return refused
    try:
        return _HANDLERS[type(command)](state, command)
    except KvError as refusal:
        return refusal


def _put(state: State, command: Put) -> PutResult:
    """Set a key."""
    if command.lease or command.ignore_value or command.ignore_lease:
        write.check_lease(state, command)
        write.check_kept(state, command)
    return write.put(state, command, state.revision + 1)


def _delete_range(state: State, command: DeleteRange) -> DeleteRangeResult:
    """Delete keys."""
    return write.delete_range(state, command, state.revision + 1)


_HANDLERS: Final[dict[type[Command], Callable[[State, Any], Result]]] = {
    Put: _put,
    DeleteRange: _delete_range,
    Txn: txn.run,
    Compact: compaction.compact,
    SetAlarm: alarms.set_alarm,
    GrantLease: lease.grant,
    RevokeLease: lease.revoke,
    ExpireLeases: lease.expire,
    CheckpointLeases: lease.checkpoint,
    LeadLeases: lease.lead,
}
