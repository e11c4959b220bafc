"""Snapshots of whole nodes: taken beside the work, fetched part by part."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.records import Change, ChangeKind
from raftwerk.errors import DiskFull, OutcomeUnknown, StorageError, UnknownFormat
from raftwerk.runtime.driver import Driver
from raftwerk.runtime.manifest import Manifest, hash_of
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk
from raftwerk.transport.conditions import Conditions
from raftwerk.types import LogIndex, NodeId, Term

from .group import Group, Process, member_of, story
from .machines import ListMachine

EVERY = 20


async def write(group: Group, count: int, prefix: bytes = b"") -> None:
    """Have so many commands applied, some at a time."""
    leader = group.leader
    for begin in range(0, count, 10):
        numbers = range(begin, min(begin + 10, count))
        await asyncio.gather(*[leader.propose(prefix + b"%d" % n) for n in numbers])


def names(process: Process) -> list[int]:
    """Return the indexes of the snapshots that a member keeps."""
    # pylint: disable-next=protected-access  # to look at; nothing else needs all
    finished = process.snapshots._finished
    return sorted(index for index, _ in finished)


async def until_snapshot(group: Group, process: Process, index: int) -> None:
    """Wait until a member's log names a snapshot at least at an index."""
    await group.until(lambda: process.log.snapshot().index >= index)


def lag(group: Group) -> Process:
    """Take one follower off the network."""
    follower = group.followers[0]
    group.isolate(follower.node_id)
    return follower


async def until_caught_up(
    group: Group, process: Process, seconds: float = 30.0
) -> None:
    """Wait until a member has all that the leader has applied."""
    await group.until(
        lambda: process.machine.commands == group.leader.machine.commands, seconds
    )


async def lagging(**settings: Any) -> tuple[Group, Process]:
    """Return a group whose leader has compacted what one follower lacks."""
    settings = {"snapshot_entries": EVERY, "snapshot_keep_entries": 0} | settings
    group = await Group(**settings).start()
    follower = lag(group)
    await write(group, 50)
    await until_snapshot(group, group.leader, EVERY)
    return group, follower


def driver_of(process: Process) -> Driver:
    """Return what the node drives."""
    return process.node._driver()  # pylint: disable=protected-access  # to look into it


# ---- taken -------------------------------------------------------------------


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


# ---- fetched -----------------------------------------------------------------


@story
async def test_a_follower_that_lags_fetches_a_snapshot_and_goes_on_from_it() -> None:
    group, follower = await lagging()
    group.heal()
    await until_caught_up(group, follower)
    assert follower.machine.restored == 1
    assert follower.sent(FetchChunk)
    await group.leader.propose(b"after")
    await until_caught_up(group, follower)
    follower.kill()
    await follower.start()
    await until_caught_up(group, follower)


@story
async def test_a_follower_that_lags_a_little_needs_no_snapshot() -> None:
    group, follower = await lagging(snapshot_keep_entries=100)
    group.heal()
    await until_caught_up(group, follower)
    assert follower.machine.restored == 0


@story
async def test_a_blank_member_is_sent_everything() -> None:
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    await write(group, 50)
    four = group.add(4)
    await four.start()
    change = Change(ChangeKind.ADD_LEARNER, NodeId(4))
    await group.leader.change(change, members=[member_of(4)])
    await until_caught_up(group, four)
    assert [m.node_id for m in four.node.members] == [1, 2, 3, 4]


@story
async def test_a_blank_member_of_a_young_group_gets_its_beginning_and_its_log() -> None:
    group = await Group().start()
    await write(group, 5)
    four = group.add(4)
    await four.start()
    change = Change(ChangeKind.ADD_LEARNER, NodeId(4))
    await group.leader.change(change, members=[member_of(4)])
    await until_caught_up(group, four)
    assert four.machine.restored == 0


class Empty(ListMachine):
    """Has a snapshot of no chunks at all."""

    def snapshot(self) -> Iterable[bytes]:
        return []


@story
async def test_a_state_of_no_chunks_is_a_state_too() -> None:
    group = Group(snapshot_entries=EVERY, snapshot_keep_entries=0)
    for process in group:
        await process.start(Empty())
    await group.until_led()
    follower = lag(group)
    await write(group, 50)
    await until_snapshot(group, group.leader, EVERY)
    group.heal()
    await group.until(
        lambda: follower.status.applied_index == group.leader.status.applied_index
    )
    follower.kill()
    await follower.start(Empty())
    await group.until_led()
    assert follower.machine.restored == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_transfer_survives_the_loss_of_chunks(seed: int) -> None:
    @story
    async def body() -> None:
        group, follower = await lagging(seed=seed)
        group.heal()
        loss = Conditions(drop_rate=0.2)
        group.network.set_conditions(loss, follower.node_id, group.leader.node_id)
        group.network.set_conditions(loss, group.leader.node_id, follower.node_id)
        await until_caught_up(group, follower, 60.0)

    body()


