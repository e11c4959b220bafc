"""Orders reach the disk in order, many with one sync, and nothing is said too early."""

import asyncio
from collections.abc import Sequence

from raftwerk.core.messages import AppendEntriesReply
from raftwerk.core.ready import AppendOrder
from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.errors import DiskFull, StorageError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.sync_times import SyncTimes
from raftwerk.runtime.syncer import QUIET_SECONDS, Syncer
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.protocol import Room
from raftwerk.types import LogIndex, NodeId, Term

from .group import story


class RefusingLog(MemoryLog):
    """A log whose next syncs fail."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[StorageError] = []
        self.syncs = 0
        self.marked_at: list[float] = []
        self.mark_refusals: list[StorageError] = []
        self.shortage = ""
        self.tries = 0

    def room(self) -> Room:
        return Room(self.shortage)

    def make_room(self) -> None:
        self.tries += 1

    def mark(self) -> None:
        if self.mark_refusals:
            raise self.mark_refusals.pop(0)
        super().mark()
        self.marked_at.append(asyncio.get_running_loop().time())

    def sync(self) -> None:
        self.syncs += 1
        if self.refusals:
            raise self.refusals.pop(0)
        super().sync()


class Rig:
    """A syncer on a disk that takes a second for each sync."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.log = RefusingLog()
        self.done: list[tuple[float, list[AppendOrder]]] = []
        self.errors: list[BaseException] = []
        host = virtual_host(loop, SplitMix64(1), latency=lambda name: 1.0)
        self.syncer = Syncer(
            self.log,
            host,
            lambda orders: self.done.append((loop.time(), list(orders))),
            self.errors.append,
            SyncTimes(0.1, 10.0),
        )

    def give(self, *orders: AppendOrder) -> list[bool]:
        return [self.syncer.give(order) for order in orders]


def entry(index: int) -> AppendOrder:
    """Return an order that has to be synced."""
    return AppendOrder(entries=[Entry(Term(1), LogIndex(index))], must_sync=True)


def commit(index: int) -> AppendOrder:
    """Return an order that need not be."""
    return AppendOrder(hard_state=HardState(Term(1), None, LogIndex(index)))


def reply() -> AppendOrder:
    """Return an order of nothing but a reply."""
    message = AppendEntriesReply(
        sender=NodeId(1), receiver=NodeId(2), match_index=LogIndex(1)
    )
    return AppendOrder(replies=(message,))


@story
async def test_an_order_is_done_when_it_is_synced_and_not_before() -> None:
    rig = Rig()
    order = entry(1)
    assert rig.give(order) == [False]
    assert rig.log.unsynced == 1
    await asyncio.sleep(0.9)
    assert not rig.done
    await asyncio.sleep(0.2)
    assert rig.done == [(1.0, [order])]
    assert rig.log.unsynced == 0


@story
async def test_all_that_comes_during_a_sync_shares_the_next() -> None:
    rig = Rig()
    orders = [entry(index) for index in range(1, 6)]
    rig.give(orders[0])
    await asyncio.sleep(0.5)
    rig.give(*orders[1:])
    await asyncio.sleep(5.0)
    assert rig.done == [(1.0, orders[:1]), (2.0, orders[1:])]
    assert rig.log.syncs == 2


@story
async def test_what_needs_no_sync_is_done_at_once_if_nothing_is_before_it() -> None:
    rig = Rig()
    assert rig.give(reply(), reply()) == [True, True]
    await asyncio.sleep(5.0)
    assert (rig.done, rig.log.syncs) == ([], 0)


@story
async def test_what_needs_no_sync_keeps_its_place_behind_what_does() -> None:
    rig = Rig()
    first, second, third = entry(1), commit(1), reply()
    assert rig.give(first, second, third) == [False, False, False]
    await asyncio.sleep(5.0)
    assert rig.done == [(1.0, [first, second, third])]
    assert rig.log.syncs == 1


@story
async def test_a_snapshot_is_installed_before_the_entries_behind_it() -> None:
    rig = Rig()
    snapshot = Snapshot(index=LogIndex(7), term=Term(1))
    rig.give(
        AppendOrder(
            snapshot=snapshot,
            entries=[Entry(Term(1), LogIndex(8))],
            must_sync=True,
        )
    )
    assert (rig.log.snapshot(), rig.log.last_index()) == (snapshot, 8)
    await rig.syncer.close()


