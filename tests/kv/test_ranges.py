"""Ranges: what is returned, in which order, and how many."""

import pytest

from raftwerk.kv import (
    FutureRevision,
    KeyValue,
    Put,
    Range,
    Store,
    encode,
)

PUTS = [
    Put(b"a", b"3"),
    Put(b"b", b"1"),
    Put(b"c", b"2"),
    Put(b"b", b"9", prev_kv=True),
]
"""After them: a=3 of revision 2, c=2 of 4, b=9 of 5 with version 2."""

ORDERS = [
    # order  target  keys    why
    (0, 0, b"abc", "the order of keys"),
    (1, 0, b"abc", "the same, asked for"),
    (2, 0, b"cba", "descending"),
    (0, 4, b"cab", "another target sorts ascending by itself"),
    (1, 4, b"cab", "by value"),
    (2, 4, b"bac", "by value, descending"),
    (1, 1, b"acb", "by version; of equal ones the lower key first"),
    (2, 1, b"bac", "equal ones keep their order"),
    (1, 2, b"abc", "by creation"),
    (2, 3, b"bca", "by the last change"),
    (7, 4, b"abc", "an unknown order is none"),
]

FILTERS = [
    # request                                       keys    why
    (Range(b"\0", b"\0", min_mod_revision=4), b"bc", "bounds are inclusive"),
    (Range(b"\0", b"\0", max_mod_revision=4), b"ac", "bounds are inclusive"),
    (Range(b"\0", b"\0", min_create_revision=4), b"c", "b was created before"),
    (Range(b"\0", b"\0", max_create_revision=3), b"ab", "and changed later"),
    (Range(b"\0", b"\0", max_mod_revision=-1), b"", "nothing is that old"),
    (Range(b"a", b"c"), b"ab", "the end is not part of the range"),
    (Range(b"b", b"\0"), b"bc", "from a key on"),
    (Range(b"c", b"a"), b"", "an end below the beginning"),
]


@pytest.fixture(name="store")
def fixture_store() -> Store:
    store = Store()
    store.apply(1, [encode(put) for put in PUTS])
    return store


def keys(store: Store, request: Range) -> bytes:
    """Return the keys of an answer, one letter each."""
    return b"".join(kv.key for kv in store.range(request).kvs)


@pytest.mark.parametrize(("order", "target", "expected", "why"), ORDERS)
def test_a_range_is_sorted(
    store: Store, order: int, target: int, expected: bytes, why: str
) -> None:
    request = Range(b"\0", b"\0", sort_order=order, sort_target=target)
    assert keys(store, request) == expected, why


@pytest.mark.parametrize(("request_", "expected", "why"), FILTERS)
def test_a_range_is_filtered(
    store: Store, request_: Range, expected: bytes, why: str
) -> None:
    assert keys(store, request_) == expected, why


def test_the_limit_comes_after_sorting_and_leaves_the_count(store: Store) -> None:
    request = Range(b"\0", b"\0", limit=2, sort_order=2, sort_target=4)
    result = store.range(request)
    assert [kv.value for kv in result.kvs] == [b"9", b"3"]
    assert (result.more, result.count) == (True, 3)


def test_a_target_without_an_order_sorts_the_limit_and_one(store: Store) -> None:
    """As etcd does: the third is never read."""
    result = store.range(Range(b"\0", b"\0", limit=1, sort_target=4))
    assert [kv.value for kv in result.kvs] == [b"3"]
    assert (result.more, result.count) == (True, 3)
    store.apply(9, [encode(Put(b"c", b"0"))])
    result = store.range(Range(b"\0", b"\0", limit=1, sort_target=4, revision=5))
    assert [kv.value for kv in result.kvs] == [b"3"]
    assert (result.more, result.count) == (True, 3)


@pytest.mark.parametrize("revision", [0, 4, 5])
def test_the_count_is_whole_at_any_revision(store: Store, revision: int) -> None:
    result = store.range(Range(b"\0", b"\0", limit=1, revision=revision))
    assert [kv.key for kv in result.kvs] == [b"a"]
    assert (result.more, result.count) == (True, 3)


@pytest.mark.parametrize("limit", [-1, 0, 3, 4])
def test_a_limit_that_cuts_nothing_says_so(store: Store, limit: int) -> None:
    result = store.range(Range(b"\0", b"\0", limit=limit))
    assert (len(result.kvs), result.more, result.count) == (3, False, 3)


def test_keys_only_leaves_nothing_but_the_value_out(store: Store) -> None:
    assert store.range(Range(b"b", keys_only=True)).kvs == [KeyValue(b"b", 3, 5, 2)]


@pytest.mark.parametrize("revision", [0, 4])
def test_count_only_counts_what_limit_and_filters_leave_out(
    store: Store, revision: int
) -> None:
    request = Range(
        b"\0", b"\0", limit=1, min_mod_revision=9, revision=revision, count_only=True
    )
    result = store.range(request)
    assert (result.kvs, result.more, result.count) == ([], False, 3)


def test_an_older_revision_is_read_as_it_was(store: Store) -> None:
    result = store.range(Range(b"b", revision=4))
    assert result.kvs == [KeyValue(b"b", 3, 3, 1, b"1")]
    assert result.revision == 5


def test_a_revision_to_come_is_refused(store: Store) -> None:
    with pytest.raises(FutureRevision, match="revision 6 is still to come; .* is 5"):
        store.range(Range(b"a", revision=6))


def test_a_negative_revision_means_the_newest(store: Store) -> None:
    assert store.range(Range(b"b", revision=-3)) == store.range(Range(b"b"))


def test_no_revision_is_too_old_before_the_first_compaction(store: Store) -> None:
    assert store.range(Range(b"a", revision=1)).count == 0
