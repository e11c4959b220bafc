"""A snapshot's chunks on their way: drawn on the loop, which has others to serve."""

import asyncio
from collections.abc import Iterable, Iterator

import msgspec

from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Clock, Host
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.manifest import ChunkHashes
from raftwerk.runtime.snapshot_writing import (
    DRAWN_SECONDS,
    REST_SECONDS_MAX,
    RESTS_PER_DRAWN,
    SnapshotWriting,
)
from raftwerk.runtime.worker import Worker
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.types import LogIndex, Term

from .group import Group, story
from .machines import ListMachine
from .snapshotting import until_snapshot, write

STEP_SECONDS = DRAWN_SECONDS / 2


class Work:
    """Work on a loop whose time stands still meanwhile, and a clock that counts it."""

    def __init__(self, clock: Clock) -> None:
        self.done_seconds = 0.0
        self._clock = clock

    def now(self) -> float:
        return self._clock.now() + self.done_seconds

    def wall(self) -> float:
        return self._clock.wall()

    def chunks(self, count: int, step_seconds: float = STEP_SECONDS) -> Iterator[bytes]:
        """Return chunks that take so long each."""
        for number in range(count):
            self.done_seconds += step_seconds
            yield b"%d" % number


class Case:
    """A snapshot that is being written."""

    def __init__(self, count: int, step_seconds: float = STEP_SECONDS) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(1))
        self.loop = loop
        self.timers = host.timers
        self.work = Work(host.clock)
        self.store = MemorySnapshots()
        self.errors: list[BaseException] = []
        self.hashes: ChunkHashes | None = None
        self.ended_after = 0.0
        self.began_at = loop.time()
        self.writing = SnapshotWriting(
            lambda: self.store.begin(LogIndex(1), Term(1)),
            self.work.chunks(count, step_seconds),
            Worker(host.threads("take"), self.errors.append),
            then=self._ended,
            otherwise=self.errors.append,
        )

    def begin(self) -> None:
        self.writing.in_turns(self.work, self.timers)

    def _ended(self, hashes: ChunkHashes) -> None:
        self.hashes = hashes
        self.ended_after = self.loop.time() - self.began_at

    def written(self) -> list[bytes]:
        return list(self.store.read_chunks(LogIndex(1), Term(1)))


@story
async def test_the_loop_rests_many_times_as_long_as_chunks_were_drawn() -> None:
    case = Case(100)
    case.begin()
    await asyncio.sleep(10)
    expected = 100 * STEP_SECONDS * RESTS_PER_DRAWN
    assert 0.9 * expected <= case.ended_after <= 1.1 * expected
    assert case.written() == [b"%d" % number for number in range(100)]
    assert case.hashes is not None and not case.errors


@story
async def test_who_is_in_a_hurry_has_the_rest_of_it_without_a_rest() -> None:
    case = Case(100)
    case.begin()
    await asyncio.sleep(50 * STEP_SECONDS * RESTS_PER_DRAWN)
    drawn_seconds = case.work.done_seconds
    assert 0.9 * 50 * STEP_SECONDS <= drawn_seconds <= 1.1 * 50 * STEP_SECONDS
    case.writing.hurry()
    await asyncio.sleep(2 * DRAWN_SECONDS * RESTS_PER_DRAWN)
    assert case.hashes is not None
    assert len(case.written()) == 100


@story
async def test_nothing_is_drawn_after_a_stop_in_a_rest() -> None:
    case = Case(100)
    case.begin()
    await asyncio.sleep(20 * DRAWN_SECONDS)
    case.writing.stop()
    drawn_seconds = case.work.done_seconds
    assert drawn_seconds > 0
    await asyncio.sleep(10)
    assert case.work.done_seconds == drawn_seconds
    assert case.hashes is None and not case.errors


@story
async def test_a_rest_has_its_bound_where_drawing_was_itself_left_to_wait() -> None:
    case = Case(3, step_seconds=1.0)
    case.begin()
    await asyncio.sleep(10)
    assert 2.9 * REST_SECONDS_MAX <= case.ended_after <= 3.1 * REST_SECONDS_MAX


# ---- whole nodes ---------------------------------------------------------------

EVERY = 20
SLOW_STEPS = 200
REST_SECONDS = SLOW_STEPS * STEP_SECONDS * RESTS_PER_DRAWN
"""About how long a snapshot takes that is not hurried."""


class SlowlyDrawn(ListMachine):
    """Its snapshots take many steps."""

    work: Work

    def snapshot_in_steps(self) -> Iterable[bytes]:
        chunks = iter(self.snapshot())
        for _ in self.work.chunks(SLOW_STEPS):
            yield b""
        yield from chunks


async def one_member() -> Group:
    """Return a group of one, whose machine is drawn slowly."""
    machine = SlowlyDrawn()

    def counting(host: Host) -> Host:
        machine.work = Work(host.clock)
        return msgspec.structs.replace(host, clock=machine.work)

    group = Group(voters=1, make_host=counting, snapshot_entries=EVERY)
    await group[1].start(machine)
    await group.until_led()
    return group


@story
async def test_a_snapshot_that_is_due_takes_its_time_and_one_asked_for_does_not() -> (
    None
):
    group = await one_member()
    process = group[1]
    await write(group, 30)
    await group.sleep(REST_SECONDS / 2)
    assert process.log.snapshot().index < EVERY
    await until_snapshot(group, process, EVERY)
    await write(group, 5)
    before = process.log.snapshot().index
    assert process.process.call(process.node.take_snapshot)
    await group.sleep(REST_SECONDS / 5)
    assert process.log.snapshot().index > before


@story
async def test_a_snapshot_on_its_way_is_hurried_by_who_asks_for_one() -> None:
    group = await one_member()
    process = group[1]
    await write(group, 30)
    assert not process.process.call(process.node.take_snapshot), "one is being taken"
    await group.sleep(REST_SECONDS / 5)
    assert process.log.snapshot().index >= EVERY


@story
async def test_a_snapshot_is_hurried_when_the_log_has_doubled_meanwhile() -> None:
    group = await one_member()
    process = group[1]
    await write(group, 30)
    await write(group, 40)
    await group.sleep(REST_SECONDS / 5)
    assert process.log.snapshot().index >= EVERY