@story
async def test_who_waits_for_a_sync_is_called_after_it_once() -> None:
    rig = Rig()
    calls: list[float] = []
    loop = asyncio.get_running_loop()
    rig.give(entry(1))
    await asyncio.sleep(0.5)
    rig.syncer.after_sync(lambda: calls.append(loop.time()))
    await asyncio.sleep(5.0)
    assert calls == [2.0], "the sync that ran does not cover what came during it"


@story
async def test_a_disk_that_fails_ends_it_and_nothing_is_done_any_more() -> None:
    rig = Rig()
    rig.log.refusals.append(StorageError("the disk failed"))
    rig.give(entry(1))
    await asyncio.sleep(0.5)
    rig.give(entry(2))
    await asyncio.sleep(10.0)
    assert [str(error) for error in rig.errors] == ["the disk failed"]
    assert (rig.done, rig.log.syncs) == ([], 1)


@story
async def test_a_full_disk_is_waited_for_and_the_order_is_kept() -> None:
    rig = Rig()
    rig.log.refusals += [DiskFull("no room"), DiskFull("no room")]
    calls: list[str] = []
    first, second, third = entry(1), entry(2), reply()
    rig.give(first)
    rig.syncer.after_sync(lambda: calls.append("after"))
    await asyncio.sleep(1.5)
    assert rig.give(second, third) == [False, False]
    await asyncio.sleep(20.0)
    assert (rig.errors, rig.log.syncs) == ([], 3)
    assert _orders(rig.done) == [first, second, third]
    assert calls == ["after"]


def _orders(done: Sequence[tuple[float, list[AppendOrder]]]) -> list[AppendOrder]:
    return [order for _, orders in done for order in orders]


@story
async def test_after_a_quiet_time_the_end_is_marked_once() -> None:
    rig = Rig()
    rig.give(entry(1))
    await asyncio.sleep(1.0 + QUIET_SECONDS / 2)
    rig.give(entry(2))
    await asyncio.sleep(100)
    begin = 1.0 + QUIET_SECONDS / 2
    # A second for the sync, the quiet time, and a second for the mark.
    assert rig.log.marked_at == [begin + 1.0 + QUIET_SECONDS + 1.0]
    rig.give(commit(2))
    await asyncio.sleep(100)
    assert len(rig.log.marked_at) == 1, "nothing was synced since"


@story
async def test_nothing_is_marked_after_the_close() -> None:
    rig = Rig()
    rig.give(entry(1))
    await asyncio.sleep(1.1)
    await rig.syncer.close()
    await asyncio.sleep(100)
    assert not rig.log.marked_at


@story
async def test_close_waits_for_the_sync_that_runs_and_tells_nobody() -> None:
    rig = Rig()
    rig.log.refusals.append(StorageError("the disk failed"))
    rig.give(entry(1))
    await asyncio.sleep(0.5)
    await rig.syncer.close()
    assert asyncio.get_running_loop().time() == 1.0
    assert rig.syncer.is_closed
    assert (rig.done, rig.errors) == ([], [])


@story
async def test_a_full_disk_may_delay_a_mark_and_ends_nothing() -> None:
    rig = Rig()
    rig.log.mark_refusals = [DiskFull("no room")]
    rig.give(entry(1))
    await asyncio.sleep(10.0)
    assert not rig.errors
    rig.give(entry(2))
    await asyncio.sleep(10.0)
    assert len(rig.done) == 2
    assert len(rig.log.marked_at) == 1


@story
async def test_room_for_later_is_tried_for_once_a_second_beside_the_work() -> None:
    rig = Rig()
    rig.log.shortage = "no space left"
    rig.give(entry(1))
    await asyncio.sleep(1.5)
    assert rig.done and not rig.syncer.is_blocked, "what is asked is done all the same"
    assert rig.syncer.room.shortage == "no space left"
    await asyncio.sleep(20.0)
    assert 5 <= rig.log.tries <= 20
    rig.log.shortage = ""
    await asyncio.sleep(5.0)
    assert not rig.syncer.room.shortage
    tries = rig.log.tries
    await asyncio.sleep(20.0)
    assert rig.log.tries == tries, "that is over"


@story
async def test_orders_that_wait_for_room_are_seen_to_wait() -> None:
    rig = Rig()
    rig.log.refusals = [DiskFull("no room")] * 3
    rig.give(entry(1))
    await asyncio.sleep(1.5)
    assert rig.syncer.is_blocked
    assert rig.syncer.times.outstanding_seconds == 0.0, "it has returned, in vain"
    await asyncio.sleep(20.0)
    assert not rig.syncer.is_blocked
