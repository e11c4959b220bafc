"""What is refused whatever the store has; each row was tried on etcd 3.5.1."""

import pytest

from raftwerk.kv import (
    Compare,
    DeleteRange,
    DuplicateKey,
    EmptyKey,
    InvalidCompare,
    InvalidSort,
    KeyNotFound,
    KvError,
    LeaseProvided,
    Nothing,
    Operation,
    Put,
    Range,
    TooManyOperations,
    Txn,
    ValueProvided,
)
from raftwerk.kv.checks import check_delete_range, check_put, check_range, check_txn

READ = Range(b"a")
ALL_OF_A = DeleteRange(b"a", b"b")
FROM_A = DeleteRange(b"a", b"\0")


def then(*operations: Operation) -> Txn:
    """Return a transaction without compares."""
    return Txn(success=operations)


REFUSED_PUTS = [
    (Put(b""), EmptyKey),
    (Put(b"a", b"1", ignore_value=True), ValueProvided),
    (Put(b"a", lease=1, ignore_lease=True), LeaseProvided),
    (Put(b"a", b"1", 1, ignore_value=True, ignore_lease=True), ValueProvided),
]

REFUSED_TXNS = [
    # transaction                                        refused as        why
    (then(Put(b"")), EmptyKey, "a put of nothing"),
    (Txn(failure=(Range(b""),)), EmptyKey, "the other branch is looked at too"),
    (then(DeleteRange(b"", b"\0")), EmptyKey, "a range begins with a key"),
    (Txn((Compare(b""),)), EmptyKey, "a compare with nothing"),
    (then(Txn((Compare(b""),))), EmptyKey, "a nested compare with nothing"),
    (then(Put(b"a", b"1", ignore_value=True)), ValueProvided, "as a put alone"),
    (then(Nothing()), KeyNotFound, "an operation that says nothing"),
    (Txn((Compare(b""),), (Nothing(),)), EmptyKey, "compares are looked at first"),
    (then(Range(b"a", sort_target=9)), InvalidSort, "etcd itself falls over it"),
    (Txn((Compare(b"a", target=7),)), InvalidCompare, "it would guard nothing"),
    (Txn((Compare(b"a", result=-1),)), InvalidCompare, "it would guard nothing"),
    (then(Put(b"a"), Put(b"a")), DuplicateKey, "put twice"),
    (then(Put(b"a"), DeleteRange(b"a")), DuplicateKey, "put and deleted"),
    (then(DeleteRange(b"a"), Put(b"a")), DuplicateKey, "deleted and put"),
    (then(Put(b"aa"), ALL_OF_A), DuplicateKey, "put in a deleted range"),
    (then(Txn(), then(Put(b"a")), Put(b"a")), DuplicateKey, "through nesting"),
    (
        then(Txn(success=(Put(b"b"),)), Txn(failure=(Put(b"b"),))),
        DuplicateKey,
        "branches of two transactions may both run",
    ),
    (then(then(ALL_OF_A), then(Put(b"a"))), DuplicateKey, "a nested deletion before"),
    (then(Put(b"a"), then(ALL_OF_A)), DuplicateKey, "a nested deletion after"),
    (then(ALL_OF_A, then(Put(b"a"))), DuplicateKey, "a nested put in a deleted range"),
    (then(*[READ] * 129), TooManyOperations, "one more than 128"),
    (Txn((Compare(b"a"),) * 129), TooManyOperations, "compares count too"),
    (
        then(*[READ] * 99, then(*[READ] * 29)),
        TooManyOperations,
        "nested ones share what is left",
    ),
]

ALLOWED_TXNS = [
    # transaction                                                why
    (Txn(), "nothing at all"),
    (Txn(success=(Put(b"a"),), failure=(Put(b"a"),)), "only one branch runs"),
    (then(Txn(success=(Put(b"a"),), failure=(Put(b"a"),))), "also when nested"),
    (then(DeleteRange(b"a"), ALL_OF_A), "deletions may overlap"),
    (then(Put(b"b"), ALL_OF_A), "the end of a range is not in it"),
    (then(READ, READ, Put(b"a"), READ), "reads may be repeated"),
    (then(*[READ] * 128), "128 operations"),
    (then(*[READ] * 99, then(*[READ] * 28)), "128 with those nested"),
    (then(Range(b"a", sort_order=9)), "an unknown order is none"),
    (then(FROM_A, Put(b"b")), "etcd does not look at these deletions"),
    (then(Put(b"b"), FROM_A), "etcd does not look at these deletions"),
    (then(then(Put(b"a")), then(DeleteRange(b"a"))), "nor back, through nesting"),
]


@pytest.mark.parametrize(("put", "refusal"), REFUSED_PUTS)
def test_a_put_that_contradicts_itself_is_refused(
    put: Put, refusal: type[KvError]
) -> None:
    with pytest.raises(refusal):
        check_put(put)


@pytest.mark.parametrize("target", [-1, 5, 9])
def test_a_range_can_only_be_sorted_by_what_a_key_has(target: int) -> None:
    with pytest.raises(InvalidSort, match=f"sort_target is {target}; it must be from"):
        check_range(Range(b"a", sort_target=target))


def test_a_range_begins_with_a_key() -> None:
    with pytest.raises(EmptyKey):
        check_range(Range(b"", b"\0"))
    with pytest.raises(EmptyKey):
        check_delete_range(DeleteRange(b"", b"\0"))


@pytest.mark.parametrize(("txn", "refusal", "why"), REFUSED_TXNS)
def test_a_transaction_is_refused(txn: Txn, refusal: type[KvError], why: str) -> None:
    with pytest.raises(refusal):
        check_txn(txn)
        pytest.fail(why)


@pytest.mark.parametrize(("txn", "why"), ALLOWED_TXNS)
def test_a_transaction_is_allowed(txn: Txn, why: str) -> None:
    try:
        check_txn(txn)
    except KvError as refusal:
        pytest.fail(f"{why}: {refusal}")
