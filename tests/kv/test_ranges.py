"""Ranges: what is returned, in which order, and how many."""

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from raftwerk.kv import (
    FutureRevision,
    KeyValue,
    Put,
    Range,
    SortOrder,
    SortTarget,
    Store,
    encode,
    ranges,
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


SORTS = [
    (order, target, limit)
    for order in (0, 1, 2)
    for target in (0, 3, 4)
    for limit in (0, 7, 899, 901, 5_000)
]


@pytest.mark.parametrize(("order", "target", "limit"), SORTS)
def test_what_is_sorted_in_runs_is_as_if_sorted_at_once(
    order: int, target: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "KEYS_PER_RUN", 100)
    store = Store()
    puts = [Put(b"%04d" % each, b"%d" % (each * 7919 % 13)) for each in range(900)]
    store.apply(1, [encode(put) for put in puts[::-1]])
    everything = store.range(Range(b"\0", b"\0")).kvs
    value_of: dict[int, Callable[[KeyValue], Any]] = {
        0: lambda kv: kv.key,
        3: lambda kv: kv.mod_revision,
        4: lambda kv: kv.value,
    }
    wanted = sorted(everything, key=value_of[target], reverse=order == 2)
    request = Range(b"\0", b"\0", sort_order=order, sort_target=target, limit=limit)
    result = store.range(request)
    if order == 0 and target and 0 < limit < 900:
        # Without an order, etcd sorts no more than it has read: the limit and one.
        wanted = sorted(everything[: limit + 1], key=value_of[target])
    assert result.kvs == wanted[: limit or None]
    assert (result.count, result.more) == (900, 0 < limit < 900)


@pytest.mark.parametrize("limit", [0, 10])
@pytest.mark.parametrize("keys_only", [False, True])
@pytest.mark.parametrize("target", [SortTarget.KEY, SortTarget.VALUE])
def test_no_step_lets_go_of_very_many_keys(
    target: SortTarget, keys_only: bool, limit: int
) -> None:
    store = Store()
    names = [b"%06d" % each for each in range(20_000)]
    store.apply(1, [encode(Put(name, name[::-1])) for name in names])
    kvs = store.range(Range(b"\0", b"\0")).kvs
    request = Range(
        b"\0",
        b"\0",
        sort_order=SortOrder.DESCEND,
        sort_target=target,
        keys_only=keys_only,
        limit=limit,
    )
    held = [held_of(kvs)]
    steps = store.range_in_steps(request)
    result = None
    while result is None:
        try:
            next(steps)
        except StopIteration as end:
            result = end.value
        held.append(held_of(kvs))
    assert len(result.kvs) == (limit or len(names))
    most = max(before - after for before, after in pairwise(held))
    # A part is held twice while it is sorted.
    assert most <= ranges.KEYS_PER_RUN + 2 * ranges.KEYS_PER_STEP


def held_of(kvs: list[KeyValue]) -> int:
    """Return how often all of these are held by somebody."""
    return sum(map(sys.getrefcount, kvs))


@pytest.mark.parametrize(
    ("length", "steps"), [(0, 6), (499, 6), (500, 5), (5_499, 1), (5_500, 1)]
)
def test_a_list_is_shortened_step_by_step(length: int, steps: int) -> None:
    values = list(range(5_500))
    lengths = [len(values) for _ in ranges.shorten(values, length)]
    assert values == list(range(length))
    assert len(lengths) + 1 == steps
    assert lengths == [4_500 - 1_000 * each for each in range(steps - 1)]
