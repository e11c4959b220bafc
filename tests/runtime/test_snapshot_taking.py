"""Snapshots are taken beside the work, and a member starts from its newest."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from raftwerk.core.records import Change, ChangeKind
from raftwerk.errors import DiskFull, StorageError
from raftwerk.runtime.manifest import Manifest, hash_of
from raftwerk.types import LogIndex, NodeId

from .group import Group, Process, member_of, story
from .machines import ListMachine
from .snapshotting import EVERY, Trouble, driver_of, names, until_snapshot, write


@story
async def test_a_snapshot_is_taken_every_so_many_entries_and_the_log_compacted() -> (
    None
):
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=5).start()
    await write(group, 100)
    await group.until_equal()
    for process in group:
        await until_snapshot(group, process, 80)
        snapshot = process.log.snapshot()
        assert process.status.first_index == snapshot.index - 5 + 1
        chunks = Manifest.decode(snapshot.data).chunks
        stored = list(process.snapshots.read_chunks(snapshot.index, snapshot.term))
        assert tuple(map(hash_of, stored)) == chunks


@story
async def test_a_large_state_is_not_written_again_before_the_log_has_grown_by_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raftwerk.runtime.snapshot_taking._SMALL_BYTES", 1_000)
    monkeypatch.setattr("raftwerk.runtime.snapshot_taking._ENTRY_BYTES", 0)
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    taken: list[int] = []
    await write(group, EVERY, b"x" * 100)
    await until_snapshot(group, group.leader, EVERY)
    for _ in range(40):
        await write(group, 10, b"x" * 100)
        await group.until_equal()
        index = group.leader.log.snapshot().index
        if index not in taken:
            taken.append(index)
    # Each time the state has doubled, about: nothing in it is ever overwritten.
    assert 3 <= len(taken) <= 6
    for earlier, later in zip(taken[1:], taken[2:]):
        assert 1.7 < later / earlier < 2.5


@story
async def test_writes_go_on_while_a_slow_snapshot_is_taken() -> None:
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    for process in group:
        process.latency = lambda worker: 5.0 if worker == "take" else 0.001
    await write(group, 30)
    begin = group.loop.time()
    await write(group, 100)
    assert group.loop.time() - begin < 1.0
    assert group.leader.log.snapshot().index == 1
    await until_snapshot(group, group.leader, EVERY)
    # It holds the state of the moment when it was begun, not what came later.
    snapshot = group.leader.log.snapshot()
    copy = ListMachine()
    copy.restore(group.leader.snapshots.read_chunks(snapshot.index, snapshot.term))
    count = len(copy.commands)
    assert count < 40
    assert copy.commands == group.leader.machine.commands[:count]


@story
async def test_a_snapshot_can_be_asked_for_and_only_one_is_taken_at_a_time() -> None:
    group = await Group(voters=1).start()
    process = group[1]
    process.latency = lambda worker: 0.1
    await process.propose(b"x")
    assert process.process.call(process.node.take_snapshot)
    assert not process.process.call(process.node.take_snapshot)
    await until_snapshot(group, process, 2)
    assert not process.process.call(process.node.take_snapshot), "nothing is new"


@story
async def test_older_snapshots_go_only_when_the_logs_record_is_synced() -> None:
    group = await Group(voters=1, snapshot_entries=EVERY).start()
    process = group[1]
    await write(group, 45)
    await until_snapshot(group, process, 40)
    await group.sleep(0.1)
    kept = names(process)
    pruned_at: list[float] = []
    prune = process.snapshots.prune

    def spy(snapshot_index: LogIndex) -> None:
        pruned_at.append(group.loop.time())
        assert process.log.unsynced == 0
        prune(snapshot_index)

    process.snapshots.prune = spy  # type: ignore[method-assign]  # to see when
    await write(group, 25)
    await group.until(lambda: len(pruned_at) == 1)
    assert names(process) != kept
    assert len(names(process)) == 1


@story
async def test_a_crash_before_the_record_is_synced_starts_from_the_older_snapshot() -> (
    None
):
    group = await Group(voters=1, snapshot_entries=EVERY).start()
    process = group[1]
    await write(group, 30)
    await until_snapshot(group, process, EVERY)
    await group.sleep(0.1)
    first = process.log.snapshot().index
    await write(group, 5)
    process.latency = lambda worker: 10.0 if worker == "disk" else 0.001
    assert process.process.call(process.node.take_snapshot)
    await group.until(lambda: process.log.snapshot().index > first)
    expected = list(process.machine.commands)
    process.kill()
    process.latency = group.latency
    assert process.log.snapshot().index == first
    await process.start()
    await group.until_led()
    await group.until(lambda: process.machine.commands == expected)


@story
async def test_a_restart_begins_with_the_snapshot_and_replays_what_follows() -> None:
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    await write(group, 50)
    await group.until_equal()
    await group.sleep(0.1)
    expected = list(group.leader.machine.commands)
    for process in list(group):
        process.kill()
    for process in list(group):
        await process.start()
        assert process.machine.restored == 1
        assert len(process.machine.commands) >= EVERY
    await group.until_led()
    await group.until_equal()
    for process in group:
        assert process.machine.commands == expected


@story
async def test_members_and_configuration_are_in_the_snapshot() -> None:
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    four = group.add(4)
    change = Change(ChangeKind.ADD_LEARNER, NodeId(4))
    await group.leader.change(change, members=[member_of(4)])
    removed = group.followers[0]
    await group.leader.change(Change(ChangeKind.REMOVE, removed.node_id))
    await write(group, 60)
    process = group.followers[-1]
    await until_snapshot(group, process, 40)
    await group.sleep(0.1)
    process.kill()
    await process.start()
    status = process.node.status()
    assert NodeId(4) in status.conf_state.learners
    assert removed.node_id not in status.conf_state.voters
    assert four.node_id in [m.node_id for m in process.node.members]
    assert removed.node_id in process.node.removed


class Endless(ListMachine):
    """Has a snapshot that takes for ever, chunk by chunk."""

    def snapshot(self) -> Iterable[bytes]:
        yield b"\x90"
        self.stop()
        while True:
            yield b"\x90"

    stop: Callable[[], None]


@story
async def test_a_stop_does_not_wait_for_a_snapshot_to_be_finished() -> None:
    group = Group(voters=1)
    machine = Endless()
    await group[1].start(machine)
    await group.until_led()
    await group[1].propose(b"x")
    # pylint: disable-next=protected-access  # a stop, in the midst of taking
    taker = driver_of(group[1]).snapshots._taker
    machine.stop = taker.stop
    assert group[1].process.call(group[1].node.take_snapshot)
    await group[1].stop()
    assert not names(group[1])


# ---- disks -------------------------------------------------------------------


@story
async def test_a_full_disk_delays_a_snapshot_and_stops_nobody() -> None:
    group = Group(voters=1, snapshot_entries=EVERY)
    group[1].snapshots = trouble = Trouble()
    await group.start()
    trouble.error = DiskFull("no room")
    await write(group, 100)
    assert group[1].log.snapshot().index == 1
    trouble.error = None
    await write(group, 50)
    await until_snapshot(group, group[1], 100)


@story
async def test_a_disk_that_fails_under_a_snapshot_stops_the_member() -> None:
    group = Group(voters=1, snapshot_entries=EVERY)
    group[1].snapshots = trouble = Trouble()
    await group.start()
    trouble.error = StorageError("the disk failed")
    asked = [group[1].propose(b"%d" % number) for number in range(50)]
    error = await group.outcome(group[1].process.start(group[1].node.wait_ended()))
    assert "the disk failed" in str(error)
    for task in asked:
        await group.outcome(task)


# ---- in steps ----------------------------------------------------------------


class SteppedMachine(ListMachine):
    """One that says how its chunks are made, and who made them."""

    is_quick = True

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[bytes] = []

    def snapshot_in_steps(self) -> Iterable[bytes]:
        """Return what `snapshot` does, with pauses."""
        for chunk in self.snapshot():
            for piece in (b"", chunk, b""):
                self.drawn.append(piece)
                yield piece


async def stepped(**settings: Any) -> tuple[Process, SteppedMachine]:
    """Return a group of one with such a machine."""
    group, machine = Group(voters=1, **settings), SteppedMachine()
    await group[1].start(machine)
    await group.until_led()
    return group[1], machine


@story
async def test_a_machine_that_offers_it_is_drawn_in_steps_and_pauses_are_left_out() -> (
    None
):
    process, machine = await stepped(snapshot_entries=EVERY)
    await write(process.group, 50)
    await until_snapshot(process.group, process, EVERY)
    snapshot = process.log.snapshot()
    stored = list(process.snapshots.read_chunks(snapshot.index, snapshot.term))
    assert b"" in machine.drawn
    assert stored and b"" not in stored
    assert tuple(map(hash_of, stored)) == Manifest.decode(snapshot.data).chunks
    copy = ListMachine()
    copy.restore(stored)
    assert copy.commands == machine.commands[: len(copy.commands)]


@story
async def test_a_member_that_stops_amid_a_snapshot_in_steps_leaves_nothing_of_it() -> (
    None
):
    aborted: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        # Each chunk has a turn of its own, and each turn takes a second.
        patch.setattr("raftwerk.runtime.snapshot_writing.DRAWN_BYTES", 1)
        patch.setattr(
            "raftwerk.storage.memory_snapshots._Sink.abort",
            lambda _: aborted.append(True),
        )
        process, machine = await stepped(
            latency=lambda worker: 1.0 if worker == "take" else 0.001
        )
        await write(process.group, 50)
        before = names(process)
        assert process.process.call(process.node.take_snapshot)
        await process.group.sleep(3.5)
        drawn = len(machine.drawn)
        await process.process.start(process.node.stop())
        process.is_up = False
        assert aborted == [True]
        assert names(process) == before
        await process.group.sleep(5.0)
        assert 0 < len(machine.drawn) == drawn, "nobody draws for a stopped member"
