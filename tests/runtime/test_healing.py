"""Replicas that drift apart: found, quarantined, healed; on virtual time."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import pytest

from raftwerk.errors import Quarantined
from raftwerk.kv import Put, Range, Store, encode
from raftwerk.kv.results import PutResult
from raftwerk.runtime.frames import Frames
from raftwerk.runtime.meter import Meter
from raftwerk.types import LogIndex

from .group import Group, Process, story
from .machines import ListMachine

ENTRIES = 256


async def started(make: Callable[[int], object] = lambda _: Store()) -> Group:
    group = Group()
    for process in group:
        await process.start(make(process.node_id))
    await group.until_led()
    await group.until(lambda: all(p.status.cluster_version == 2 for p in group))
    return group


async def write(
    group: Group, count: int, through: Process | None = None, key: bytes = b"key"
) -> None:
    """Make progress: each of so many writes is acknowledged."""
    process = through or group.leader
    for start in range(0, count, 50):
        tasks = [
            process.propose(encode(Put(b"%b %d" % (key, n), b"value %d" % n)))
            for n in range(start, min(start + 50, count))
        ]
        for task in tasks:
            assert isinstance(await group.outcome(task), PutResult)


async def compared(group: Group, index: int) -> None:
    await group.until(lambda: all(p.status.compared_index >= index for p in group))


def store_of(process: Process) -> Store:
    """Return the store of a member that has one."""
    store: object = process.machine
    assert isinstance(store, Store)
    return store


def value(process: Process, key: bytes) -> bytes:
    (kv,) = store_of(process).range(Range(key)).kvs
    found: bytes = kv.value
    return found


def plant(process: Process, key: bytes) -> None:
    """Change a value in memory, as a bit that flips does."""
    # pylint: disable-next=protected-access  # no command does this
    current = store_of(process)._state.index._current
    current[key] = msgspec.structs.replace(current[key], value=b"flipped")


@story
async def test_replicas_that_are_sound_are_found_to_be_so() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    await compared(group, 2 * ENTRIES)
    assert not any(p.status.quarantined for p in group)


@story
async def test_an_idle_group_says_nothing() -> None:
    group = await started()
    await write(group, ENTRIES)
    await compared(group, ENTRIES)
    before = group.leader.status.last_log_index
    await group.sleep(60)
    assert group.leader.status.last_log_index == before


async def drift(group: Group, odd: Process) -> None:
    """Plant a value, and write until all know who differs."""
    others = [p for p in group if p is not odd]
    plant(odd, b"key 7")
    for _ in range(4):
        # Some keys are looked at with each link; all of them within so many.
        await write(group, ENTRIES, others[0], b"other")
        begin = group.loop.time()
        while group.loop.time() - begin < 4:
            if all(odd.node_id in p.status.quarantined for p in group):
                return
            await group.sleep(0.001)
    raise AssertionError("nobody found it")


async def healed(group: Group, odd: Process) -> None:
    up = [p for p in group if p.is_up]
    await group.until(lambda: not any(p.status.quarantined for p in up))
    assert value(odd, b"key 7") == b"value 7"
    await group.until_equal()
    stores = {bytes().join(p.machine.snapshot()) for p in up}
    assert len(stores) == 1, "all have become equal"


@story
async def test_a_follower_that_differs_is_quarantined_healed_and_comes_back() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd = group.followers[0]
    leader = group.leader
    await drift(group, odd)
    frames = Frames(odd.node, odd.log, Meter(odd.host.clock))
    assert frames.state(0.0)["is_quarantined"]
    assert isinstance(await group.outcome(odd.read()), Quarantined)
    assert isinstance(
        await group.outcome(odd.propose(encode(Put(b"k")))), Quarantined
    ), "its answer would be worth nothing"
    assert group.leader is leader, "nobody else is disturbed"
    await healed(group, odd)
    assert "is_quarantined" not in frames.state(0.0), "those who watch know of its end"
    assert not isinstance(await group.outcome(odd.read()), Exception)
    await write(group, ENTRIES, odd)


@story
async def test_a_leader_that_differs_hands_over_and_is_healed() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd = group.leader
    await drift(group, odd)
    await group.until(lambda: not odd.is_leader)
    await healed(group, odd)
    await write(group, ENTRIES, odd)


@story
async def test_a_quarantined_member_still_votes_and_stores() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd, other = group.followers
    await drift(group, odd)
    group.isolate(other.node_id)
    # Without its answer there would be no majority.
    assert isinstance(
        await group.outcome(group.leader.propose(encode(Put(b"k")))), PutResult
    )
    group.heal()
    await healed(group, odd)


@story
async def test_quarantine_outlives_a_restart_and_a_snapshot() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd = group.followers[0]
    await drift(group, odd)
    leader = group.leader
    leader.node.take_snapshot()
    assert not odd.node.take_snapshot(), "nobody is to begin with such a state"
    odd.kill()
    await odd.start(Store())
    await healed(group, odd)


class Clock(ListMachine):
    """A machine whose `apply` reads a clock, which no machine may."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.now = now

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        counts = super().apply(index, commands)
        return [f"{count} at {self.now()}" for count in counts]


