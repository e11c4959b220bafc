"""Commands that change many keys, in steps, as `reading` reads many.

What such a command writes is held (`state`) until it is whole: between two steps
whoever reads sees the store as it was before, whoever watches is told nothing, and no
other command is done. Then all of it is released at once, however much it is. Each of
these functions does what the one of the same meaning in `write`, `txn` and `lease` does
in one go, and answers as that does.
"""

from collections.abc import Generator, Iterator
from itertools import islice
from typing import Final

from raftwerk.kv import ranges, write
from raftwerk.kv.commands import (
    Command,
    DeleteRange,
    ExpireLeases,
    Nothing,
    Put,
    Range,
    RevokeLease,
    Txn,
)
from raftwerk.kv.lease import check_revoke
from raftwerk.kv.reading import Reading
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import (
    DeleteRangeResult,
    LeasesResult,
    PutResult,
    RangeResult,
    TxnResult,
)
from raftwerk.kv.spans import span_of
from raftwerk.kv.state import State
from raftwerk.kv.txn import Plan, check_plan

__all__ = ["STEPS_PER_TURN", "delete_range", "expire", "keys_named", "revoke", "run"]

STEPS_PER_TURN: Final = 4
"""Steps that are made before others have their turn: a thousand keys, 3 to 4 ms. That
is more than a read takes, for the writes of all others wait until the last one."""


def keys_named(state: State, command: Command) -> int:
    """Return about how many keys a command may look at or change, beside single ones.

    Parameters
    ----------
    state : State
        The store.
    command : Command
        Any.

    Returns
    -------
    int
        Found without a look at each.
    """
    match command:
        case Txn():
            return _keys_of_txn(state, command)
        case DeleteRange(key, range_end):
            return state.index.count(span_of(key, range_end)) if range_end else 0
        case RevokeLease(lease):
            return state.leases.count(lease)
        case ExpireLeases(_, leases):
            return sum(map(state.leases.count, leases))
        case _:
            return 0


def _keys_of_txn(state: State, txn: Txn) -> int:
    """Return the same of a transaction."""
    keys = 0
    for compare in txn.compare:
        if compare.range_end:
            keys += state.index.size(span_of(compare.key, compare.range_end))
    for branch in (txn.success, txn.failure):
        for each in branch:
            if isinstance(each, Put):
                continue
            if isinstance(each, Txn):
                keys += _keys_of_txn(state, each)
            elif not isinstance(each, Nothing) and each.range_end:
                keys += state.index.size(span_of(each.key, each.range_end))
    return keys


def delete_range(
    state: State, command: DeleteRange
) -> Generator[None, None, DeleteRangeResult]:
    """Delete the keys of a range, all at one revision.

    Parameters
    ----------
    state : State
        The store.
    command : DeleteRange
        What to delete.

    Returns
    -------
    DeleteRangeResult
        As `write.delete_range`.

    Yields
    ------
    None
        After each `ranges.KEYS_PER_STEP` keys or so; so do the others here.
    """
    state.hold()
    result = yield from _delete(state, command, state.revision + 1)
    yield from _release(state)
    return result


def revoke(state: State, command: RevokeLease) -> Generator[None, None, LeasesResult]:
    """End a lease for whoever asks.

    Parameters
    ----------
    state : State
        The store.
    command : RevokeLease
        Which.

    Returns
    -------
    LeasesResult
        As `lease.revoke`.

    Yields
    ------
    None
        Between two steps.

    Raises
    ------
    LeaseNotFound
        If there is none of this id.
    """
    check_revoke(state, command)
    yield from _end(state, command.lease)
    return LeasesResult(state.revision, 1)


def expire(state: State, command: ExpireLeases) -> Generator[None, None, LeasesResult]:
    """End leases whose time is up, each at a revision of its own.

    Parameters
    ----------
    state : State
        The store; each lease's end is seen as soon as it is whole.
    command : ExpireLeases
        Which.

    Returns
    -------
    LeasesResult
        As `lease.expire`.

    Yields
    ------
    None
        Between two steps.
    """
    ended = 0
    if command.term == state.leases.term:
        for lease_id in command.leases:
            if state.leases.get(lease_id) is not None:
                yield from _end(state, lease_id)
                yield
                ended += 1
    return LeasesResult(state.revision, ended)


def run(state: State, txn: Txn) -> Generator[None, None, TxnResult]:
    """Do a transaction that `checks.check_txn` has let pass.

    Parameters
    ----------
    state : State
        The store.
    txn : Txn
        What to do.

    Returns
    -------
    TxnResult
        As `txn.run`.

    Yields
    ------
    None
        Between two steps.

    Raises
    ------
    KvError
        If one of the chosen operations can't be done; then nothing has changed.
    """
    pace = Reading(state)
    plan = yield from pace.choose(txn)
    check_plan(state, plan)
    state.hold()
    result = yield from _do(state, plan, state.revision + 1, pace)
    yield from _release(state)
    return result


def _do(
    state: State, plan: Plan, revision: int, pace: Reading
) -> Generator[None, None, TxnResult]:
    """Do what a plan says."""
    responses: list[RangeResult | PutResult | DeleteRangeResult | TxnResult] = []
    for operation, nested in plan[1]:
        yield from pace.pause_if_due()
        if nested is not None:
            responses.append((yield from _do(state, nested, revision, pace)))
            continue
        match operation:
            case Put():
                responses.append(write.put(state, operation, revision))
                pace.keys_seen += 1
            case DeleteRange():
                deleted = yield from _delete(state, operation, revision)
                responses.append(deleted)
                pace.keys_seen += deleted.deleted + 1
            case Range():
                # What the transaction itself has written counts here.
                reading = ranges.read_in_steps(state, operation, state.written)
                found = yield from reading
                responses.append(found)
                is_old = operation.revision > 0
                pace.keys_seen += ranges.KEYS_PER_STEP if is_old else found.count + 1
    return TxnResult(state.written, plan[0], responses)


def _delete(
    state: State, command: DeleteRange, revision: int
) -> Generator[None, None, DeleteRangeResult]:
    """Delete the keys of a range."""
    if not command.range_end:
        return write.delete_range(state, command, revision)
    keys_max = ranges.KEYS_PER_STEP
    deleted = 0
    prev_kvs: list[KeyValue] = []
    while True:
        # Those that were deleted are no more found, so these are always the next.
        some = state.index.find(command.key, command.range_end, keys_max)
        state.delete(some, revision)
        deleted += len(some)
        if command.prev_kv:
            prev_kvs += some
        if len(some) < keys_max:
            return DeleteRangeResult(state.written, deleted, prev_kvs)
        yield


def _end(state: State, lease_id: int) -> Generator[None, None, None]:
    """Delete what is attached to a lease, then the lease."""
    keys: Iterator[bytes] = yield from state.leases.keys_in_steps(lease_id)
    state.hold()
    while some := list(islice(keys, ranges.KEYS_PER_STEP)):
        found = [kv for key in some if (kv := state.index.get(key)) is not None]
        state.delete(found, state.revision + 1)
        yield
    moved = state.release()
    state.leases.remove(lease_id)
    yield from _let_go(moved)


def _release(state: State) -> Generator[None, None, None]:
    """Have all be seen that was done."""
    yield from _let_go(state.release())


def _let_go(moved: list[tuple[bytes, int]]) -> Generator[None, None, None]:
    """Empty what was remembered meanwhile."""
    while moved:
        yield
        del moved[-ranges.KEYS_PER_STEP * 4 :]