async def until_half_way(group: Group, follower: Process) -> None:
    """Wait until a part of the chunks is there."""
    await group.until(lambda: len(follower.sent(FetchChunk)) >= 4)


async def half_way(**settings: Any) -> tuple[Group, Process]:
    """Return a group in which a follower has fetched a part of a snapshot."""
    group, follower = await lagging(**settings)
    await write(group, 50)
    await until_snapshot(group, group.leader, 2 * EVERY)
    group.heal()
    await until_half_way(group, follower)
    assert follower.machine.restored == 0
    return group, follower


@story
async def test_a_transfer_survives_the_end_of_the_leader_at_half_way() -> None:
    group, follower = await half_way()
    dead = group.leader
    dead.kill()
    await group.until_led()
    await until_caught_up(group, follower)
    assert len(follower.machine.commands) == 100


@story
async def test_a_transfer_survives_a_cut_at_half_way() -> None:
    group, follower = await half_way()
    group.isolate(follower.node_id)
    await group.sleep(3.0)
    asked = len(follower.sent(FetchChunk))
    group.heal()
    await until_caught_up(group, follower)
    # It went on where it was.
    chunks = Manifest.decode(follower.log.snapshot().data).chunks
    assert chunks is not None
    numbers = [m.number for m in follower.sent(FetchChunk) if isinstance(m, FetchChunk)]
    assert min(numbers[asked:]) > 1


@story
async def test_a_transfer_begins_anew_when_the_follower_is_restarted_at_half_way() -> (
    None
):
    group, follower = await half_way()
    follower.kill()
    await follower.start()
    await until_caught_up(group, follower)
    assert follower.machine.restored == 1


@story
async def test_a_snapshot_that_is_gone_is_followed_by_the_newest() -> None:
    group, follower = await half_way()
    leader = group.leader
    # As if somebody had cleaned up.
    finished = leader.snapshots._finished  # pylint: disable=protected-access
    for chunks in finished.values():
        chunks.clear()
    finished.clear()
    await group.until(lambda: bool(leader.sent(ChunkUnavailable)))
    begin = group.loop.time()
    await leader.propose(b"more")
    await until_caught_up(group, follower)
    assert group.loop.time() - begin < 1.0, "nobody's patience had to end first"


@story
async def test_a_snapshot_that_is_being_fetched_is_not_pruned() -> None:
    group, follower = await half_way()
    follower.latency = lambda worker: 0.05
    for _ in range(10):
        await write(group, EVERY)
        await group.sleep(0.01)
    fetched = follower.sent(FetchChunk)[-1]
    assert isinstance(fetched, FetchChunk)
    assert follower.machine.restored == 0
    assert fetched.snapshot_index in names(group.leader)
    assert len(names(group.leader)) > 1
    await until_caught_up(group, follower)
    # But not kept for ever.
    await group.sleep(5.0)
    await write(group, 2 * EVERY)
    await group.sleep(0.1)
    assert len(names(group.leader)) == 1


@story
async def test_a_connection_that_is_lost_for_a_moment_costs_no_chunk_twice() -> None:
    group, follower = await half_way()
    leader = group.leader
    follower.latency = lambda worker: 0.02
    await write(group, EVERY)
    await group.sleep(0.05)
    newest = leader.log.snapshot().index
    # Another one is there, and the peer could not be reached.
    driver = driver_of(leader)
    leader.process.call(driver.on_unreachable, follower.node_id)
    await group.until(lambda: follower.machine.restored == 1)
    asked = [
        (m.snapshot_index, m.number)
        for m in follower.sent(FetchChunk)
        if isinstance(m, FetchChunk)
    ]
    assert newest not in {index for index, _ in asked}
    assert len(asked) == len(set(asked))


@story
async def test_an_offer_that_is_lost_is_made_again() -> None:
    group, follower = await lagging()
    leader = group.leader
    lost: list[Message] = []
    send = leader.transport.inner.send

    def drop_first(messages: Any) -> None:
        offers = [m for m in messages if isinstance(m, InstallSnapshot)]
        if offers and not lost:
            lost.extend(offers)
            messages = [m for m in messages if m not in offers]
        send(messages)

    # The transport loses it and tells nobody, ever.
    leader.transport.inner.send = drop_first  # type: ignore[method-assign]
    group.heal()
    await until_caught_up(group, follower)
    assert lost


