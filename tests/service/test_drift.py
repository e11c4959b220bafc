"""What replicas that differ mean for clients."""

import asyncio

import pytest

from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader, Quarantined
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.kv import AlarmKind, Put, Range, Store, encode
from raftwerk.kv.errors import CorruptCluster
from raftwerk.runtime.drift import DriftReport
from raftwerk.service import KvService
from raftwerk.service.drift import DriftAlarm
from raftwerk.service.watch import WatchService
from raftwerk.service.watch_messages import CreateWatch
from raftwerk.types import LogIndex, NodeId

from .fake_node import FakeNode

QUARREL = DriftReport(LogIndex(256), ((NodeId(1), b"one"), (NodeId(2), b"other")))


class Rig:
    """A member, and what looks for disagreement."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.store = Store()
        self.node = FakeNode(self.store)
        self.timers = virtual_host(loop, SplitMix64(1)).timers
        self.told: list[tuple[int, str, dict[str, object]]] = []
        self.alarm = DriftAlarm(self.node, self.store, self.timers, self.report)

    def report(self, level: int, event: str, /, **fields: object) -> None:
        self.told.append((level, event, fields))


def test_where_nobody_is_right_nothing_more_is_written() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.alarm.look()
        assert not rig.store.alarms()
        rig.node.change(disagreement=QUARREL)
        task = asyncio.ensure_future(rig.alarm.run())
        await rig.timers.sleep(5)
        corrupt = AlarmKind.CORRUPT
        assert rig.store.alarms() == [(corrupt, 1), (corrupt, 2)]
        with pytest.raises(CorruptCluster):
            await rig.node.propose(encode(Put(b"key")))
        task.cancel()

    run(body())


def test_only_who_leads_raises_it_and_once_for_each_disagreement() -> None:
    async def body() -> None:
        rig = Rig()
        rig.node.change(disagreement=QUARREL, role=Role.FOLLOWER)
        await rig.alarm.look()
        assert rig.node.proposals == 0
        rig.node.change(role=Role.LEADER)
        await rig.alarm.look()
        await rig.alarm.look()
        assert len(rig.store.alarms()) == 2
        rig.node.stopped = NotLeader("it does not run")
        await rig.alarm.look()

    run(body())


def test_people_are_told_once_who_differs_and_by_which_hash() -> None:
    async def body() -> None:
        rig = Rig()
        rig.node.change(quarantined=(NodeId(3),), compared_index=LogIndex(512))
        await rig.alarm.look()
        await rig.alarm.look()
        rig.node.change(quarantined=(), disagreement=QUARREL, role=Role.FOLLOWER)
        await rig.alarm.look()
        await rig.alarm.look()
        assert len(rig.told) == 3
        (_, first, who), (_, second, healed) = rig.told[0], rig.told[1]
        _, third, quarrel = rig.told[2]
        assert "is quarantined" in first and who == {"member": "3", "found_at": 512}
        assert "as the majority again" in second and healed == {"member": "3"}
        assert "nothing more is written" in third
        hashes = {"1": b"one".hex(), "2": b"other".hex()}
        assert quarrel == {"index": 256, "replicas": hashes}

    run(body())


def test_a_quarantined_member_answers_no_read_of_any_kind() -> None:
    async def body() -> None:
        rig = Rig()
        service = KvService(rig.node, rig.store)
        watches = WatchService(
            rig.store,
            rig.timers,
            require_sound=rig.node.require_sound,
        )
        stream = watches.open()
        await stream.create(CreateWatch(key=b"key"))
        assert (await anext(stream)).created
        await service.range(Range(b"key", serializable=True))
        rig.node.change(is_quarantined=True)
        with pytest.raises(Quarantined, match="ask another member"):
            await service.range(Range(b"key", serializable=True))
        with pytest.raises(Quarantined):
            await anext(stream)
        stream.close()

    run(body())
