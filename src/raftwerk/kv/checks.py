"""What is refused before it is proposed: it could not be meant, whatever the store has.

The rules and their order are etcd's, which checks the same in its API layer.
"""

from collections.abc import Iterable
from typing import Final

from raftwerk.kv.commands import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    Nothing,
    Operation,
    Put,
    Range,
    SortTarget,
    Txn,
)
from raftwerk.kv.errors import (
    DuplicateKey,
    EmptyKey,
    InvalidCompare,
    InvalidSort,
    KeyNotFound,
    LeaseProvided,
    TooManyOperations,
    ValueProvided,
)
from raftwerk.kv.spans import FROM_KEY, Span, span_of

__all__ = [
    "OPERATIONS_MAX",
    "check_delete_range",
    "check_put",
    "check_range",
    "check_txn",
]

OPERATIONS_MAX: Final = 128
"""How many compares, and how many operations of either branch, a transaction may have;
those nested in it share what it leaves of them."""


def check_put(put: Put) -> None:
    """Refuse a put that contradicts itself.

    Parameters
    ----------
    put : Put
        The request.

    Raises
    ------
    EmptyKey
        If it names no key.
    ValueProvided
        If it is to keep the value, and gives one.
    LeaseProvided
        If it is to keep the lease, and gives one.
    """
    _check_key(put.key)
    if put.ignore_value and put.value:
        raise ValueProvided("a put with ignore_value must not give a value")
    if put.ignore_lease and put.lease:
        raise LeaseProvided("a put with ignore_lease must not give a lease")


def check_range(request: Range) -> None:
    """Refuse a range that can't be read.

    Parameters
    ----------
    request : Range
        The request.

    Raises
    ------
    EmptyKey
        If it names no key.
    InvalidSort
        If it is to be sorted by something that a key does not have. An unknown order is
        no error in etcd either.
    """
    _check_key(request.key)
    if not 0 <= request.sort_target <= max(SortTarget):
        raise InvalidSort(
            f"sort_target is {request.sort_target}; it must be from 0 to"
            f" {max(SortTarget)}"
        )


def check_delete_range(request: DeleteRange) -> None:
    """Refuse a deletion that names nothing.

    Parameters
    ----------
    request : DeleteRange
        The request.

    Raises
    ------
    EmptyKey
        If it names no key.
    """
    _check_key(request.key)


def check_txn(txn: Txn) -> None:
    """Refuse a transaction that is too large, contradicts itself, or writes keys twice.

    Parameters
    ----------
    txn : Txn
        The request.

    Raises
    ------
    TooManyOperations
        If one of its lists is too long.
    EmptyKey
        If a compare or an operation names no key.
    ValueProvided
        If a put is to keep the value, and gives one.
    LeaseProvided
        If a put is to keep the lease, and gives one.
    InvalidSort
        If a range is to be sorted by what a key does not have.
    KeyNotFound
        If an operation says nothing; the word is etcd's.
    InvalidCompare
        If a compare looks at what a key does not have, or in an unknown way.
    DuplicateKey
        If operations that may both run write one key.
    """
    _check_operations(txn, OPERATIONS_MAX)
    for branch in (txn.success, txn.failure):
        _check_writes(branch)


def _check_key(key: bytes) -> None:
    """Refuse the empty key: it can't be stored."""
    if not key:
        raise EmptyKey("a request must name a key")


def _check_operations(txn: Txn, operations_max: int) -> None:
    """Refuse what no store could do, in a transaction and those nested in it."""
    longest = max(len(txn.compare), len(txn.success), len(txn.failure))
    if longest > operations_max:
        raise TooManyOperations(
            f"a transaction has {longest} compares or operations; with those around it,"
            f" it may have {operations_max} of each"
        )
    for compare in txn.compare:
        _check_compare(compare)
    for operation in (*txn.success, *txn.failure):
        match operation:
            case Txn():
                _check_operations(operation, operations_max - longest)
            case Put():
                check_put(operation)
            case Range():
                check_range(operation)
            case DeleteRange():
                check_delete_range(operation)
            case Nothing():
                raise KeyNotFound("an operation of a transaction says nothing")


def _check_compare(compare: Compare) -> None:
    """Refuse a compare that has no meaning here.

    etcd lets unknown targets and results pass, as if they held: a guard that guards
    nothing.
    """
    _check_key(compare.key)
    if not 0 <= compare.target <= max(CompareTarget):
        raise InvalidCompare(
            f"target is {compare.target}; it must be from 0 to {max(CompareTarget)}"
        )
    if not 0 <= compare.result <= max(CompareResult):
        raise InvalidCompare(
            f"result is {compare.result}; it must be from 0 to {max(CompareResult)}"
        )


def _check_writes(branch: Iterable[Operation]) -> tuple[set[bytes], list[Span]]:
    """Refuse operations that write a key twice; return what they put and delete.

    Just as etcd does it, which shows in two places: the deletions of a nested
    transaction count only against puts that come after them, or that stand in this
    branch itself, and a deletion "from this key on" counts not at all.
    """
    operations = tuple(branch)
    deleted = [
        span_of(operation.key, operation.range_end)
        for operation in operations
        if isinstance(operation, DeleteRange) and operation.range_end != FROM_KEY
    ]
    put: set[bytes] = set()
    for operation in operations:
        if isinstance(operation, Txn):
            put_then, deleted_then = _check_writes(operation.success)
            put_else, deleted_else = _check_writes(operation.failure)
            # Only one of the two branches runs, so they may repeat each other's keys.
            _check_apart(put_then | put_else, put, deleted)
            put |= put_then | put_else
            deleted += deleted_then + deleted_else
    for operation in operations:
        if isinstance(operation, Put):
            _check_apart({operation.key}, put, deleted)
            put.add(operation.key)
    return put, deleted


def _check_apart(keys: set[bytes], put: set[bytes], deleted: list[Span]) -> None:
    """Refuse keys that other operations put or delete."""
    for key in keys:
        if key in put or any(
            start <= key and (stop is None or key < stop) for start, stop in deleted
        ):
            raise DuplicateKey(f"the key {key!r} is written twice in a transaction")
