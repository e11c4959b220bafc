"""Who watches is told of each change once and in order, however slow, whatever happens.

The judge is the full list of events that the model has, see `tests.kv.model`.
"""

from collections.abc import Generator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from raftwerk.kv import (
    Command,
    Compact,
    CompactedRevision,
    Compare,
    DeleteRange,
    Event,
    KeyValue,
    KvError,
    Put,
    Store,
    Txn,
    encode,
)
from raftwerk.kv import watch as watch_module
from raftwerk.kv import watcher as watcher_module
from raftwerk.kv.spans import Span, span_of
from raftwerk.kv.watch import Watchers, holds_nothing
from raftwerk.kv.watcher import Batch, Watcher
from tests.kv.model import Model
from tests.kv.strategies import commands, keys, range_ends

ALL: Span = (b"\0", None)


class World:
    """A store, who watches it, and the model of the store."""

    def __init__(self) -> None:
        self.store = Store()
        self.watchers = Watchers(self.store)
        self.store.observe_changes(self.watchers.advance)
        self.model = Model()

    def apply(self, *batch: Command) -> None:
        """Apply commands in one batch."""
        results = self.store.apply(
            self.store.applied_index + 1, [encode(command) for command in batch]
        )
        for command, result in zip(batch, results, strict=True):
            try:
                self.model.apply(command)
            except KvError as refusal:
                assert type(refusal) is type(result)

    def restore(self) -> None:
        """Have the store become its own snapshot, as a member that lagged does."""
        self.store.restore(list(self.store.snapshot()))


class Reader:
    """One who watches, with all that it was told."""

    def __init__(self, world: World, span: Span, start: int, **wants: bool) -> None:
        self.world = world
        self.span = span
        self.start = start or world.store.revision + 1
        self.wants = {"wants_puts": True, "wants_deletes": True} | wants
        self.calls = 0
        self.told: list[Event] = []
        self.batches: list[Batch] = []
        self.is_over = False
        self.under_way: Generator[None, None, Batch | None] | None = None
        self.watcher: Watcher = world.watchers.open(
            span, start, on_ready=self._ready, **self.wants
        )

    def _ready(self) -> None:
        self.calls += 1

    def step(self) -> bool:
        """Do one step of fetching; tell whether something may be left to fetch."""
        if self.is_over:
            return False
        if self.under_way is None:
            self.under_way = self.world.watchers.take(self.watcher)
        try:
            next(self.under_way)
            return True
        except StopIteration as end:
            batch: Batch | None = end.value
        except CompactedRevision:
            self.is_over = True
            batch = None
        self.under_way = None
        if batch is None:
            return False
        assert batch.events, "an empty batch is none"
        self.batches.append(batch)
        self.told += batch.events
        return True

    def drain(self) -> None:
        """Fetch all there is."""
        while self.step():
            pass

    def expected(self) -> list[tuple[bytes, int, int]]:
        """Return what must have been told when all is fetched."""
        start, stop = self.span
        return [
            _name(kv)
            for kv in self.world.model.changes
            if kv.mod_revision >= self.start
            and start <= kv.key
            and (stop is None or kv.key < stop)
            and self.wants["wants_puts" if kv.version else "wants_deletes"]
        ]

    def check(self) -> None:
        """Raise unless what was told is a beginning of what must be, each once."""
        told = [_name(event.kv) for event in self.told]
        assert told == self.expected()[: len(told)]
        # All of one revision comes together.
        firsts = [batch.events[0].kv.mod_revision for batch in self.batches]
        lasts = [batch.events[-1].kv.mod_revision for batch in self.batches]
        assert all(last < first for last, first in zip(lasts, firsts[1:], strict=False))


def _name(kv: KeyValue) -> tuple[bytes, int, int]:
    """Return what tells one change from all others."""
    return (kv.key, kv.mod_revision, kv.version)


@pytest.fixture(name="world")
def fixture_world() -> World:
    return World()


def test_what_happens_is_told_one_revision_a_batch(world: World) -> None:
    reader = Reader(world, ALL, 0)
    world.apply(Put(b"a"), Put(b"b"))
    world.apply(DeleteRange(b"a", b"c"))
    reader.drain()
    assert [batch.revision for batch in reader.batches] == [2, 3, 4]
    assert [len(batch.events) for batch in reader.batches] == [1, 1, 2]
    assert reader.calls == 1, "once, until all was fetched"


