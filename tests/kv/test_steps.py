"""How long the loop is held by what goes over every key: in processor time, a step."""

import gc
import time
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise

import pytest

from raftwerk.kv import (
    Compact,
    Compare,
    CompareResult,
    KeyValue,
    Put,
    Range,
    SortOrder,
    SortTarget,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.chunking import SORTED_AT_ONCE
from raftwerk.kv.history import CHANGES_PER_BLOCK

KEYS = 40_000

STEP_SECONDS_MAX = 0.05
"""A third of what a pause may last; most steps take less than a millisecond."""

EVERYTHING = (b"\0", b"\0")


@pytest.fixture(name="store", scope="module")
def fixture_store() -> Store:
    """Return a store with two versions of each key."""
    store = Store()
    keys = [b"key-%09d" % number for number in range(KEYS)]
    for value in (b"x" * 100, b"y" * 100):
        store.apply(1, [encode(Put(key, value)) for key in keys])
    return store


def scavenged(store: Store) -> Generator[None, None, None]:
    """Let go of a half of the versions."""
    store.apply(2, [encode(Compact(store.revision))])
    while not store.scavenge(200):
        yield


WORK: list[tuple[str, Callable[[Store], Iterator[object]]]] = [
    ("all is read", lambda s: s.range_in_steps(Range(*EVERYTHING))),
    (
        "all is read as it was",
        lambda s: s.range_in_steps(Range(*EVERYTHING, revision=KEYS)),
    ),
    (
        "all is sorted",
        lambda s: s.range_in_steps(
            Range(
                *EVERYTHING,
                sort_order=SortOrder.DESCEND,
                sort_target=SortTarget.VALUE,
                keys_only=True,
            )
        ),
    ),
    (
        "all is read in a transaction",
        lambda s: s.read_txn_in_steps(Txn(success=(Range(*EVERYTHING),))),
    ),
    (
        "all is compared and read ten times",
        lambda s: s.read_txn_in_steps(
            Txn(
                (Compare(*EVERYTHING, result=CompareResult.GREATER),),
                (Txn(success=(Range(*EVERYTHING),) * 5),) * 2,
            )
        ),
    ),
    (
        "many short ranges are read in a transaction",
        lambda s: s.read_txn_in_steps(
            Txn(success=(Range(b"key-000000", b"key-000000200"),) * 128 * 2)
        ),
    ),
    ("all is drawn as a snapshot", lambda s: iter(s.snapshot_in_steps())),
    ("all is hashed", lambda s: s.digest_in_steps()),
    ("a half is let go of", scavenged),
]


@pytest.mark.parametrize(("what", "work"), WORK, ids=[what for what, _ in WORK])
def test_no_step_holds_the_loop(
    store: Store, what: str, work: Callable[[Store], Iterator[object]]
) -> None:
    gc.collect()
    gc.disable()  # a node has its own way with full collections: decision 52
    try:
        times = [time.thread_time()]
        for _ in work(store):
            times.append(time.thread_time())
        times.append(time.thread_time())
    finally:
        gc.enable()
    steps = [after - before for before, after in pairwise(times)]
    # The second longest: once in a while a step is charged for what interrupts it.
    longest = sorted(steps)[-2]
    assert len(steps) >= KEYS // 1_000, f"{what} in {len(steps)} steps"
    assert longest < STEP_SECONDS_MAX, f"{what}: a step of {longest * 1e3:.1f} ms"


def followed() -> list[int]:
    """Return how many versions each list and tuple has that the collector follows."""
    return [
        sum(isinstance(each, KeyValue) for each in found)
        for found in gc.get_objects()
        if type(found) in (list, tuple) and len(found) > CHANGES_PER_BLOCK // 2
    ]


def filled(keys: int) -> Store:
    """Return a store with many keys, put a few at a time."""
    store = Store()
    for start in range(0, keys, 100):
        some = range(start, start + 100)
        store.apply(1, [encode(Put(b"key-%09d" % number)) for number in some])
    return store


def test_the_collector_follows_no_change_but_the_newest() -> None:
    gc.collect()
    before = sum(followed())
    store = filled(10_000)
    gc.collect()
    assert store.revision > 10_000
    # Both lists of the block that grows: what made a change, and what was overtaken.
    assert sum(followed()) - before <= 2 * CHANGES_PER_BLOCK


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_snapshot_has_no_list_that_the_collector_goes_through_for_long(
    is_compacted: bool,
) -> None:
    store = filled(20_000)
    if is_compacted:
        store.apply(2, [encode(Compact(store.revision))])
    before, longest = max(followed(), default=0), 0
    for number, _ in enumerate(store.snapshot_in_steps()):
        if number % 10 == 0:
            longest = max(longest, *followed())
    assert 0 < longest <= 4 * SORTED_AT_ONCE
    assert before < 4 * SORTED_AT_ONCE, "or this says nothing"
