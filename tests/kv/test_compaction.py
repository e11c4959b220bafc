"""Compaction: what may be read no more, at once; what is held in memory, by and by."""

from unittest import mock

import pytest

import raftwerk.kv.history
from raftwerk.kv import (
    Command,
    Compact,
    CompactedRevision,
    CompactResult,
    DeleteRange,
    FutureRevision,
    Put,
    Range,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.state import State

EVERYTHING = Range(b"\0", b"\0")


def apply(store: Store, *commands: Command) -> list[object]:
    """Return the results of a batch."""
    return list(store.apply(1, [encode(command) for command in commands]))


def state_of(store: Store) -> State:
    """Return what a store remembers; that it forgets can't be seen from outside."""
    return store._state  # pylint: disable=protected-access  # there is no other way


def versions_held(store: Store) -> int:
    """Return how many versions of keys a store holds on to."""
    index = state_of(store).index
    older = index._older  # pylint: disable=protected-access  # there is no other way
    return sum(len(versions) for versions in older.values()) + len(index)


def test_a_compaction_takes_no_revision() -> None:
    store = Store()
    assert apply(store, Put(b"a"), Compact(2))[1] == CompactResult(2)
    assert (store.revision, store.compact_revision) == (2, 2)


@pytest.mark.parametrize(
    ("revision", "refusal"),
    [(-5, CompactedRevision), (0, None), (2, None), (3, FutureRevision)],
)
def test_a_new_store_can_be_compacted_from_0_on(
    revision: int, refusal: type[Exception] | None
) -> None:
    store = Store()
    result = apply(store, Put(b"a"), Compact(revision))[1]
    assert isinstance(result, refusal or CompactResult)


@pytest.mark.parametrize("revision", [0, 2])
def test_what_is_compacted_is_compacted_once(revision: int) -> None:
    store = Store()
    results = apply(store, Put(b"a"), Compact(revision), Compact(revision))
    assert isinstance(results[1], CompactResult)
    assert isinstance(results[2], CompactedRevision)


def test_the_compacted_revision_itself_can_still_be_read() -> None:
    store = Store()
    apply(store, Put(b"a", b"1"), Put(b"a", b"2"), Put(b"a", b"3"), Compact(3))
    while not store.scavenge(1):
        pass
    assert store.range(Range(b"a", revision=3)).kvs[0].value == b"2"
    with pytest.raises(CompactedRevision, match="revision 2 is forgotten; .* is 3"):
        store.range(Range(b"a", revision=2))
    with pytest.raises(CompactedRevision):
        store.events(2)


def test_nothing_is_held_of_what_can_not_be_seen() -> None:
    store = Store()
    with mock.patch.object(raftwerk.kv.history, "CHANGES_PER_BLOCK", 4):
        for number in range(40):
            apply(store, Put(b"%d" % (number % 10)))
        apply(store, DeleteRange(b"0", b"5"), Compact(42))
        while not store.scavenge(3):
            pass
        assert versions_held(store) == 5
        apply(store, Put(b"9"), Put(b"0"), Compact(44))
        while not store.scavenge(3):
            pass
        assert versions_held(store) == 6
        store.check()


def test_history_lets_go_of_whole_blocks() -> None:
    store = Store()
    with mock.patch.object(raftwerk.kv.history, "CHANGES_PER_BLOCK", 4):
        apply(store, *(Put(b"a", b"%d" % number) for number in range(11)))
        held = state_of(store).history
        assert len(held) == 11
        apply(store, Compact(store.revision))
        while not store.scavenge(100):
            pass
        # Two blocks went; the last one still grows, so it stays.
        assert len(held) == 3


def test_each_batch_forgets_a_little() -> None:
    store = Store()
    for _ in range(2):
        apply(store, *(Put(b"%d" % number) for number in range(1_000)))
    apply(store, Compact(store.revision))
    held = [versions_held(store)]
    for _ in range(3):
        apply(store)
        held.append(versions_held(store))
    assert held == [1_500, 1_000, 1_000, 1_000]


def test_a_key_that_comes_back_keeps_its_own_past() -> None:
    store = Store()
    apply(store, Put(b"a", b"1"), DeleteRange(b"a"), Put(b"a", b"2"), Compact(3))
    while not store.scavenge(1):
        pass
    store.check()
    assert store.range(Range(b"a", revision=3)).kvs == []
    assert store.range(Range(b"a")).kvs[0].create_revision == 4


def test_many_changes_of_one_revision_are_kept_for_a_watch_from_it() -> None:
    store = Store()
    apply(store, Txn(success=(Put(b"a"), Put(b"b"))), Put(b"c"), Compact(2))
    while not store.scavenge(1):
        pass
    assert [event.kv.key for event in store.events(2)] == [b"a", b"b", b"c"]