def test_history_comes_in_one_batch_and_then_what_happens(world: World) -> None:
    world.apply(Put(b"a", b"1"), Put(b"b"), Put(b"a", b"2"))
    reader = Reader(world, span_of(b"a", b""), 1)
    assert reader.calls == 1
    reader.drain()
    world.apply(Put(b"a", b"3"))
    reader.drain()
    assert [(b.revision, len(b.events)) for b in reader.batches] == [(4, 2), (5, 1)]


def test_a_revision_to_come_is_waited_for(world: World) -> None:
    reader = Reader(world, ALL, 4)
    world.apply(Put(b"a"), Put(b"a"), Put(b"a"), Put(b"a"))
    reader.drain()
    assert [batch.revision for batch in reader.batches] == [4, 5]


def test_a_watch_from_the_compacted_revision_loses_no_delete(world: World) -> None:
    # etcd issues 18089 and 19179: the deletion at that very revision was lost.
    world.apply(Put(b"a"), Put(b"a"), DeleteRange(b"a"))
    world.apply(Compact(4))
    world.apply(Put(b"b"))
    for restored in (False, True):
        if restored:
            world.restore()
        reader = Reader(world, ALL, 4)
        reader.drain()
        assert [event.kv.version for event in reader.told] == [0, 1]
        assert reader.told[0].prev_kv is None, "what was before it is forgotten"


def test_a_watch_from_below_the_compacted_revision_is_over(world: World) -> None:
    world.apply(Put(b"a"), Put(b"a"), Put(b"a"))
    world.apply(Compact(3))
    reader = Reader(world, ALL, 2)
    reader.drain()
    assert reader.is_over and not reader.told


def test_a_compaction_leaves_those_alone_who_were_told_of_all(world: World) -> None:
    reader = Reader(world, ALL, 0)
    # In one batch even, so that nobody could have been told in between.
    world.apply(Put(b"a"), Put(b"a"), Put(b"a"), Compact(4))
    reader.drain()
    world.apply(Put(b"a"))
    reader.drain()
    assert len(reader.told) == 4 and not reader.is_over


def test_who_is_slow_costs_a_bounded_amount_and_catches_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "PENDING_REVISIONS_MAX", 3)
    reader = Reader(world, ALL, 0)
    for _ in range(10):
        world.apply(Put(b"a"))
    assert not reader.watcher.is_synced
    reader.drain()
    assert [batch.revision for batch in reader.batches] == [2, 3, 4, 11]
    assert reader.watcher.is_idle
    reader.check()


def test_who_is_slow_is_measured_by_bytes_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "PENDING_BYTES_MAX", 100)
    reader = Reader(world, ALL, 0)
    world.apply(Put(b"a", b"x" * 1_000))  # one always has room
    world.apply(Put(b"b", b"x"))
    assert not reader.watcher.is_synced
    reader.drain()
    assert [batch.revision for batch in reader.batches] == [2, 3]


def test_who_is_slow_for_too_long_is_told_that_it_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "PENDING_REVISIONS_MAX", 2)
    reader = Reader(world, ALL, 0)
    for _ in range(10):
        world.apply(Put(b"a"))
    world.apply(Compact(9))
    reader.drain()
    assert [batch.revision for batch in reader.batches] == [2, 3]
    assert reader.is_over


def test_a_long_history_comes_in_batches_and_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "BATCH_REVISIONS_MAX", 2)
    monkeypatch.setattr(watch_module, "CHANGES_PER_STEP", 2)
    for _ in range(5):
        world.apply(Put(b"a"))
    reader = Reader(world, ALL, 1)
    assert reader.step(), "a step that ends nothing"
    world.apply(Put(b"a"))
    reader.drain()
    assert [len(batch.events) for batch in reader.batches] == [2, 2, 2]
    reader.check()


def test_many_changes_at_once_are_read_in_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "CHANGES_PER_ADVANCE", 4)
    reader, other = Reader(world, ALL, 0), Reader(world, span_of(b"a", b""), 0)
    puts = tuple(Put(b"%d" % number) for number in range(3))
    world.apply(Put(b"a"), Txn(success=puts), Txn(success=puts), Put(b"a"))
    assert not reader.watcher.is_synced and not other.watcher.is_synced
    for each in (reader, other):
        each.drain()
        each.check()
        assert each.watcher.is_idle
    assert [len(batch.events) for batch in reader.batches] == [1, 3, 4]


