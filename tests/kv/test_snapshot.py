"""Snapshots: the whole store as bytes, and whole or not at all."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.errors import StorageError, UnknownFormat
from raftwerk.kv import (
    AlarmKind,
    CheckpointLeases,
    Command,
    Compact,
    DeleteRange,
    GrantLease,
    LeadLeases,
    Put,
    Range,
    SetAlarm,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.chunking import CHUNK_BYTES, CHUNK_BYTES_MAX
from raftwerk.kv.leases import Lease
from raftwerk.kv.snapshot import MAGIC
from tests.kv.strategies import commands

EVERYTHING = Range(b"\0", b"\0")

WRITTEN_BY_VERSION_1 = (
    "726166747765726b2d6b760a010a00000093a668656164657205041200000092a4626173"
    "659196c40162030301c40131001f00000092a76368616e6765739296c40161020402c401"
    "320096c40162000500c400000700000093a3656e640102"
)

WRITTEN_BY_VERSION_3 = (
    "726166747765726b2d6b760a030e00000094a668656164657202ff919201091200000093"
    "a66c6561736573039293073c1493f83c001700000093a876657273696f6e739196c401"
    "61020201c4013107900700000093a3656e640001"
)

WRITTEN_BY_VERSION_2 = (
    "726166747765726b2d6b760a020e00000094a668656164657202ff919201091200000093"
    "a66c6561736573039293073c1493f83c001500000092a76368616e6765739196c4016102"
    "0201c40131070700000093a3656e640001"
)


def filled(*wanted: Command) -> Store:
    """Return a store after some commands."""
    store = Store()
    store.apply(1, [encode(command) for command in wanted])
    return store


def restored(chunks: Iterable[bytes]) -> Store:
    """Return the store of a snapshot."""
    store = Store()
    store.restore(chunks)
    return store


@given(st.lists(commands, max_size=12), st.lists(commands, max_size=5), st.data())
def test_a_restored_store_goes_on_as_the_other_does(
    before: list[Command], after: list[Command], data: st.DataObject
) -> None:
    store = filled(*before)
    stream = b"".join(store.snapshot())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    bounds = zip([0, *cuts], [*cuts, len(stream)], strict=True)
    twin = restored([stream[start:stop] for start, stop in bounds])
    for command in after:
        results = [each.apply(2, [encode(command)]) for each in (store, twin)]
        assert repr(results[0]) == repr(results[1])
    assert twin.events(0) == store.events(0)
    # Two members that went different ways write the same.
    assert list(twin.snapshot()) == list(store.snapshot())


def test_a_snapshot_is_of_the_moment_it_was_taken() -> None:
    store = filled(Put(b"a", b"1"), Put(b"b", b"1"), Compact(3))
    chunks = store.snapshot()
    store.apply(
        2, [encode(Put(b"a", b"2")), encode(DeleteRange(b"b")), encode(Compact(5))]
    )
    while not store.scavenge(10):
        pass
    twin = restored(iter(chunks))
    assert (twin.revision, twin.compact_revision) == (3, 3)
    assert [kv.value for kv in twin.range(EVERYTHING).kvs] == [b"1", b"1"]


def many(count: int, size: int, prefix: bytes = b"key ") -> Iterator[Put]:
    """Yield writes of keys in no useful order, with values that differ."""
    for number in range(count):
        name = prefix + b"%06d" % (number * 7919 % count)
        yield Put(name, (b"%d " % number * size)[:size])


@pytest.mark.parametrize(("count", "size"), [(300, 40_000), (30_000, 100), (20_000, 0)])
def test_chunks_have_a_bounded_size_and_a_useful_one(count: int, size: int) -> None:
    store = filled(*many(count, size))
    _, *chunks, _ = store.snapshot()
    assert max(map(len, chunks)) <= CHUNK_BYTES_MAX + size + 100
    total = sum(map(len, chunks))
    assert 0.3 * CHUNK_BYTES < total / len(chunks) < 2 * CHUNK_BYTES
    assert list(restored(store.snapshot()).snapshot()) == list(store.snapshot())


CHANGES: list[tuple[list[Command], str]] = [
    ([Put(b"key 003000", b"another value")], "a value of another size"),
    ([Put(b"key 003000x", b"x" * 5_000)], "a key more"),
    ([DeleteRange(b"key 003000")], "a key less"),
    ([DeleteRange(b"key 003000", b"key 003020")], "some keys less"),
    ([Compact(1_000)], "a past that is forgotten"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES, ids=[why for _, why in CHANGES])
def test_what_is_unchanged_comes_in_the_same_chunks(
    change: list[Command], why: str
) -> None:
    # At other revisions too, as on a member whose snapshot is a later one.
    store = filled(*many(6_000, 1_000))
    before = set(store.snapshot())
    store.apply(2, [encode(command) for command in change])
    after = list(store.snapshot())
    assert len(before) > 30
    new = [chunk for chunk in after if chunk not in before]
    # The first has the revision, the last the numbers, and a cut may move in between.
    assert 1 <= len(new) <= 4, why


def test_changes_of_one_revision_stay_in_their_order() -> None:
    store = filled(Txn((), (Put(b"z"), Put(b"m"), Put(b"a")), ()), Put(b"k"))
    twin = restored(store.snapshot())
    assert [event.kv.key for event in twin.events(0)] == [b"z", b"m", b"a", b"k"]
    assert twin.events(0) == store.events(0)


@pytest.mark.parametrize("missing", [1, 5, 20, 60])
def test_a_snapshot_that_is_not_whole_is_refused(missing: int) -> None:
    stream = b"".join(filled(Put(b"a", b"1"), Put(b"b", b"2")).snapshot())
    with pytest.raises(StorageError, match="ends before its end"):
        restored([stream[:-missing]])


def test_a_snapshot_with_a_chunk_left_out_is_refused() -> None:
    store = filled(*(Put(b"%d" % number, b"x" * 40_000) for number in range(50)))
    chunks = list(store.snapshot())
    with pytest.raises(
        StorageError, match="at its end it says that there are 0 and 50"
    ):
        restored(chunks[:2] + chunks[3:])


def test_a_refused_snapshot_changes_nothing() -> None:
    store = filled(Put(b"a", b"1"))
    with pytest.raises(UnknownFormat, match="begins with"):
        store.restore([b"something else altogether"])
    with pytest.raises(UnknownFormat, match="version 4; .* reads 3"):
        store.restore([MAGIC, b"\x04"])
    with pytest.raises(StorageError, match="a record of the store's snapshot"):
        store.restore([MAGIC, b"\x01", b"\x02\0\0\0", b"no"])
    with pytest.raises(StorageError, match="says it has 4294967295 bytes"):
        store.restore([MAGIC, b"\x01", b"\xff\xff\xff\xff"])
    assert store.range(EVERYTHING).count == 1


def test_the_first_format_can_be_read_for_ever() -> None:
    store = filled(
        Put(b"a", b"1"), Put(b"b", b"1"), Put(b"a", b"2"), DeleteRange(b"b"), Compact(4)
    )
    twin = restored([bytes.fromhex(WRITTEN_BY_VERSION_1)])
    assert (
        twin.range(Range(b"b", revision=4)).kvs
        == store.range(Range(b"b", revision=4)).kvs
    )
    assert twin.events(4) == store.events(4)


def test_leases_and_alarms_are_in_the_newest_format_and_the_second() -> None:
    store = filled(
        LeadLeases(3),
        GrantLease(7, 60),
        GrantLease(-8, 60),
        CheckpointLeases(3, ((7, 20),)),
        Put(b"a", b"1", lease=7),
        SetAlarm(True, 9, AlarmKind.NOSPACE),
    )
    assert b"".join(store.snapshot()).hex() == WRITTEN_BY_VERSION_3
    for written in (WRITTEN_BY_VERSION_2, WRITTEN_BY_VERSION_3):
        twin = restored([bytes.fromhex(written)])
        twin.check()
        assert twin.leases() == [Lease(7, 60, 20), Lease(-8, 60)]
        assert twin.alarms() == [(AlarmKind.NOSPACE, 9)]
        assert (twin.lease_term, twin.lease_keys(7)) == (3, [b"a"])