class Steady(Clock):
    """The same with a clock that stands still."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)


def steady_of(process: Process) -> Steady:
    """Return the machine of a member that has such a one."""
    machine: object = process.machine
    assert isinstance(machine, Steady)
    return machine


def later(group: Group, seconds: float) -> float:
    """Return what time it will be."""
    return group.loop.time() + seconds


async def propose_many(group: Group, process: Process, commands: int = ENTRIES) -> None:
    for start in range(0, commands, 50):
        tasks = [process.propose(b"x") for _ in range(start, start + 50)]
        for task in tasks:
            result = await group.outcome(task)
            assert not isinstance(result, Exception)


@story
async def test_an_apply_that_reads_the_clock_is_found_by_its_results() -> None:
    group = await started(lambda _: Steady())
    odd = group.followers[0]
    steady_of(odd).now = group.loop.time
    await propose_many(group, group.leader)
    await group.until(
        lambda: all(p.status.quarantined == (odd.node_id,) for p in group)
    )
    steady_of(odd).now = lambda: 0.0
    await group.until(lambda: not any(p.status.quarantined for p in group))
    assert odd.machine.restored == 1


@story
async def test_where_all_read_the_clock_nobody_is_right_and_people_are_told() -> None:
    group = await started(lambda _: Steady())
    for process in group:
        delta = float(process.node_id)
        steady_of(process).now = partial(later, group, delta)
    await propose_many(group, group.leader)
    await group.until(lambda: all(p.status.disagreement for p in group))
    report = group.leader.status.disagreement
    assert report is not None
    assert [node for node, _ in report.links] == [1, 2, 3]
    assert len({link for _, link in report.links}) == 3
    assert not any(p.status.quarantined for p in group), "nobody heals"
    await propose_many(group, group.leader, 50)


@story
async def test_older_members_are_not_told_what_they_would_not_understand() -> None:
    with pytest.MonkeyPatch.context() as older:
        older.setattr("raftwerk.runtime.publisher.READABLE_VERSION", 1)
        group = Group()
        for process in group:
            await process.start(Store())
        await group.until_led()
        await write(group, 2 * ENTRIES)
        await group.sleep(10)
        assert {p.status.cluster_version for p in group} == {1}
        assert {p.status.compared_index for p in group} == {0}
    # One after the other is replaced by a newer one.
    for process in group:
        await process.stop()
        process.log = process.log.restarted()
        await process.start(Store())
        await group.until_led()
    await group.until(lambda: {p.status.cluster_version for p in group} == {2})
    await write(group, ENTRIES)
    await compared(group, 2 * ENTRIES + 1)
    assert not any(p.status.quarantined for p in group)


@story
async def test_who_joins_by_a_snapshot_is_compared_as_well() -> None:
    group = await started()
    await write(group, ENTRIES + 10)
    follower = group.followers[0]
    follower.kill()
    await write(group, ENTRIES)
    for process in [p for p in group if p.is_up]:
        process.node.take_snapshot()
    await group.sleep(1)
    await follower.start(Store())
    await group.until_equal()
    await write(group, ENTRIES)
    await compared(group, 3 * ENTRIES)
    assert not any(p.status.quarantined for p in group)


@story
async def test_a_quarantined_member_leaves_it_to_others_to_lead() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd, other = group.followers
    await drift(group, odd)
    group.leader.kill()
    # It votes for the other one, and does not stand itself.
    assert await group.until_led([odd.node_id, other.node_id]) is other
    await healed(group, odd)


@story
async def test_a_quarantined_member_stands_where_nobody_else_can_be_elected() -> None:
    group = await started()
    await write(group, 2 * ENTRIES)
    odd, other = group.followers
    leader = group.leader
    await drift(group, odd)
    # Only the leader and the odd one have the newest entry.
    group.isolate(other.node_id)
    assert isinstance(await group.outcome(leader.propose(encode(Put(b"k")))), PutResult)
    leader.kill()
    group.heal()
    await group.until(lambda: odd.is_leader, 60)
    await group.until(lambda: other.is_leader, 60)
    await healed(group, odd)
