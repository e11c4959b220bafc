"""Commands over many keys, in steps: nobody sees them before they are whole."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, pairwise
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftwerk.errors import InvariantViolation
from raftwerk.kv import (
    Command,
    Compact,
    Compare,
    CompareResult,
    DeleteRange,
    Event,
    ExpireLeases,
    GrantLease,
    KvError,
    LeadLeases,
    Put,
    Range,
    Result,
    RevokeLease,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.ranges import KEYS_PER_STEP
from raftwerk.kv.writing import STEPS_PER_TURN
from tests.kv.strategies import commands, ranges, read_txns

EVERYTHING = Range(b"\0", b"\0")
LEASES = (7, -8, 9)
REVISIONS = range(20)
READ_TXN = Txn(
    (Compare(b"a", result=CompareResult.GREATER),), (EVERYTHING,), (Range(b"a"),)
)


@contextmanager
def short_steps() -> Iterator[None]:
    """Have a command over two keys be a large one, and all that is cut be cut often."""
    with ExitStack() as stack:
        for name, size in [
            ("ranges.KEYS_PER_STEP", 1),
            ("writing.STEPS_PER_TURN", 1),
            ("ranges.KEYS_PER_RUN", 3),
            ("leases.KEYS_PER_RUN", 2),
            ("history.CHANGES_PER_BLOCK", 2),
            ("effects.PART_BYTES", 8),
        ]:
            stack.enter_context(mock.patch(f"raftwerk.kv.{name}", size))
        yield


def plain(results: list[Result]) -> list[object]:
    """Return results, refusals by their words."""
    return [repr(each) if isinstance(each, KvError) else each for each in results]


def applied(store: Store, *batch: Command) -> tuple[list[object], bytes]:
    """Return what a batch did, done in one go."""
    results = store.apply(1, [encode(command) for command in batch])
    return plain(results), store.effects()


def stepped(
    store: Store, *batch: Command
) -> Iterator[None | tuple[list[object], bytes]]:
    """Do a batch in steps; yield None at each pause, and what it did at the end."""
    steps = store.apply_in_steps(1, [encode(command) for command in batch])
    told = b""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            yield plain(end.value), told + store.effects()
            return
        told += store.effects()
        yield None


def view(store: Store) -> list[object]:
    """Return all that anybody can learn of a store."""
    seen: list[object] = [store.revision, store.compact_revision, store.lease_term]
    seen += [sorted(map(repr, store.leases())), store.alarms()]
    for lease in LEASES:
        seen += [store.lease(lease), store.lease_keys(lease)]
    for request in (EVERYTHING, Range(b"a"), Range(b"a", b"b", limit=1)):
        seen.append(store.range(request))
    seen.append(store.read_txn(READ_TXN))
    for revision in REVISIONS:
        for ask in (
            lambda at: store.range(Range(b"\0", b"\0", revision=at)),
            store.events,
        ):
            try:
                seen.append(ask(revision))
            except KvError as refusal:
                seen.append(repr(refusal))
    seen.append(b"".join(store.snapshot()))
    steps = store.digest_in_steps()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return [*seen, end.value]


def parts_of(command: Command) -> list[Command]:
    """Return what of a command is seen by itself: the end of each lease."""
    if isinstance(command, ExpireLeases):
        return [ExpireLeases(command.term, (lease,)) for lease in command.leases]
    return [command]


def test_the_keys_of_a_lease_are_those_of_the_first_step() -> None:
    with short_steps():
        store = Store()
        applied(store, *SETUP)
        begun = []
        for _ in stepped(store, RevokeLease(7)):
            begun.append((store.lease_keys(7), store.lease_keys_in_steps(7)))
            begun = [each for each in begun if not is_over(*each)]
    assert any(expected for expected, _ in begun)
    while begun:
        begun = [each for each in begun if not is_over(*each)]


SETUP: tuple[Command, ...] = (
    LeadLeases(3),
    GrantLease(7, 60),
    GrantLease(-8, 60),
    *(Put(key, b"1", lease=7) for key in (b"b", b"c", b"a", b"aa", b"\xff\xff")),
    *(Put(key, b"2", lease=-8) for key in (b"ab", b"a\0", b"\0")),
    Compact(6),
    Put(b"c", b"2"),
    Put(b"ab", b"3", lease=7),
    Compact(10),
)
LARGE_HERE: list[Command] = [
    DeleteRange(b"\0", b"\0", prev_kv=True),
    DeleteRange(b"a", b"b"),
    RevokeLease(7),
    ExpireLeases(3, (9, -8, 7)),
    Txn(
        (Compare(b"a", b"b", result=CompareResult.GREATER),),
        (
            Put(b"d", lease=7),
            EVERYTHING,
            DeleteRange(b"a", b"b", prev_kv=True),
            DeleteRange(b"\xff\xff"),
            Range(b"\0", b"\0", revision=11, limit=3),
            Txn((), (EVERYTHING, Put(b"ac", lease=-8), Put(b"c", lease=-8))),
            Range(b"a"),
            EVERYTHING,
        ),
    ),
]
REFUSED: list[Command] = [
    Txn(success=(Put(b"d", lease=9), DeleteRange(b"a", b"b"))),
    Txn(success=(Put(b"d"), DeleteRange(b"a", b"b"), Range(b"a", revision=14))),
    Txn((), (Range(b"a", b"b", revision=3), Put(b"d"))),
]


@pytest.mark.parametrize("command", LARGE_HERE)
def test_nothing_of_a_large_command_is_seen_amid(command: Command) -> None:
    assert assert_alike_in_steps([(command, 1), (Put(b"new"), 100)])


@pytest.mark.parametrize("command", REFUSED)
def test_what_is_refused_changes_nothing_in_steps_either(command: Command) -> None:
    assert_alike_in_steps([(command, 1), (Put(b"new"), 100)])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(commands | st.sampled_from(LARGE_HERE + REFUSED), st.integers(0, 3)),
        max_size=6,
    )
)
def test_in_steps_it_is_as_in_one_go_and_between_them_as_before(
    history: list[tuple[Command, int]],
) -> None:
    assert_alike_in_steps(history)


def assert_alike_in_steps(history: list[tuple[Command, int]]) -> int:
    """Do commands in steps and in one go; return how often all was seen as before."""
    at_once, by_parts, slow = Store(), Store(), Store()
    as_before = 0
    with short_steps():
        for store in (at_once, by_parts, slow):
            applied(store, *SETUP)
        for command, scavenged in history:
            views = [view(slow)]
            for part in parts_of(command):
                applied(by_parts, part)
                views.append(view(by_parts))
            *pauses, did = [(did, view(slow)) for did in stepped(slow, command)]
            assert did == (applied(at_once, command), view(at_once))
            place = 0
            for _, seen in pauses:
                # Whatever was seen once stays seen.
                place = next(n for n in range(place, len(views)) if views[n] == seen)
                as_before += place == 0
            assert at_once.size_bytes == slow.size_bytes
            assert at_once.inspect(b"") == slow.inspect(b"")
            at_once.scavenge(scavenged)
            slow.scavenge(scavenged)
            by_parts.scavenge(scavenged)
            slow.check()
    return as_before


@settings(max_examples=50)
@given(st.lists(commands, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_how_batches_are_cut_makes_no_difference_to_steps(
    wanted: list[Command], cuts: list[int]
) -> None:
    at_once, slow = Store(), Store()
    told = listened(slow)
    with short_steps():
        expected = [applied(at_once, command) for command in wanted]
        edges = pairwise([0, *sorted(cuts), len(wanted)])
        did = [whole(stepped(slow, *wanted[start:stop])) for start, stop in edges]
    for part in (0, 1):  # the results, and what is told of effects
        found, wished = [
            [*chain(*(each[part] for each in of))] for of in (did, expected)
        ]
        assert found == wished
    assert view(slow) == view(at_once)
    oldest = at_once.compact_revision
    newest = [each.kv for each in told if each.kv.mod_revision >= oldest]
    assert newest == [each.kv for each in at_once.events_since(oldest)]


def listened(store: Store) -> list[Event]:
    """Return a list that gets all changes of a store: whole revisions alone."""
    told: list[Event] = []

    def on_changes() -> None:
        begin = told[-1].kv.mod_revision + 1 if told else 1
        told.extend(store.events_since(max(begin, store.compact_revision)))
        assert not told or told[-1].kv.mod_revision == store.revision

    store.observe_changes(on_changes)
    return told


def whole(steps: Iterator[None | tuple[list[object], bytes]]) -> tuple[Any, bytes]:
    """Return what a batch did that is done in steps."""
    *_, end = steps
    assert end is not None
    return end


@settings(max_examples=50)
@given(
    st.lists(commands | st.sampled_from(LARGE_HERE), max_size=4),
    ranges,
    read_txns,
    st.integers(0, 2),
)
def test_reads_that_begin_before_or_amid_go_on_as_they_began(
    history: list[Command], request: Range, txn: Txn, scavenged: int
) -> None:
    store = Store()
    reads: list[tuple[object, Iterator[None]]] = []
    with short_steps():
        applied(store, *SETUP)
        for command in history:
            for _ in stepped(store, command):
                store.scavenge(scavenged)
                with suppress(KvError):
                    reads.append((store.range(request), store.range_in_steps(request)))
                with suppress(KvError):
                    reads.append((store.read_txn(txn), store.read_txn_in_steps(txn)))
                reads = [each for each in reads if not is_over(*each)]
        while reads:
            reads = [each for each in reads if not is_over(*each)]


def is_over(expected: object, steps: Iterator[None]) -> bool:
    """Do a step of a read; tell whether it was the last, and came to what it had to."""
    try:
        next(steps)
    except StopIteration as end:
        assert end.value == expected
    except KvError:
        return True  # it was forgotten meanwhile
    else:
        return False
    return True


KEYS_PER_TURN = KEYS_PER_STEP * STEPS_PER_TURN
KEYS = 2_500
KEYS_WANTED = [b"key-%06d" % number for number in range(KEYS)]
ALL_KEYS = (b"key-", b"key.")
LARGE: list[tuple[str, Command]] = [
    ("a range is deleted", DeleteRange(*ALL_KEYS)),
    ("a range is deleted and told of", DeleteRange(*ALL_KEYS, prev_kv=True)),
    ("a lease is revoked", RevokeLease(7)),
    ("leases expire", ExpireLeases(3, (8, 7, 9))),
    ("a transaction deletes", Txn(success=(Put(b"a"), DeleteRange(*ALL_KEYS)))),
    ("a transaction reads", Txn(success=(Put(b"a"), Range(*ALL_KEYS)))),
    (
        "a transaction compares",
        Txn(
            (Compare(*ALL_KEYS, result=CompareResult.GREATER),),
            (Txn(success=(Put(b"a"),)),),
        ),
    ),
    (
        "a transaction reads what it has deleted",
        Txn(
            success=(
                DeleteRange(b"key-", b"key-001"),
                Range(*ALL_KEYS),
                Range(*ALL_KEYS, revision=KEYS),
                DeleteRange(*ALL_KEYS),
                Range(*ALL_KEYS, count_only=True),
            )
        ),
    ),
]


def filled() -> Store:
    """Return a store with many keys, on one lease."""
    store = Store()
    puts = [encode(Put(key, b"x" * 20, lease=7)) for key in KEYS_WANTED]
    leases = [encode(GrantLease(lease, 60)) for lease in (7, 8, 9)]
    store.apply(1, [encode(LeadLeases(3)), *leases, *puts])
    return store


@pytest.mark.parametrize(("what", "command"), LARGE, ids=[what for what, _ in LARGE])
def test_a_step_is_for_a_bounded_number_of_keys(what: str, command: Command) -> None:
    store, other = filled(), filled()
    before = store.range(EVERYTHING)
    pauses = longest = 0
    end = None
    for did in stepped(store, command):
        pauses += 1
        # pylint: disable-next=protected-access  # how much a step has done
        longest = max(longest, len(store._state.effects))
        found = store.range(EVERYTHING)
        assert found == before or found.revision > before.revision
        end = did
    assert pauses >= KEYS // KEYS_PER_TURN, what
    assert longest <= KEYS_PER_TURN + 3, what
    assert end == applied(other, command)
    assert view(store) == view(other)


@pytest.mark.parametrize(
    "command",
    [
        Put(b"a"),
        DeleteRange(b"key-000000", b"key-001000"),
        Txn(success=(DeleteRange(b"key-000000", b"key-001000"), Put(b"b"))),
        RevokeLease(8),
        Compact(100),
    ],
)
def test_what_is_small_is_done_in_one_step(command: Command) -> None:
    assert len(list(stepped(filled(), command))) == 1


def test_a_batch_waits_for_the_one_that_is_under_way() -> None:
    store = filled()
    steps = store.apply_in_steps(2, [encode(DeleteRange(*ALL_KEYS))])
    next(steps)
    with pytest.raises(InvariantViolation, match="when the one before it is whole"):
        store.apply(3, [encode(Put(b"a"))])


def test_a_batch_that_was_left_amid_does_not_go_on_in_a_restored_store() -> None:
    store, other = filled(), Store()
    steps = store.apply_in_steps(2, [encode(DeleteRange(*ALL_KEYS))])
    next(steps)
    store.restore(other.snapshot())
    with pytest.raises(InvariantViolation, match="before the store is restored"):
        next(steps)
    store.apply(2, [encode(Put(b"a"))])
    store.check()
    assert store.revision == 2


def test_what_comes_before_in_a_batch_is_told_before_others_have_a_turn() -> None:
    store = filled()
    told: list[int] = []
    leases: list[list[int]] = []
    store.observe_changes(lambda: told.append(store.revision))
    store.observe_leases(lambda news: leases.append(list(news)))
    newest = store.revision
    batch: tuple[Command, ...] = (
        Put(b"a"),
        GrantLease(10, 60),
        DeleteRange(*ALL_KEYS),
    )
    steps = stepped(store, *batch)
    next(steps)
    assert (told, leases) == ([newest + 1], [[10]])
    assert len(list(steps)) > 1
    assert told[-1] == newest + 2
