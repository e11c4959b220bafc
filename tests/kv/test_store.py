"""The store against its model: whatever is asked, in whatever order."""

from collections.abc import Callable, Generator
from typing import TypeVar
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import raftwerk.kv.history
import raftwerk.kv.ranges
from raftwerk.errors import InvariantViolation, UnknownFormat
from raftwerk.kv import (
    Command,
    Compact,
    CompactedRevision,
    Compare,
    CompareResult,
    DeleteRange,
    Event,
    KeyNotFound,
    KeyValue,
    KvError,
    LeaseNotFound,
    Put,
    PutResult,
    Range,
    Store,
    Txn,
    TxnResult,
    encode,
)
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.types import LogIndex
from tests.kv.model import Model
from tests.kv.strategies import commands, ranges, read_txns

Answer = TypeVar("Answer")
Asked = TypeVar("Asked")

EVERYTHING = Range(b"\0", b"\0")


def outcome(ask: Callable[[Asked], Answer], asked: Asked) -> Answer | type[KvError]:
    """Return an answer, or the kind of refusal."""
    try:
        return ask(asked)
    except KvError as refusal:
        return type(refusal)


def apply(store: Store, *wanted: Command) -> list[object]:
    """Return the results of a batch, refusals by their kind."""
    results = store.apply(1, [encode(command) for command in wanted])
    return [type(each) if isinstance(each, KvError) else each for each in results]


@given(
    st.lists(st.tuples(commands, st.integers(0, 3)), max_size=12),
    st.lists(ranges, max_size=8),
)
def test_the_store_is_as_its_model(
    steps: list[tuple[Command, int]], requests: list[Range]
) -> None:
    store, model = Store(), Model()
    # Blocks so small that there are several, and that some of them are forgotten.
    with mock.patch.object(raftwerk.kv.history, "CHANGES_PER_BLOCK", 2):
        for command, scavenged in steps:
            assert apply(store, command) == [outcome(model.apply, command)]
            store.scavenge(scavenged)
            store.check()
        assert_alike(store, model, requests)
        restored = Store()
        restored.restore(store.snapshot())
        restored.check()
        assert_alike(restored, model, requests)


def assert_alike(store: Store, model: Model, requests: list[Range]) -> None:
    assert (store.revision, store.compact_revision) == (model.revision, model.oldest)
    assert len(store) == len(model.keys_at[model.revision])
    found = {each.lease_id: each for each in store.leases()}
    assert {
        lease: (each.ttl_seconds, each.remaining_seconds)
        for lease, each in found.items()
    } == model.leases
    assert store.lease_term == model.term
    for lease in (7, -8, 9):
        assert store.lease(lease) == found.get(lease)
        assert store.lease_keys(lease) == model.lease_keys(lease)
    for request in [*requests, *(Range(b"\0", b"\0", revision=r) for r in range(14))]:
        expected_range = outcome(model.range, request)
        assert outcome(store.range, request) == expected_range
    for revision in range(-1, 16):
        events = outcome(store.events, revision)
        assert events == outcome(model.events, revision)


