"""What operators do with one member."""

import asyncio
import hashlib

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.kv import AlarmKind, Compact, Put, Range, Store, encode
from raftwerk.service.maintenance import (
    PART_BYTES,
    Alarm,
    MaintenanceService,
    Part,
)
from tests.service.fake_node import FakeNode


class _Node(FakeNode):
    """A node that is asked for snapshots."""

    snapshots = 0

    def take_snapshot(self) -> bool:
        self.snapshots += 1
        return True


def make(*past: Put | Compact) -> tuple[MaintenanceService, Store, _Node]:
    """Return a service on a store with a past."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    store = Store()
    store.apply(1, [encode(command) for command in past])
    node = _Node(store)
    threads = virtual_host(loop, SplitMix64(1)).threads("maintenance")
    return MaintenanceService(node, store, threads), store, node


def test_alarms_are_raised_listed_and_ended() -> None:
    async def story() -> None:
        service, _, node = make()
        alarm = Alarm(AlarmKind.NOSPACE, 7)
        assert await service.alarms() == []
        assert await service.set_alarm(True, alarm) == [alarm]
        assert await service.set_alarm(True, alarm) == [alarm]
        assert await service.alarms() == [alarm]
        assert await service.set_alarm(False, Alarm(AlarmKind.CORRUPT, 7)) == []
        assert await service.set_alarm(False, alarm) == [alarm]
        assert await service.set_alarm(False, alarm) == []
        proposed = node.proposals
        assert await service.set_alarm(True, Alarm(AlarmKind.NONE, 7)) == []
        assert node.proposals == proposed

    run(story())


def test_the_hash_of_a_revision_stays_while_the_store_grows() -> None:
    async def story() -> None:
        service, store, _ = make(*[Put(b"a", b"%d" % n) for n in range(3)], Compact(2))
        first = await service.hash()
        assert (first.hash_revision, first.compact_revision) == (4, 2)
        store.apply(2, [encode(Put(b"a"))])
        assert await service.hash(4) == first
        assert (await service.hash()).hash != first.hash

    run(story())


def test_a_defragmentation_lets_go_of_all_that_is_compacted() -> None:
    async def story() -> None:
        puts = [Put(b"%d" % (n % 1_000), bytes(100)) for n in range(4_000)]
        service, store, node = make(*puts, Compact(4_001))
        before = store.size_bytes
        await service.defragment()
        assert store.size_bytes * 2 < before
        assert store.scavenge(1), "nothing is left to do"
        assert node.snapshots == 1

    run(story())


def test_a_snapshot_comes_in_parts_that_say_how_much_is_left() -> None:
    async def story() -> None:
        service, store, _ = make(*[Put(b"%d" % n, bytes(1_000)) for n in range(500)])
        parts: list[Part] = []
        async for part in service.snapshot():
            parts.append(part)
            store.apply(len(parts) + 1, [encode(Put(b"later"))])
        *content, last = parts
        whole = b"".join(part.blob for part in content)
        assert last == Part(0, hashlib.sha256(whole).digest())
        assert {len(part.blob) for part in content[:-1]} == {PART_BYTES}
        left = len(whole)
        for part in content:
            left -= len(part.blob)
            assert part.remaining_bytes == left
        assert left == 0
        twin = Store()
        twin.restore([whole])
        assert twin.range(Range(b"\0", b"\0", count_only=True)).count == 500

    run(story())
