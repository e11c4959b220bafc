"""Alarms: what may not be done while something is wrong with a member.

They are part of what is agreed upon: each member refuses alike, whoever was asked.
Source: etcd's alarms and its quota; what takes room is refused while one member has
none, and whatever makes room is done.
"""

from raftwerk.kv.commands import (
    AlarmKind,
    Command,
    Compact,
    DeleteRange,
    GrantLease,
    Operation,
    Put,
    RevokeLease,
    SetAlarm,
    Txn,
)
from raftwerk.kv.errors import CorruptCluster, KvError, NoSpace
from raftwerk.kv.results import AlarmResult
from raftwerk.kv.state import State

__all__ = ["bytes_taken", "refusal", "set_alarm"]

_CHANGES = (Put, DeleteRange, Txn, Compact, GrantLease, RevokeLease)


def set_alarm(state: State, command: SetAlarm) -> AlarmResult:
    """Raise an alarm, or end it.

    Parameters
    ----------
    state : State
        The store; its revision stays.
    command : SetAlarm
        Which.

    Returns
    -------
    AlarmResult
        Known, if it is raised now, be it again, or was until now.
    """
    alarm = (command.alarm, command.member_id)
    if command.raised:
        state.alarms.add(alarm)
        return AlarmResult(state.revision, True)
    is_known = alarm in state.alarms
    state.alarms.discard(alarm)
    return AlarmResult(state.revision, is_known)


def refusal(state: State, command: Command) -> KvError | None:
    """Return why a command may not be done while there are alarms.

    Parameters
    ----------
    state : State
        The store, with alarms.
    command : Command
        Any.

    Returns
    -------
    KvError or None
        None if it may be done.
    """
    kinds = {kind for kind, _ in state.alarms}
    if AlarmKind.CORRUPT in kinds and isinstance(command, _CHANGES):
        return CorruptCluster("an alarm says that the members' stores differ")
    if AlarmKind.NOSPACE in kinds and bytes_taken(command):
        return NoSpace("an alarm says that a member has no room for more")
    return None


def bytes_taken(command: Command | Operation) -> int:
    """Return about how much room a command may take.

    Parameters
    ----------
    command : Command or Operation
        Any.

    Returns
    -------
    int
        In bytes of keys and values, and a few for each; 0 if it takes none.
    """
    match command:
        case Put():
            return 256 + len(command.key) + len(command.value)
        case GrantLease():
            return 64
        case Txn(_, success, failure):
            return max(sum(map(bytes_taken, each)) for each in (success, failure))
        case _:
            return 0
