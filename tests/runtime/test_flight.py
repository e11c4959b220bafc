"""Whole nodes with flight recorders: what is kept, and that nothing depends on it."""

from collections.abc import Callable, Sequence

import pytest

from raftwerk.core.inputs import Input
from raftwerk.core.messages import Heartbeat, Message
from raftwerk.core.replica import Replica
from raftwerk.errors import InvariantViolation
from raftwerk.runtime import flight as flight_module
from raftwerk.runtime.disk_guard import report_nothing
from raftwerk.runtime.flight import FlightPlan, FlightRecorder
from raftwerk.runtime.flight_form import Ended, Flight
from raftwerk.runtime.flight_replay import FlightReplay, Moment
from raftwerk.runtime.flight_replica import RecordedReplica
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.types import LogIndex, NodeId

from .flights import flights_on
from .group import Group, Process, story

PLAN = FlightPlan(directory="/flight", files_max=3, file_bytes=6_000)
Report = Callable[..., None]


class Recorded:
    """A group of which the first member is recorded."""

    def __init__(self, disk: MemoryDisk | None = None, plan: FlightPlan = PLAN) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        self.plan = plan
        self.said: list[str] = []
        self.group = Group()
        self.group.recorder = self.recorder

    def recorder(self, process: Process) -> FlightRecorder:
        """Return a recorder; those of the others write to disks of their own."""
        is_first = process.node_id == 1
        return FlightRecorder(
            self.plan,
            process.host,
            self.disk if is_first else MemoryDisk(),
            heartbeat_millis=50,
            report=self.report if is_first else report_nothing,
        )

    def report(self, level: int, event: str, /, **fields: object) -> None:
        """Keep what the recorder says."""
        del level
        self.said.append(f"{event}: {fields}")

    async def work(self, count: int) -> None:
        """Have the group write."""
        for number in range(count):
            leader = await self.group.until_led()
            await leader.propose(b"command %d" % number)
            await self.group.sleep(0.02)

    @property
    def files(self) -> list[str]:
        """What is kept."""
        return self.disk.list_directory(self.plan.directory)

    def flights(self) -> list[Flight]:
        """Read what is kept."""
        return flights_on(self.disk, self.plan.directory)


def replayed(flight: Flight) -> list[Moment]:
    """Replay a whole file."""
    replay = FlightReplay(flight)
    moments = []
    while (moment := replay.next()) is not None:
        moments.append(moment)
    return moments


def assert_sound(flights: Sequence[Flight]) -> None:
    """Demand that files replay as they were recorded."""
    assert flights
    for flight in flights:
        moments = replayed(flight)
        assert moments, flight.path
        found = [m for m in moments if m.divergence or m.broken]
        assert not found, (flight.path, found[0])


@story
async def test_the_newest_files_are_kept_and_each_replays() -> None:
    recorded = Recorded()
    await recorded.group.start()
    await recorded.work(100)
    assert len(recorded.files) == PLAN.files_max
    await recorded.group[1].stop()
    flights = recorded.flights()
    assert_sound(flights)
    numbers = [flight.beginning.sequence for flight in flights]
    assert numbers == list(range(numbers[-1] - 2, numbers[-1] + 1))
    assert numbers[0] > 1, "older ones went"
    ends = [flight.records[-1] for flight in flights]
    assert isinstance(ends[-1], Ended)
    # Nothing is missing between two files, and none is much larger than it should be.
    for before, after in zip(flights, flights[1:], strict=False):
        assert before.beginning.step + len(before.records) == after.beginning.step
    assert all(f.beginning.node_id == 1 for f in flights)
    assert not recorded.said


@pytest.mark.parametrize("key", [None, b"key"])
@story
async def test_payloads_are_in_the_files_or_only_their_shapes(
    key: bytes | None,
) -> None:
    plan = FlightPlan(directory="/flight", shape_key=key)
    recorded = Recorded(plan=plan)
    await recorded.group.start()
    await recorded.work(10)
    await recorded.group[1].stop()
    assert_sound(recorded.flights())
    whole = b"".join(
        recorded.disk.read_file(f"/flight/{name}") for name in recorded.files
    )
    for secret in (b"command 3", b"http://node1:2379"):
        assert (secret in whole) == (key is None), secret


@story
async def test_a_kill_leaves_what_was_told_until_shortly_before() -> None:
    recorded = Recorded()
    await recorded.group.start()
    await recorded.work(10)
    recorded.group[1].kill()
    flights = recorded.flights()
    assert_sound(flights)
    count = sum(len(flight.records) for flight in flights)
    await recorded.group[1].start()
    await recorded.work(3)
    await recorded.group[1].stop()
    again = recorded.flights()
    assert_sound(again)
    assert again[-1].beginning.sequence == flights[-1].beginning.sequence + 1
    assert count > 50


