"""What each command does: one function for each kind, found in one table.

Those that may be about many keys have another one, that does it in steps.
"""

from collections.abc import Callable, Generator
from typing import Any, Final

from raftwerk.kv import alarms, compaction, lease, ranges, txn, write, writing
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

__all__ = ["carry_out", "carry_out_in_steps", "is_large"]


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


def is_large(state: State, command: Command) -> bool:
    """Tell whether a command is to be carried out in steps.

    Parameters
    ----------
    state : State
        The store.
    command : Command
        Any.

    Returns
    -------
    bool
        Whether more keys are meant than are done in one turn.
    """
    keys_max = ranges.KEYS_PER_STEP * writing.STEPS_PER_TURN
    return writing.keys_named(state, command) > keys_max


def carry_out_in_steps(state: State, command: Command) -> Generator[None, None, Result]:
    """Carry out a command that `is_large`.

    Parameters
    ----------
    state : State
        The store; nobody else may change it before the last step.
    command : Command
        Which.

    Returns
    -------
    Result
        As `carry_out` would have returned.

    Yields
    ------
    None
        Between two steps; whoever reads then sees the store as it was before.
    """
    if state.alarms and (refused := alarms.refusal(state, command)):
        return refused
    try:
        result: Result = yield from _STEPPED[type(command)](state, command)
        return result
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

_STEPPED: Final[
    dict[type[Command], Callable[[State, Any], Generator[None, None, Result]]]
] = {
    DeleteRange: writing.delete_range,
    Txn: writing.run,
    RevokeLease: writing.revoke,
    ExpireLeases: writing.expire,
}
