"""Transactions: compare, then one branch or the other, as one change of the store.

First all compares, those of nested transactions too, so that none sees what the
transaction itself writes; then whatever the chosen operations may be refused for; then
the operations, which can't fail any more. etcd does it in the same order.

All that is one step here. Where many keys are named there are steps: in `reading` for
transactions that write nothing, in `writing` for the others.
"""

from collections.abc import Callable, Iterator
from operator import eq, gt, lt, ne
from typing import Any, Final, TypeAlias

from raftwerk.kv import ranges, write
from raftwerk.kv.commands import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    Operation,
    Put,
    Range,
    Txn,
)
from raftwerk.kv.errors import CompactedRevision, KeyNotFound
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import DeleteRangeResult, PutResult, RangeResult, TxnResult
from raftwerk.kv.spans import FROM_KEY
from raftwerk.kv.state import State

__all__ = [
    "Plan",
    "check_plan",
    "check_revision",
    "has_ranges",
    "is_read_only",
    "is_serializable",
    "is_true_of",
    "is_true_of_none",
    "operations_of",
    "run",
]

_RESULTS: Final[dict[int, Callable[[Any, Any], bool]]] = {
    CompareResult.EQUAL: eq,
    CompareResult.GREATER: gt,
    CompareResult.LESS: lt,
    CompareResult.NOT_EQUAL: ne,
}

_ABSENT: Final = KeyValue(b"", 0, 0, 0)
"""What a key that does not exist is compared as: all its numbers are 0."""

Plan: TypeAlias = "tuple[bool, list[tuple[Operation, Plan | None]]]"
"""Whether the compares held; the chosen operations, each nested one with its plan."""


def run(state: State, txn: Txn) -> TxnResult:
    """Do a transaction that `checks.check_txn` has let pass.

    Parameters
    ----------
    state : State
        The store; changed by all chosen operations or by none.
    txn : Txn
        What to do.

    Returns
    -------
    TxnResult
        With the answers of the operations that were done.

    Raises
    ------
    KvError
        If one of the chosen operations can't be done.
    """
    plan = _choose(state, txn)
    check_plan(state, plan)
    # One revision for all that is written, taken by the first write.
    return _run(state, plan, state.revision + 1)


def check_plan(state: State, plan: Plan) -> None:
    """Refuse what can't be done of a plan; then all of it can.

    Parameters
    ----------
    state : State
        The store.
    plan : Plan
        What was chosen.

    Raises
    ------
    KvError
        If one of the operations can't be done.
    """
    # Where several are refused, it shows in what order one looks: etcd looks at all
    # puts first, and at what they keep before it looks at their leases.
    deleted: list[bytes] = []
    for operation in operations_of(plan):
        match operation:
            case DeleteRange(key, range_end) if range_end == FROM_KEY:
                deleted.append(key)
            case Put():
                write.check_kept(state, operation)
                _check_still_there(operation, deleted)
                write.check_lease(state, operation)
    for operation in operations_of(plan):
        if isinstance(operation, Range):
            check_revision(state, operation.revision)


def is_read_only(txn: Txn) -> bool:
    """Tell whether a transaction writes nothing, whatever its compares say.

    Parameters
    ----------
    txn : Txn
        The request.

    Returns
    -------
    bool
        True for an empty one too.
    """
    return all(
        (
            is_read_only(operation)
            if isinstance(operation, Txn)
            else isinstance(operation, Range)
        )
        for operation in (*txn.success, *txn.failure)
    )


def is_serializable(txn: Txn) -> bool:
    """Tell whether any member may answer a transaction that only reads.

    Parameters
    ----------
    txn : Txn
        The request; `is_read_only`.

    Returns
    -------
    bool
        Whether all its ranges say so. Without any, its compares decide, and they must
        not be outdated.
    """
    operations = (*txn.success, *txn.failure)
    return bool(operations) and all(
        (
            is_serializable(operation)
            if isinstance(operation, Txn)
            else isinstance(operation, Range) and operation.serializable
        )
        for operation in operations
    )