@given(st.lists(commands, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_how_commands_are_batched_makes_no_difference(
    wanted: list[Command], cuts: list[int]
) -> None:
    store, batched = Store(), Store()
    one_by_one = [result for command in wanted for result in apply(store, command)]
    bounds = [0, *sorted(cuts), len(wanted)]
    batches = [
        wanted[start:stop] for start, stop in zip(bounds, bounds[1:], strict=False)
    ]
    assert [each for batch in batches for each in apply(batched, *batch)] == one_by_one
    assert batched.range(EVERYTHING) == store.range(EVERYTHING)


@given(st.lists(commands, max_size=12), ranges, st.lists(commands, max_size=6))
def test_a_read_in_steps_sees_nothing_of_what_is_written_meanwhile(
    before: list[Command], request: Range, meanwhile: list[Command]
) -> None:
    store = Store()
    apply(store, *before)
    expected = outcome(store.range, request)
    with mock.patch.multiple(raftwerk.kv.ranges, KEYS_PER_STEP=2, KEYS_PER_RUN=3):
        slowly = slow_reader(store, store.range_in_steps, meanwhile)
        assert outcome(slowly, request) == expected


@given(st.lists(commands, max_size=12), read_txns, st.lists(commands, max_size=6))
def test_a_transaction_in_steps_sees_nothing_of_what_is_written_meanwhile(
    before: list[Command], request: Txn, meanwhile: list[Command]
) -> None:
    store = Store()
    apply(store, *before)
    expected = outcome(store.read_txn, request)
    with mock.patch.multiple(raftwerk.kv.ranges, KEYS_PER_STEP=2, KEYS_PER_RUN=3):
        slowly = slow_reader(store, store.read_txn_in_steps, meanwhile)
        assert outcome(slowly, request) == expected


def slow_reader(
    store: Store,
    begin: Callable[[Asked], Generator[None, None, object]],
    meanwhile: list[Command],
) -> Callable[[Asked], object]:
    """Return what reads in steps, with one of the other writes after each."""
    writes = [each for each in meanwhile if not isinstance(each, Compact)]

    def read_slowly(wanted: Asked) -> object:
        steps = begin(wanted)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            apply(store, *writes[:1])
            del writes[:1]

    return read_slowly


READS_OF_ALL = [
    Txn(success=(EVERYTHING,)),
    Txn((Compare(b"\0", b"\0", CompareResult.GREATER),)),
    Txn(success=(EVERYTHING, Txn(success=(EVERYTHING,)))),
]


@pytest.mark.parametrize("request_", READS_OF_ALL)
def test_a_transaction_in_steps_ends_when_its_revision_is_forgotten(
    request_: Txn,
) -> None:
    store = Store()
    apply(store, *(Put(b"%d" % number) for number in range(9)))
    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        steps = store.read_txn_in_steps(request_)
        next(steps)
        apply(store, Put(b"a"), Compact(11))
        with pytest.raises(CompactedRevision, match="revision 10 is forgotten"):
            next(steps)


def test_a_compare_after_a_pause_sees_nothing_of_what_is_written_meanwhile() -> None:
    store = Store()
    apply(store, *(Put(b"%d" % number) for number in range(9)))
    request = Txn((Compare(b"\0", b"\0", number=1), Compare(b"0", number=1)))
    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        slowly = slow_reader(store, store.read_txn_in_steps, [Put(b"0")])
        assert slowly(request) == TxnResult(10, True, [])


def test_short_reads_in_a_transaction_are_one_step_until_they_are_many() -> None:
    store = Store()
    apply(store, *(Put(b"%d" % number) for number in range(3)))
    for count, steps in ((10, 1), (128, 2)):
        reads = (Range(b"1", b"9"), Range(b"0")) * count
        compares = (Compare(b"0", b"9", CompareResult.NOT_EQUAL, number=7),) * 9
        txn = Txn(compares, reads[:count])
        assert len(list(store.read_txn_in_steps(txn))) + 1 == steps


def test_a_read_in_steps_ends_when_its_revision_is_forgotten() -> None:
    store = Store()
    apply(store, *(Put(b"%d" % number) for number in range(9)))
    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        steps = store.range_in_steps(EVERYTHING)
        next(steps)
        apply(store, Put(b"a"), Compact(11))
        with pytest.raises(CompactedRevision, match="revision 10 is forgotten"):
            next(steps)


def test_the_store_is_a_state_machine_of_the_runtime() -> None:
    machine: StateMachine = Store()
    results = machine.apply(LogIndex(7), [encode(Put(b"a", b"1"))])
    assert results == [PutResult(2, None)]
    assert isinstance(machine, Store)
    assert machine.applied_index == 7


def test_a_new_store_is_at_revision_1() -> None:
    assert Store().revision == 1
    assert Store().compact_revision == -1


def test_versions_are_counted_anew_after_a_deletion() -> None:
    store = Store()
    apply(store, Put(b"a", b"1"), Put(b"a", b"2"), DeleteRange(b"a"), Put(b"a", b"3"))
    assert store.range(EVERYTHING).kvs == [KeyValue(b"a", 5, 5, 1, b"3")]


def test_a_refusal_takes_no_revision_and_stops_nobody() -> None:
    store = Store()
    results = apply(
        store, Put(b"a", lease=5), Put(b"a", ignore_value=True), Put(b"b", b"1")
    )
    assert results == [LeaseNotFound, KeyNotFound, PutResult(2, None)]


def test_an_unknown_version_of_a_command_stops_before_the_batch() -> None:
    store = Store()
    with pytest.raises(UnknownFormat, match="needs version 9"):
        store.apply(1, [encode(Put(b"a")), b"\x09\x90"])
    assert len(store) == 0


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\x01", b"\x01\x93\x63", b"\x01\x90"])
def test_what_is_no_command_is_a_bug(junk: bytes) -> None:
    with pytest.raises(InvariantViolation):
        Store().apply(1, [junk])


def test_a_put_and_a_deletion_in_one_revision_leave_nothing_but_two_events() -> None:
    store = Store()
    apply(store, Put(b"b"), Txn(success=(Put(b"b", b"2"), DeleteRange(b"a", b"\0"))))
    assert store.range(EVERYTHING).kvs == []
    assert store.range(Range(b"b", revision=2)).count == 1
    # Nobody saw the put, so the deletion's past is what there was before both.
    assert store.events(3) == [
        Event(KeyValue(b"b", 2, 3, 2, b"2"), KeyValue(b"b", 2, 2, 1)),
        Event(KeyValue(b"b", 0, 3, 0), KeyValue(b"b", 2, 2, 1)),
    ]


def test_what_a_transaction_deletes_it_can_not_keep() -> None:
    """etcd falls over this one: the deletion "from a key on" passes its checks."""
    store = Store()
    apply(store, Put(b"b", b"1"))
    deletion, put = DeleteRange(b"a", b"\0"), Put(b"b", ignore_value=True)
    assert apply(store, Txn(success=(deletion, put))) == [KeyNotFound]
    assert apply(store, Txn(success=(put, deletion)))[0] != KeyNotFound
    assert store.range(EVERYTHING).count == 0


def test_a_watch_from_the_compacted_revision_loses_no_deletion() -> None:
    """What etcd 19179 is about."""
    store = Store()
    apply(store, Put(b"a", b"1"), DeleteRange(b"a"), Compact(3))
    store.scavenge(100)
    assert store.events(3) == [Event(KeyValue(b"a", 0, 3, 0), None)]


def test_events_come_in_whole_revisions() -> None:
    store = Store()
    apply(store, Put(b"a"), Txn(success=(Put(b"b"), Put(b"c"))), Put(b"d"))
    keys = [event.kv.key for event in store.events(2, events_max=2)]
    assert keys == [b"a", b"b", b"c"]
    assert not store.events(9)
