"""Puts and deletions, alone or as part of a transaction."""

from raftwerk.kv.commands import DeleteRange, Put
from raftwerk.kv.errors import KeyNotFound, LeaseNotFound
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import DeleteRangeResult, PutResult
from raftwerk.kv.state import State

__all__ = ["check_kept", "check_lease", "delete_range", "put"]


def check_lease(state: State, command: Put) -> None:
    """Refuse a put whose key could end with nothing.

    Parameters
    ----------
    state : State
        The store.
    command : Put
        What is to be put.

    Raises
    ------
    LeaseNotFound
        If it names a lease that there is not.
    """
    if command.lease and state.leases.get(command.lease) is None:
        raise LeaseNotFound(f"there is no lease {command.lease}")


def check_kept(state: State, command: Put) -> None:
    """Refuse a put that is to keep what is not there.

    Parameters
    ----------
    state : State
        The store.
    command : Put
        What is to be put.

    Raises
    ------
    KeyNotFound
        If it is to keep the value or the lease of a key that does not exist.
    """
    if (command.ignore_value or command.ignore_lease) and (
        state.index.get(command.key) is None
    ):
        raise KeyNotFound(f"the key {command.key!r} does not exist")


def put(state: State, command: Put, revision: int) -> PutResult:
    """Set a key; `check_kept` and `check_lease` have passed.

    Parameters
    ----------
    state : State
        The store.
    command : Put
        What to put.
    revision : int
        The revision that this write belongs to: the next one, or the present one if
        the same transaction has written before.

    Returns
    -------
    PutResult
        With the version before, if that was asked for.
    """
    before = state.index.get(command.key)
    if before is None:
        kv = KeyValue(command.key, revision, revision, 1, command.value, command.lease)
    else:
        kv = KeyValue(
            before.key,  # one object for all versions
            before.create_revision,
            revision,
            before.version + 1,
            before.value if command.ignore_value else command.value,
            before.lease if command.ignore_lease else command.lease,
        )
    state.put(kv, before)
    return PutResult(revision, before if command.prev_kv else None)


def delete_range(
    state: State, command: DeleteRange, revision: int
) -> DeleteRangeResult:
    """Delete the keys of a range, all at one revision.

    Parameters
    ----------
    state : State
        The store.
    command : DeleteRange
        What to delete.
    revision : int
        The revision that this write belongs to, as in `put`; not taken if there is
        nothing to delete.

    Returns
    -------
    DeleteRangeResult
        With what was deleted, if that was asked for.
    """
    found = state.index.find(command.key, command.range_end)
    state.delete(found, revision)
    prev_kvs = found if command.prev_kv else []
    return DeleteRangeResult(state.written, len(found), prev_kvs)
