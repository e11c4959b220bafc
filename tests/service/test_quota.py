"""The member that is asked looks whether there is room, and all heed its alarm."""

import pytest

from raftwerk.host.virtual import run
from raftwerk.kv import (
    AlarmKind,
    Compact,
    DeleteRange,
    NoSpace,
    Put,
    Range,
    SetAlarm,
    Store,
    Txn,
    encode,
)
from raftwerk.service import KvService
from raftwerk.service.quota import Quota
from tests.service.fake_node import NODE, FakeNode

KILOBYTE = bytes(1_000)


def make(bytes_max: int) -> tuple[KvService, Store, FakeNode]:
    """Return a service whose store may take so much."""
    store = Store()
    node = FakeNode(store)
    return KvService(node, store, quota=Quota(node, store, bytes_max)), store, node


def test_what_would_be_too_much_raises_the_alarm_and_is_refused() -> None:
    async def story() -> None:
        kv, store, node = make(4_000)
        for number in range(2):
            await kv.put(Put(b"%d" % number, KILOBYTE))
        for _ in range(2):
            with pytest.raises(NoSpace, match="delete, compact, then end"):
                await kv.put(Put(b"3", 2 * KILOBYTE))
        assert store.alarms() == [(AlarmKind.NOSPACE, NODE)]
        assert node.proposals == 3, "the second refusal raised nothing anew"
        # By now all members refuse even what there is room for.
        with pytest.raises(NoSpace):
            await kv.put(Put(b"3"))
        with pytest.raises(NoSpace):
            await kv.txn(Txn(success=(Put(b"3"),)))

    run(story())


def test_deletions_reads_and_compactions_make_room_again() -> None:
    async def story() -> None:
        kv, store, node = make(4_000)
        await kv.put(Put(b"a", KILOBYTE))
        await kv.put(Put(b"a", KILOBYTE))
        with pytest.raises(NoSpace):
            await kv.put(Put(b"a", 2 * KILOBYTE))
        assert (await kv.range(Range(b"a"))).count == 1
        await kv.delete_range(DeleteRange(b"a"))
        await kv.compact(Compact(store.revision), is_physical=True)
        assert store.size_bytes < 1_000
        await node.propose(encode(SetAlarm(False, NODE, AlarmKind.NOSPACE)))
        await kv.put(Put(b"a", 2 * KILOBYTE))

    run(story())


@pytest.mark.parametrize("bytes_max", [-1, 0])
def test_there_is_room_without_end_or_by_default(bytes_max: int) -> None:
    async def story() -> None:
        kv, _, _ = make(bytes_max)
        await kv.put(Put(b"a", KILOBYTE))

    run(story())
