"""Whole nodes with logs on disks that fill up: they say so, go on, and recover."""

from typing import Any

from raftwerk.core.events import BecamePreCandidate, TransferStarted
from raftwerk.core.messages import AppendEntries
from raftwerk.errors import NoRoom
from raftwerk.runtime import bootstrap_snapshot
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.wal import Wal

from .group import CLUSTER, Group, Process, story

SEGMENT_BYTES = 32_000
VALUE = b"x" * 500


class DiskGroup(Group):
    """Some members, each with a log on a disk of its own."""

    def __init__(self, voters: int = 3, **settings: Any) -> None:
        super().__init__(voters, **settings)
        self.disks = {process.node_id: MemoryDisk() for process in self}
        snapshot = bootstrap_snapshot(self.first)
        for process in self:
            identity = DirectoryIdentity(CLUSTER, process.node_id, process.directory_id)
            # The group's own type is a log that is spied on, which no test here does.
            process.log = Wal.create(  # type: ignore[assignment]
                self.disks[process.node_id],
                "/data",
                identity,
                snapshot,
                segment_bytes=SEGMENT_BYTES,
            )

    def fill(self, process: Process, room_bytes: int = 0) -> None:
        """Let others have all of a disk, but for this much."""
        disk = self.disks[process.node_id]
        disk.capacity_bytes = disk.used_bytes + room_bytes

    def free(self, process: Process) -> None:
        """Make room again."""
        self.disks[process.node_id].capacity_bytes = None

    async def write(self, process: Process, count: int) -> list[Any]:
        """Write one after the other, and return what came of each."""
        return [await self.outcome(process.propose(VALUE)) for _ in range(count)]

    async def until_refused(self, process: Process) -> NoRoom:
        """Write until there is no room, for a bounded time."""
        for _ in range(500):
            (outcome,) = await self.write(process, 1)
            if isinstance(outcome, NoRoom):
                return outcome
            await self.sleep(0.01)
        raise AssertionError("all was written")

    async def until_written(self, process: Process) -> None:
        """Write until it works, for a bounded time."""
        for _ in range(100):
            (outcome,) = await self.write(process, 1)
            if isinstance(outcome, int):
                return
            await self.sleep(0.1)
        raise AssertionError(f"nothing was written: {outcome}")


@story
async def test_alone_on_a_full_disk_it_refuses_writes_and_serves_reads() -> None:
    group = await DiskGroup(1).start()
    node = group[1]
    lines: list[str] = []
    node.node.report = lambda *told, **_: lines.append(str(told[1]))
    await node.stop()
    restarted = await reopen(group, node, lines)
    group.fill(restarted)
    refusal = await group.until_refused(restarted)
    assert "no space left in /data, " in str(refusal)
    assert str(refusal).endswith(" bytes needed")
    assert restarted.is_leader
    for _ in range(20):
        index = await group.outcome(restarted.read())
        assert isinstance(index, int), index
    await group.sleep(30.0)
    group.free(restarted)
    await group.until_written(restarted)
    assert lines == [
        "the disk is full: writes are refused",
        "there is room on the disk again",
    ], "the retries of half a minute are no lines"


async def reopen(group: DiskGroup, process: Process, lines: list[str]) -> Process:
    """Start a member again on its disk, and keep what it tells."""
    # As in `start`: no test here spies on it.
    process.log = Wal.open(  # type: ignore[assignment]
        group.disks[process.node_id], "/data", segment_bytes=SEGMENT_BYTES
    )
    process.make()
    process.node.report = lambda *told, **_: lines.append(str(told[1]))
    process.is_up = True
    await process.process.start(process.node.start())
    await group.until_led([process.node_id])
    return process


@story
async def test_a_leader_on_a_full_disk_hands_over_and_the_others_write() -> None:
    group = await DiskGroup().start()
    old, writer = group.leader, group.followers[0]
    await group.write(writer, 20)
    await group.sleep(1.0)
    group.fill(old)
    written = 0
    while old.is_leader:
        written += sum(isinstance(o, int) for o in await group.write(writer, 1))
        assert written < 500, "it leads on"
        await group.sleep(0.01)
    assert len(old.saw(TransferStarted)) == 1
    await group.until_led()
    assert all(isinstance(o, int) for o in await group.write(writer, 100))
    refused = await group.outcome(old.propose(VALUE))
    assert isinstance(refused, NoRoom)
    assert f"member {old.node_id:x} has no space left in /data" in str(refused)
    group.free(old)
    await group.until_equal()
    await group.until_written(old)


@story
async def test_with_all_disks_full_all_refuse_and_votes_are_still_stored() -> None:
    group = await DiskGroup().start()
    await group.write(group.leader, 20)
    for process in group:
        group.fill(process)
    await group.until_refused(group.leader)
    await group.sleep(5.0)
    for process in group:
        assert isinstance(await group.outcome(process.propose(VALUE)), NoRoom)
    for _ in range(30):
        leader = await group.until_led()
        for process in group:
            assert isinstance(await group.outcome(process.read()), int)
        heard = [p for p in group if p is not leader]
        group.isolate(leader.node_id)
        await group.until_led([process.node_id for process in heard])
        group.heal()
        await group.until_led()
    for process in group:
        assert group.disks[process.node_id].capacity_bytes is not None
        group.free(process)
    await group.until_written(group.followers[0])
    await group.until_equal()


@story
async def test_a_follower_that_hears_of_a_full_leader_refuses_at_once() -> None:
    group = await DiskGroup(2).start()
    leader, follower = group.leader, group.followers[0]
    group.fill(leader)
    group.fill(follower)
    await group.until_refused(leader)
    group.free(follower)
    await group.sleep(3.0)  # It has room by now; the leader needs it and lacks some.
    begin = group.loop.time()
    outcomes = [await group.outcome(p.propose(VALUE)) for p in (leader, follower)]
    assert group.loop.time() - begin < 1.0
    # A hand-over may come first: then the one with room leads, and takes it not.
    assert any(isinstance(outcome, NoRoom) for outcome in outcomes), outcomes


@story
async def test_a_full_follower_takes_no_entries_and_disturbs_nobody() -> None:
    group = await DiskGroup().start()
    leader = group.leader
    full, other = group.followers
    group.fill(full)
    await group.write(leader, 150)
    term, log = leader.status.term, full.status.last_log_index
    await group.write(leader, 50)
    assert full.status.last_log_index == log
    assert leader.status.last_log_index >= log + 50
    assert other.status.last_log_index >= log + 50
    await group.sleep(20.0)
    assert leader.is_leader and leader.status.term == term
    assert len(full.saw(BecamePreCandidate)) <= 1
    beats = 20.0 / 0.05
    kept = [m for m in leader.sent(AppendEntries) if m.receiver == full.node_id]
    assert len(kept) < 200 + 3 * beats, "it is asked again now and then, no more"
    group.free(full)
    await group.until_equal()


@story
async def test_a_read_that_a_full_disk_keeps_from_being_served_is_refused_at_once() -> (
    None
):
    group = await DiskGroup().start()
    full = group.followers[0]
    group.fill(full)
    assert isinstance(await group.outcome(full.read()), int), "nothing was written yet"
    await group.write(group.leader, 150)
    begin = group.loop.time()
    refusal = await group.outcome(full.read())
    assert isinstance(refusal, NoRoom)
    assert "can't follow the others" in str(refusal)
    assert group.loop.time() - begin < 1.0
    group.free(full)
    await group.until_equal()
    assert isinstance(await group.outcome(full.read()), int)