@story
async def test_a_broken_invariant_leaves_a_file_that_breaks_it_again() -> None:
    recorded = Recorded()
    group = recorded.group
    await group.start()
    await recorded.work(3)
    await recorded.group[1].stop()
    # A leader that claims more of this member than it ever promised.
    await group[1].start()
    leader = await group.until_led()
    if leader.node_id == 1:
        await group[1].stop()
        leader = await group.until_led()
        await group[1].start()
    lie = Heartbeat(
        sender=leader.node_id,
        receiver=NodeId(1),
        term=leader.status.term,
        commit_index=LogIndex(9_999),
    )
    await group.until(lambda: group[1].status.leader == leader.node_id)
    leader.process.call(leader.transport.send, [lie])
    with pytest.raises(InvariantViolation):
        await group[1].process.start(group[1].node.wait_ended())
    await group[1].stop()
    assert [name for name in recorded.files if "failed" in name]
    assert len(recorded.said) == 1
    (last,) = [each for each in recorded.flights() if "failed" in each.path]
    assert f"/flight/{last.path}" in recorded.said[0], "people are told which"
    *before, broken, end = replayed(last)
    assert not any(moment.broken or moment.divergence for moment in before)
    assert "stores entry 9999" in broken.broken
    assert isinstance(end.record, Ended)
    assert "stores entry 9999" in end.record.reason


class Sick(RecordedReplica):
    """A core with a mistake that its inputs do not explain."""

    def step(self, event: Input | Message) -> None:
        if self.state.log.applied_index > 6:
            self.state.log.applied_index = LogIndex(9_999)
        super().step(event)


@story
async def test_a_mistake_that_no_input_explains_shows_as_divergence() -> None:
    recorded = Recorded()

    class SickRecorder(FlightRecorder):
        """Records a sick core."""

        def replica(self, config, log, draw) -> Replica:  # type: ignore[no-untyped-def]  # its own
            return Sick(config, log, self._drawing(draw), self)

    def recorder(process: Process) -> FlightRecorder:
        kind = SickRecorder if process.node_id == 1 else FlightRecorder
        disk = recorded.disk if process.node_id == 1 else MemoryDisk()
        return kind(PLAN, process.host, disk, report=recorded.report)

    recorded.group.recorder = recorder
    for process in recorded.group:
        await process.start()
    ended = recorded.group[1].process.start(recorded.group[1].node.wait_ended())
    for number in range(20):
        if ended.done():
            break
        leaders = [p for p in recorded.group if p.node_id != 1 and p.is_leader]
        if leaders:
            leaders[0].propose(b"%d" % number)
        await recorded.group.sleep(0.5)
    with pytest.raises(InvariantViolation):
        await ended
    await recorded.group[1].stop()
    (last,) = [each for each in recorded.flights() if "failed" in each.path]
    moments = replayed(last)
    divergence = next(moment for moment in moments if moment.divergence)
    assert divergence.record.outcome == "InvariantViolation"
    assert "instead of InvariantViolation" in divergence.divergence


@story
async def test_a_full_disk_costs_a_file_and_nothing_else() -> None:
    disk = MemoryDisk(capacity_bytes=5_000)
    recorded = Recorded(disk)
    await recorded.group.start()
    await recorded.work(60)
    assert any("lost a file" in line for line in recorded.said)
    told = len(recorded.said)
    disk.capacity_bytes = None
    await recorded.group.sleep(flight_module.AGAIN_SECONDS + 1)
    await recorded.work(20)
    await recorded.group[1].stop()
    flights = recorded.flights()
    assert_sound(flights)
    assert flights[-1].beginning.step > 0, "it began anew, in the middle of a life"
    assert len(recorded.said) == told, "once there is room, there is nothing to say"


@story
async def test_a_slow_disk_costs_the_rest_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flight_module, "WAITING_RECORDS_MAX", 100)
    plan = FlightPlan(directory="/flight", files_max=99, file_bytes=6_000)
    recorded = Recorded(plan=plan)
    first = recorded.group[1]
    await recorded.group.start()
    await recorded.work(5)
    first.latency = lambda worker: 5.0 if worker == "flight" else 0.001
    await recorded.work(60)
    assert any("too slow" in line for line in recorded.said)
    first.latency = lambda worker: 0.001
    await recorded.group.sleep(20)
    await recorded.work(5)
    await first.stop()
    flights = recorded.flights()
    assert_sound(flights)
    gaps = [
        # The word that a file ends here counts as no record of the core.
        after.beginning.step - before.beginning.step - len(before.records) + 1
        for before, after in zip(flights, flights[1:], strict=False)
    ]
    assert max(gaps) > 1, "what was left out is known by the number of the next record"
