"""A loop that is held is seen to be late, and by how much."""

import asyncio

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.host.real import real_host
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.kv.commands import Put, encode
from raftwerk.kv.store import Store
from raftwerk.runtime import Node, NodeConfig, bootstrap_snapshot
from raftwerk.runtime.loop_lag import WINDOW_SECONDS, LoopLag, LoopView
from raftwerk.storage.memory import MemoryLog
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

from .group import Group, member_of, story
from .stalling import Stall


class Rig:
    """A measurement of a loop that can be stalled."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.stall = Stall()
        host = self.stall.make_host(virtual_host(loop, SplitMix64(1)))
        self.lag = LoopLag(host, period_seconds=0.05)
        self.lag.start()

    async def hold(self, seconds: float) -> None:
        """Let the loop do nothing else for a while."""
        await asyncio.sleep(0.02)
        self.stall.begin()
        await asyncio.sleep(0.03 + seconds)
        self.stall.end()


@story
async def test_a_free_loop_is_never_late() -> None:
    rig = Rig()
    await asyncio.sleep(100)
    assert rig.lag.view() == LoopView()


@story
async def test_a_held_loop_is_late_by_as_much() -> None:
    rig = Rig()
    await rig.hold(0.010)
    assert rig.lag.view().lag_seconds == pytest.approx(0.010)
    assert rig.lag.view().late_count == 0, "a third of a heartbeat interval is allowed"
    await asyncio.sleep(1)
    await rig.hold(0.040)
    await asyncio.sleep(1)
    view = rig.lag.view()
    assert view.lag_seconds == pytest.approx(0)
    assert view.worst_lag_seconds == pytest.approx(0.040)
    assert view.late_count == 1


@story
async def test_the_worst_is_forgotten_after_a_while_and_the_count_is_not() -> None:
    rig = Rig()
    rig.lag.turn_took(0.5)
    await rig.hold(0.2)
    await asyncio.sleep(WINDOW_SECONDS)
    assert rig.lag.view().worst_lag_seconds == pytest.approx(0.2)
    assert rig.lag.view().worst_turn_seconds == 0.5
    await asyncio.sleep(WINDOW_SECONDS)
    assert rig.lag.view().worst_lag_seconds == pytest.approx(0)
    assert rig.lag.view().worst_turn_seconds == 0
    assert rig.lag.view().late_count == 1


@story
async def test_nothing_is_measured_after_the_end() -> None:
    rig = Rig()
    rig.lag.stop()
    await rig.hold(1.0)
    assert rig.lag.view() == LoopView()


@story
async def test_a_node_says_how_late_its_loop_is() -> None:
    group = await Group().start()
    assert group.leader.status.loop == LoopView()


BURST = 15_000
"""Proposals that come in one turn of the loop."""


@pytest.mark.long
def test_no_turn_takes_longer_than_a_third_of_a_heartbeat() -> None:
    """In real time: bursts of tiny commands, and large ones, through log and store."""

    async def body() -> LoopView:
        host = real_host()
        network = MemoryNetwork(host.timers, SplitMix64(1))
        member = member_of(1)
        node = Node(
            NodeConfig(node_id=NodeId(1), snapshot_entries=20_000),
            Store(),
            host=host,
            store=MemoryLog(bootstrap_snapshot([member])),
            transport=MemoryTransport(
                Identity(cluster_id=1, node_id=NodeId(1), address="node1:2380"),
                "node1:2380",
                network=network,
                host=host,
                report=lambda level, event, /, **fields: None,
            ),
        )
        async with node:
            for burst in range(10):
                puts = [Put(b"%d %d" % (burst, n), b"x") for n in range(BURST)]
                puts += [Put(b"large %d" % n, b"x" * 200_000) for n in range(50)]
                await asyncio.gather(*[node.propose(encode(put)) for put in puts])
            return node.status().loop

    # The work is what is measured: not how long this process waits for a processor.
    view = min(
        (asyncio.run(body()) for _ in range(3)),
        key=lambda view: view.worst_turn_seconds,
    )
    assert 0 < view.worst_turn_seconds < 0.050 / 3
