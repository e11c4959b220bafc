"""A member that lags fetches a snapshot chunk by chunk, whatever breaks meanwhile."""

from collections.abc import Iterable
from typing import Any

import pytest

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.records import Change, ChangeKind
from raftwerk.errors import DiskFull, OutcomeUnknown, UnknownFormat
from raftwerk.runtime.manifest import Manifest
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk
from raftwerk.transport.conditions import Conditions
from raftwerk.types import LogIndex, NodeId, Term

from .group import Group, Process, member_of, story
from .machines import ListMachine
from .snapshotting import (
    EVERY,
    Trouble,
    driver_of,
    lag,
    lagging,
    names,
    until_caught_up,
    until_snapshot,
    write,
)


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
