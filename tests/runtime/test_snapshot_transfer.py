"""A snapshot's way to a member that lags, over the deaths of those who send it."""

import asyncio
from typing import Any

import pytest

from raftwerk.kv import Put, Range, RangeResult, Store, Txn, encode
from raftwerk.runtime.manifest import Manifest
from raftwerk.transport.chunks import SnapshotChunk

from .group import Group, Process, story

VALUE_BYTES = 8_000

PER_TXN = 25

EVERYTHING = Range(b"\0", b"\0")

SETTINGS: dict[str, Any] = {
    "snapshot_entries": 1_000_000,  # they are taken when the story says so
    "snapshot_keep_entries": 0,
}


async def started() -> Group:
    """Return a group of stores that is led, each known to each."""
    group = Group(**SETTINGS)
    for process in group:
        await process.start(Store())
    await group.until_led()
    await group.until(
        lambda: all(all(m.has_started for m in p.node.members) for p in group)
    )
    return group


def store_of(process: Process) -> Store:
    """Return the store of a member."""
    machine: object = process.machine
    assert isinstance(machine, Store)
    return machine


def everything(process: Process) -> RangeResult:
    """Return all that a member has."""
    return store_of(process).range(EVERYTHING)


async def fill(process: Process, begin: int, end: int) -> None:
    """Write values that are all different, in no order of keys."""
    for start in range(begin, end, PER_TXN):
        puts = tuple(
            Put(
                b"key %08d" % (number * 7919 % 1_000_003),
                b"%04d %09d" % (process.status.applied_index, number) * 571,
            )
            for number in range(start, min(start + PER_TXN, end))
        )
        await process.propose(encode(Txn((), puts, ())))


async def fill_in_order(process: Process, count: int) -> None:
    """Write values in the order of keys, beside all others."""
    for start in range(0, count, PER_TXN):
        numbers = range(start, min(start + PER_TXN, count))
        puts = tuple(
            Put(b"later %08d" % number, b"%09d" % number * 889) for number in numbers
        )
        await process.propose(encode(Txn((), puts, ())))


async def snapshot_of(group: Group, process: Process) -> None:
    """Have a member take a snapshot now, and let its log go."""
    before = process.log.snapshot().index
    process.node.take_snapshot()
    await group.until(lambda: process.log.snapshot().index > before)


def bytes_sent(process: Process) -> int:
    """Return how many bytes of chunks a member has sent in this life."""
    return sum(
        len(chunk.data)
        for chunk in process.sent(SnapshotChunk)
        if isinstance(chunk, SnapshotChunk)
    )


def state_bytes(process: Process) -> int:
    """Return how large a member's snapshot is."""
    snapshot = process.log.snapshot()
    chunks = process.snapshots.read_chunks(snapshot.index, snapshot.term)
    return sum(map(len, chunks))


@pytest.mark.parametrize(
    "megabytes", [8, pytest.param(100, marks=pytest.mark.long)], ids=str
)
def test_another_leader_with_a_later_snapshot_sends_the_rest(megabytes: int) -> None:
    count = megabytes * 1_000_000 // VALUE_BYTES

    @story
    async def told() -> None:
        group = await started()
        first = group.leader
        lagging, second = group.followers
        group.isolate(lagging.node_id)
        await fill(first, 0, count)
        await snapshot_of(group, first)
        # What the other one has is later, and not only by an index: some keys all over
        # have changed, and many that lie together are new.
        await fill(first, 0, count // 200)
        await fill_in_order(first, count // 20)
        await group.until(
            lambda: second.status.applied_index == first.status.applied_index
        )
        await snapshot_of(group, second)
        assert second.log.snapshot().index > first.log.snapshot().index

        whole = state_bytes(first)
        group.heal()
        await group.until(lambda: bytes_sent(first) * 2 >= whole, 600.0)
        assert lagging.log.snapshot().index < first.log.snapshot().index
        first.kill()

        await group.until(
            lambda: lagging.log.snapshot().index == second.log.snapshot().index, 600.0
        )
        assert bytes_sent(second) < 0.6 * state_bytes(second)
        assert bytes_sent(second) > 0.3 * state_bytes(second)
        await fill(group.leader, 0, PER_TXN)
        await group.until(
            lambda: lagging.status.applied_index == second.status.applied_index
        )
        assert everything(lagging) == everything(second)
        # Nothing is kept of the way.
        await group.until(lambda: not lagging.snapshots.kept.names())

    told()


@story
async def test_a_member_asks_for_nothing_that_its_own_snapshot_has() -> None:
    group = await started()
    leader = group.leader
    lagging = group.followers[0]
    await fill(leader, 0, 500)
    await group.until(
        lambda: lagging.status.applied_index == leader.status.applied_index
    )
    await snapshot_of(group, lagging)
    group.isolate(lagging.node_id)
    await fill(leader, 500, 525)
    await snapshot_of(group, leader)
    group.heal()
    await group.until(
        lambda: lagging.log.snapshot().index == leader.log.snapshot().index
    )
    assert bytes_sent(leader) < 0.6 * state_bytes(leader)


@story
async def test_a_transfer_goes_on_after_a_restart() -> None:
    group = await started()
    leader, lagging = group.leader, group.followers[0]
    group.isolate(lagging.node_id)
    await fill(leader, 0, 500)
    await snapshot_of(group, leader)
    group.heal()
    whole = state_bytes(leader)
    await group.until(lambda: bytes_sent(leader) * 2 >= whole)
    lagging.kill()
    await lagging.start(Store())
    await group.until(
        lambda: lagging.status.applied_index == leader.status.applied_index
    )
    assert bytes_sent(leader) < 1.2 * whole
    assert everything(lagging) == everything(leader)


@story
async def test_a_chunk_that_is_not_what_was_offered_is_never_installed() -> None:
    group = await started()
    leader, lagging = group.leader, group.followers[0]
    group.isolate(lagging.node_id)
    await fill(leader, 0, 300)
    await snapshot_of(group, leader)
    snapshot = leader.log.snapshot()
    # pylint: disable-next=protected-access  # a disk that gives back something else
    chunks = leader.snapshots._finished[(snapshot.index, snapshot.term)]
    sound, chunks[3] = chunks[3], b"something else"
    group.heal()
    await group.until(lambda: bytes_sent(leader) > 3 * len(sound))
    await asyncio.sleep(5.0)
    assert lagging.log.snapshot().index < snapshot.index
    assert lagging.status.applied_index < snapshot.index
    chunks[3] = sound
    await group.until(
        lambda: lagging.status.applied_index == leader.status.applied_index, 60.0
    )
    assert everything(lagging) == everything(leader)


@story
async def test_the_manifest_says_what_the_state_is() -> None:
    group = await started()
    await fill(group.leader, 0, 100)
    await snapshot_of(group, group.leader)
    snapshot = group.leader.log.snapshot()
    manifest = Manifest.decode(snapshot.data)
    assert manifest.revision == store_of(group.leader).revision
    assert manifest.chunks is not None and len(manifest.chunks) > 3
    assert len(snapshot.data) < 100 * len(manifest.chunks) + 1_000