def has_ranges(txn: Txn) -> bool:
    """Tell whether a transaction may look at more than single keys.

    Parameters
    ----------
    txn : Txn
        The request; `is_read_only`.

    Returns
    -------
    bool
        Whether a compare or an operation names a range of keys.
    """
    for compare in txn.compare:
        if compare.range_end:
            return True
    for operation in (*txn.success, *txn.failure):
        if isinstance(operation, Txn):
            if has_ranges(operation):
                return True
        elif isinstance(operation, Range) and operation.range_end:
            return True
    return False


def check_revision(state: State, revision: int, newest: int | None = None) -> None:
    """Refuse a revision that can't be read within a transaction.

    Other than alone, a negative one is no word for the newest here: it is one that was
    compacted, if any was.

    Parameters
    ----------
    state : State
        The store.
    revision : int
        Which; 0 means the newest.
    newest : int, optional
        That which counts as the newest; without it, the store's.

    Raises
    ------
    FutureRevision
        If the store has not come to it yet.
    CompactedRevision
        If it is forgotten.
    """
    ranges.check_revision(state, revision, newest)
    if revision < 0 and revision < state.compact_revision:
        raise CompactedRevision(f"revision {revision} is below all that can be read")


def operations_of(plan: Plan) -> Iterator[Operation]:
    """Yield the operations of a plan and of those nested in it, in order.

    Parameters
    ----------
    plan : Plan
        What was chosen.

    Yields
    ------
    Operation
        Never a transaction: those within it instead.
    """
    for operation, nested in plan[1]:
        if nested is None:
            yield operation
        else:
            yield from operations_of(nested)


def is_true_of_none(compare: Compare) -> bool:
    """Tell whether a compare is true where no key is that it names.

    Parameters
    ----------
    compare : Compare
        The condition.

    Returns
    -------
    bool
        Of a value never: what does not exist has none, not even an empty one.
    """
    return compare.target != CompareTarget.VALUE and is_true_of(compare, _ABSENT)


def is_true_of(compare: Compare, kv: KeyValue) -> bool:
    """Tell whether a compare is true of one version of a key.

    Parameters
    ----------
    compare : Compare
        The condition.
    kv : KeyValue
        The version.

    Returns
    -------
    bool
        As it says.
    """
    is_result = _RESULTS[compare.result]
    match compare.target:
        case CompareTarget.VERSION:
            return is_result(kv.version, compare.number)
        case CompareTarget.CREATE:
            return is_result(kv.create_revision, compare.number)
        case CompareTarget.MOD:
            return is_result(kv.mod_revision, compare.number)
        case CompareTarget.LEASE:
            return is_result(kv.lease, compare.number)
        case _:
            return is_result(kv.value, compare.value)


def _choose(state: State, txn: Txn) -> Plan:
    """Return what is to be done, by what the store is like now."""
    succeeded = all(_holds(state, compare) for compare in txn.compare)
    branch = txn.success if succeeded else txn.failure
    return succeeded, [
        (operation, _choose(state, operation) if isinstance(operation, Txn) else None)
        for operation in branch
    ]


def _check_still_there(put: Put, deleted: list[bytes]) -> None:
    """Refuse a put that is to keep what its own transaction deletes before it.

    Only deletions "from this key on" pass `checks` beside such a put; etcd falls over.
    """
    if (put.ignore_value or put.ignore_lease) and any(
        key <= put.key for key in deleted
    ):
        raise KeyNotFound(f"the key {put.key!r} is deleted by the same transaction")


def _run(state: State, plan: Plan, revision: int) -> TxnResult:
    """Do what a plan says."""
    responses: list[RangeResult | PutResult | DeleteRangeResult | TxnResult] = []
    for operation, nested in plan[1]:
        if nested is not None:
            responses.append(_run(state, nested, revision))
            continue
        match operation:
            case Put():
                responses.append(write.put(state, operation, revision))
            case DeleteRange():
                responses.append(write.delete_range(state, operation, revision))
            case Range():
                responses.append(ranges.read(state, operation))
    return TxnResult(state.revision, plan[0], responses)


def _holds(state: State, compare: Compare) -> bool:
    """Tell whether a compare is true of all keys that it names."""
    kvs = state.index.find(compare.key, compare.range_end)
    if not kvs:
        return is_true_of_none(compare)
    return all(is_true_of(compare, kv) for kv in kvs)
