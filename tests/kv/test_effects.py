"""What the store tells of its batches, and shows of itself."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftwerk.kv import (
    Command,
    Compact,
    DeleteRange,
    GrantLease,
    Put,
    Range,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.effects import STRETCH_KEYS

COMMANDS: list[Command] = [
    Put(b"a", b"1"),
    Put(b"b", b"2", prev_kv=True),
    Put(b"b", b"3", prev_kv=True),
    GrantLease(7, 60),
    Put(b"c", b"4", lease=7),
    Put(b"refused", lease=8),
    Txn((), (Put(b"d"), Range(b"a"), DeleteRange(b"a", b"c"))),
    Compact(3),
    DeleteRange(b"a", b"z"),
    Compact(3),
]


def effects_of(store: Store, commands: list[Command]) -> bytes:
    store.apply(1, [encode(command) for command in commands])
    return store.effects()


@given(st.sets(st.integers(1, len(COMMANDS) - 1)))
def test_cuts_make_no_difference(cuts: set[int]) -> None:
    store, told = Store(), b""
    edges = [0, *sorted(cuts), len(COMMANDS)]
    for start, stop in zip(edges, edges[1:], strict=False):
        told += effects_of(store, COMMANDS[start:stop])
    assert told == effects_of(Store(), COMMANDS)


@pytest.mark.parametrize(
    "other",
    [
        Put(b"key", b"other"),
        Put(b"other", b"value"),
        Put(b"key", b"value", lease=7),
        DeleteRange(b"key"),
        Txn((), (Put(b"key", b"value"), Range(b"key"))),
        Put(b"key", b"value", lease=8),
    ],
)
def test_each_difference_is_told(other: Command) -> None:
    told = set()
    for command in (Put(b"key", b"value"), other):
        store = Store()
        effects_of(store, [GrantLease(7, 60), Put(b"key")])
        told.add(effects_of(store, [command]))
    assert len(told) == 2


def test_what_was_another_before_is_told_by_its_version() -> None:
    one, other = Store(), Store()
    effects_of(one, [Put(b"a"), Put(b"b")])
    effects_of(other, [Put(b"b"), Put(b"b")])
    assert effects_of(one, [Put(b"b")]) != effects_of(other, [Put(b"b")])


def stretches(store: Store) -> list[bytes]:
    found, place = [], b""
    while True:
        shown, place = store.inspect(place)
        found.append(shown)
        if not place:
            return found


def test_every_key_has_its_turn() -> None:
    store = Store()
    count = 2 * STRETCH_KEYS + 1
    effects_of(store, [Put(b"%d" % n, b"value %d" % n) for n in range(count)])
    parts = stretches(store)
    assert len(parts) == 3
    for number in range(count):
        assert any(b"value %d" % number in part for part in parts)


def test_a_stretch_is_bounded_in_bytes() -> None:
    store = Store()
    effects_of(store, [Put(b"%d" % n, bytes(200_000)) for n in range(5)])
    assert [len(part) // 200_000 for part in stretches(store)] == [2, 2, 1]


@settings(max_examples=20)
@given(st.integers(0, 299))
def test_a_value_that_changed_by_itself_is_shown(number: int) -> None:
    stores = Store(), Store()
    for store in stores:
        effects_of(store, [Put(b"%d" % n, b"value") for n in range(300)])
    assert stretches(stores[0]) == stretches(stores[1])
    plant(stores[1], b"%d" % number)
    assert stretches(stores[0]) != stretches(stores[1])


def plant(store: Store, key: bytes) -> None:
    """Change a value in memory, as a bit that flips does."""
    # pylint: disable=protected-access  # no command does this
    current = store._state.index._current
    current[key] = msgspec.structs.replace(current[key], value=b"flipped")


def test_a_restored_store_shows_the_same() -> None:
    store, restored = Store(), Store()
    effects_of(store, COMMANDS)
    restored.restore(store.snapshot())
    assert stretches(store) == stretches(restored)