def test_nobody_who_was_closed_is_told(world: World) -> None:
    reader, stays = Reader(world, ALL, 0), Reader(world, ALL, 0)
    world.watchers.close(reader.watcher)
    world.apply(Put(b"a"))
    assert (reader.calls, stays.calls) == (0, 1)
    world.watchers.close(stays.watcher)
    world.apply(Put(b"a"))
    assert stays.calls == 1


def test_ranges_that_hold_nothing_are_known() -> None:
    assert holds_nothing(b"b", b"a") and holds_nothing(b"b", b"b")
    assert not holds_nothing(b"b", b"") and not holds_nothing(b"b", b"\0")


class WatchMachine(RuleBasedStateMachine):
    """Writers, compactions, restores and readers of every pace, in any order."""

    def __init__(self) -> None:
        super().__init__()
        # Small ones, so that small stores meet every bound.
        self.pending = patch.multiple(watcher_module, PENDING_REVISIONS_MAX=2)
        self.bounds = patch.multiple(
            watch_module,
            BATCH_REVISIONS_MAX=3,
            CHANGES_PER_STEP=2,
            CHANGES_PER_ADVANCE=3,
        )
        self.pending.start()
        self.bounds.start()
        self.world = World()
        self.readers: list[Reader] = []

    @initialize(past=st.lists(commands, max_size=5))
    def begin(self, past: list[Command]) -> None:
        for command in past:
            self.world.apply(command)

    @rule(batch=st.lists(commands, min_size=1, max_size=4))
    def write(self, batch: list[Command]) -> None:
        self.world.apply(*batch)

    @rule(key=keys)
    def write_for_sure(self, key: bytes) -> None:
        self.world.apply(Put(key))
        self.world.apply(Txn((Compare(b"never"),), (DeleteRange(key), Put(b"aa"))))

    @rule(back=st.integers(0, 3))
    def compact(self, back: int) -> None:
        self.world.apply(Compact(self.world.store.revision - back))

    @rule()
    def restore(self) -> None:
        self.world.restore()

    @precondition(lambda self: len(self.readers) < 6)
    @rule(
        key=keys,
        end=range_ends,
        back=st.integers(-3, 6),
        puts=st.booleans(),
        deletes=st.booleans(),
    )
    def open(
        self, key: bytes, end: bytes, back: int, puts: bool, deletes: bool
    ) -> None:
        if holds_nothing(key, end):
            return
        start = max(0, self.world.store.revision - back)
        self.readers.append(
            Reader(
                self.world,
                span_of(key, end),
                start,
                wants_puts=puts or not deletes,
                wants_deletes=deletes or not puts,
            )
        )

    @precondition(lambda self: bool(self.readers))
    @rule(which=st.integers(0, 5), steps=st.integers(1, 3))
    def read(self, which: int, steps: int) -> None:
        reader = self.readers[which % len(self.readers)]
        for _ in range(steps):
            reader.step()

    @precondition(lambda self: bool(self.readers))
    @rule(which=st.integers(0, 5))
    def reconnect(self, which: int) -> None:
        """Go on elsewhere, from the revision behind the last one that was told of."""
        old = self.readers.pop(which % len(self.readers))
        self.world.watchers.close(old.watcher)
        start = old.told[-1].kv.mod_revision + 1 if old.told else old.start
        new = Reader(self.world, old.span, start, **old.wants)
        new.told, new.start, new.batches = old.told, old.start, old.batches
        new.is_over = old.is_over
        self.readers.append(new)

    @invariant()
    def each_was_told_once_and_in_order(self) -> None:
        for reader in self.readers:
            reader.check()

    def teardown(self) -> None:
        self.bounds.stop()
        self.pending.stop()
        for reader in self.readers:
            reader.drain()
            reader.check()
            if not reader.is_over:
                assert [_name(e.kv) for e in reader.told] == reader.expected()


TestWatchMachine = WatchMachine.TestCase
TestWatchMachine.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.lists(commands, max_size=12), st.integers(1, 8))
def test_prev_kv_is_what_a_read_before_gives(past: list[Command], start: int) -> None:
    world = World()
    for command in past:
        world.apply(command)
    reader = Reader(world, ALL, start)
    reader.drain()
    if not reader.is_over:
        wanted = [e for e in world.model.events(0) if e.kv.mod_revision >= start]
        assert reader.told == wanted
