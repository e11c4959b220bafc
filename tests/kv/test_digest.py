"""One number for stores that agree, another for those that don't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.kv import (
    Command,
    Compact,
    CompactedRevision,
    DeleteRange,
    FutureRevision,
    Put,
    Store,
)
from raftwerk.kv import digest as digest_module
from raftwerk.kv import encode
from tests.kv.strategies import commands


def filled(*batch: Command) -> Store:
    """Return a store that was told these."""
    store = Store()
    store.apply(1, [encode(command) for command in batch])
    return store


def digest(store: Store, revision: int = 0) -> int:
    """Return the number of a store."""
    steps = store.digest_in_steps(revision)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            number: int = end.value
            return number


@given(st.lists(commands), st.integers(1, 20))
def test_replicas_agree_however_far_they_are_and_wherever_they_came_from(
    past: list[Command], revision: int
) -> None:
    store, quick, twin = filled(*past), filled(*past), Store()
    while not quick.scavenge(3):
        pass
    twin.restore(list(store.snapshot()))
    store.check()
    for at in (0, revision):
        if store.compact_revision <= at <= store.revision:
            assert digest(store, at) == digest(quick, at) == digest(twin, at)


def test_what_was_written_later_makes_no_difference() -> None:
    past: list[Command] = [Put(b"a", b"1"), Put(b"b", b"1"), DeleteRange(b"a")]
    assert digest(filled(*past)) == digest(filled(*past, Put(b"c"), Put(b"b")), 4)


@pytest.mark.parametrize(
    "other",
    [
        (Put(b"a", b"2"), Put(b"b", b"1")),
        (Put(b"b", b"1"), Put(b"a", b"1")),
        (Put(b"a", b"1"),),
        (Put(b"a", b"1"), Put(b"b", b"1"), DeleteRange(b"b")),
    ],
)
def test_stores_that_differ_have_other_numbers(other: tuple[Command, ...]) -> None:
    store = filled(Put(b"a", b"1"), Put(b"b", b"1"))
    assert digest(store) != digest(filled(*other))


def test_revisions_that_cant_be_read_have_none() -> None:
    store = filled(Put(b"a"), Put(b"a"), Put(b"a"), Compact(3))
    with pytest.raises(CompactedRevision):
        store.digest_in_steps(2)
    with pytest.raises(FutureRevision):
        store.digest_in_steps(5)


def test_it_is_made_in_steps_while_the_store_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digest_module, "VERSIONS_PER_STEP", 2)
    store = filled(*[Put(b"%d" % number) for number in range(9)])
    expected, steps = digest(store), store.digest_in_steps()
    for number in range(4):
        next(steps)
        store.apply(2 + number, [encode(Put(b"0"))])
    store.apply(9, [encode(Compact(store.revision))])
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == expected