@story
async def test_a_report_that_is_lost_pauses_nobody_for_ever() -> None:
    group, follower = await half_way()
    # It forgets, and its leader is told of nothing.
    # pylint: disable-next=protected-access  # it never does so by itself
    driver_of(follower).snapshots._fetcher._drop()
    begin = group.loop.time()
    await until_caught_up(group, follower)
    assert group.loop.time() - begin < 5.0


@story
async def test_a_snapshot_that_is_not_needed_any_more_is_not_fetched_to_the_end() -> (
    None
):
    group, follower = await lagging(snapshot_keep_entries=1000)
    leader = group.leader
    snapshot = leader.log.snapshot()
    offer = InstallSnapshot(
        sender=leader.node_id,
        receiver=follower.node_id,
        term=leader.status.term,
        snapshot=snapshot,
    )
    group.network.set_conditions(
        Conditions(drop_rate=1.0), follower.node_id, leader.node_id
    )
    group.heal()
    driver = driver_of(follower)
    follower.process.call(driver.on_messages, [offer])
    await group.sleep(0.01)
    group.network.set_conditions(Conditions(), follower.node_id, leader.node_id)
    await until_caught_up(group, follower)
    await group.sleep(5.0)
    assert len(follower.sent(FetchChunk)) == 1, "when it was offered, and no more"
    assert follower.machine.restored == 0


@story
async def test_a_snapshot_of_a_newer_version_stops_the_member_in_words() -> None:
    group = await Group().start()
    follower = group.followers[0]
    snapshot = group.leader.log.snapshot()
    newer = type(snapshot)(
        LogIndex(99), Term(2), snapshot.conf_state, b"\x81\xa6format\x02"
    )
    offer = InstallSnapshot(
        sender=group.leader.node_id,
        receiver=follower.node_id,
        term=group.leader.status.term,
        snapshot=newer,
    )
    driver = driver_of(follower)
    follower.process.call(driver.on_messages, [offer])
    error = await group.outcome(follower.process.start(follower.node.wait_ended()))
    assert isinstance(error, UnknownFormat)
    assert "format 2" in str(error)


@story
async def test_reads_wait_for_a_snapshot_that_is_being_restored() -> None:
    group, follower = await lagging()
    follower.latency = lambda worker: 1.0 if worker == "machine" else 0.001
    group.heal()
    await group.until(lambda: follower.log.snapshot().index > 1)
    begin = group.loop.time()
    assert follower.status.applied_index < EVERY
    await follower.read()
    assert group.loop.time() - begin > 0.9
    assert follower.machine.commands == group.leader.machine.commands


@story
async def test_proposals_that_a_snapshot_swallowed_are_unknown() -> None:
    group = await Group(snapshot_entries=EVERY, snapshot_keep_entries=0).start()
    follower = group.followers[0]
    leader = group.leader
    # What it hands on arrives; what comes back does not.
    for other in group:
        group.network.cut(other.node_id, follower.node_id)
    asked = follower.propose(b"asked")
    await group.until(lambda: b"asked" in leader.machine.commands)
    await write(group, 50)
    await until_snapshot(group, leader, EVERY)
    group.heal()
    assert isinstance(await group.outcome(asked), OutcomeUnknown)
    await group.until(lambda: b"asked" in follower.machine.commands)


@story
async def test_a_stop_while_a_snapshot_is_restored_waits_for_the_machine() -> None:
    group, follower = await lagging()
    follower.latency = lambda worker: 1.0 if worker == "machine" else 0.001
    group.heal()
    await group.until(lambda: follower.log.snapshot().index > 1)
    await group.sleep(0.1)
    begin = group.loop.time()
    await follower.stop()
    assert group.loop.time() - begin > 0.5
    restored = follower.machine.restored
    await group.sleep(5.0)
    assert follower.machine.restored == restored == 1


# ---- disks ---------------------------------------------------------------------


class Trouble(MemorySnapshots):
    """Snapshots on a disk that raises."""

    error: StorageError | None = None

    def begin(self, index: LogIndex, term: Term) -> Any:
        if self.error is not None:
            raise self.error
        return super().begin(index, term)


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


@story
async def test_a_full_disk_delays_a_transfer_and_stops_nobody() -> None:
    group = Group(snapshot_entries=EVERY, snapshot_keep_entries=0)
    for process in group:
        process.snapshots = Trouble()
    await group.start()
    follower = lag(group)
    trouble = follower.snapshots
    assert isinstance(trouble, Trouble)
    await write(group, 50)
    await until_snapshot(group, group.leader, EVERY)
    trouble.error = DiskFull("no room")
    group.heal()
    await group.sleep(10.0)
    assert follower.machine.restored == 0
    trouble.error = None
    await until_caught_up(group, follower)


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
