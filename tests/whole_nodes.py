"""A story of three whole nodes, told line by line; one seed decides every line.

    python -m tests.whole_nodes FILE SEED...

Runtime, log, snapshots and store are those of a real node; disk, network and time are
virtual. While clients write and read, a leader's machine loses its power in the middle
of whatever it does, another leader is cut off, and both come back. Everything that the
nodes, the network and the clients tell is a line, with the time at which they told it.
"""

import asyncio
import sys
from collections.abc import Sequence

from raftwerk.config import NodeConfig
from raftwerk.core.events import Event
from raftwerk.core.roles import Role
from raftwerk.errors import RequestError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import (
    VirtualClock,
    VirtualLoop,
    VirtualProcess,
    run,
    virtual_host,
)
from raftwerk.kv.commands import Put, Range, encode
from raftwerk.kv.store import Store
from raftwerk.runtime import Member, Node, bootstrap_snapshot
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity, Objection
from raftwerk.types import NodeId

__all__ = ["tell"]

CLUSTER = 0xDE
IDS = (NodeId(1), NodeId(2), NodeId(3))
FIRST = bootstrap_snapshot(
    Member(node_id=node_id, peer_urls=(f"http://n{node_id}:2380",)) for node_id in IDS
)


class Machine:
    """A machine with a disk, and the node that runs on it."""

    process: VirtualProcess
    store: Store
    node: Node

    def __init__(self, world: "World", node_id: NodeId) -> None:
        self.world = world
        self.node_id = node_id
        self.disk = MemoryDisk()
        self.lives = 0
        self.is_up = False

    async def start(self) -> None:
        """Start the node on whatever is on the disk."""
        world, name = self.world, f"n{self.node_id}"
        self.lives += 1
        draw = world.draw.fork(f"{name} life {self.lives}")
        disk_draw = draw.fork("disk")
        self.process = VirtualProcess(
            world.loop,
            draw,
            clock=VirtualClock(
                world.loop, ahead_seconds=draw.below(1000) / 7, drift=1e-5 * self.lives
            ),
            latency=lambda worker: 0.000_1 * (1 + disk_draw.below(40)),
        )
        log = self._opened()
        world.tell(self, f"life {self.lives}, torn {log.torn}")
        snapshots = SnapshotFiles(self.disk, "/data")
        snapshots.prepare(log.snapshot().index)
        self.store = Store()
        self.node = Node(
            NodeConfig(
                node_id=self.node_id,
                cluster_id=CLUSTER,
                name=name,
                peer_urls=(f"http://{name}:2380",),
                directory_id=log.identity.directory_id,
                snapshot_entries=60,
                snapshot_keep_entries=20,
            ),
            self.store,
            host=self.process.host,
            store=log,
            snapshots=snapshots,
            transport=self._transport(log.identity, f"{name}:2380"),
        )
        self.node.observe(self._observe)
        self.is_up = True
        await self.process.start(self.node.start())
        for number in range(2):
            self.process.start(self._client(draw.fork(f"client {number}"), number))

    def _opened(self) -> Wal:
        """Return the log, which the first life makes."""
        if Wal.exists(self.disk, "/data"):
            return Wal.open(self.disk, "/data", segment_bytes=20_000)
        identity = DirectoryIdentity(CLUSTER, self.node_id, 0x100 + self.node_id)
        return Wal.create(self.disk, "/data", identity, FIRST, segment_bytes=20_000)

    def _transport(self, identity: DirectoryIdentity, address: str) -> MemoryTransport:
        """Return this life's way to the others."""
        return MemoryTransport(
            Identity(
                cluster_id=CLUSTER,
                node_id=self.node_id,
                directory_id=identity.directory_id,
                address=address,
            ),
            address,
            network=self.world.network,
            host=self.process.host,
            report=self._report,
            admit=self._admit,
        )

    def lose_power(self, draw: SplitMix64) -> None:
        """End it in this instant; what of its last writes survives, is drawn."""
        self.is_up = False
        self.process.kill()
        self.world.network.crash(self.node_id)
        self.disk.crash(draw)
        self.world.tell(self, "power lost")

    def _admit(self, peer: Identity) -> Objection | None:
        """Ask the node, which is made after its transport."""
        return self.node.refusal(peer)

    def _observe(self, events: Sequence[Event]) -> None:
        """Tell what the core tells."""
        for event in events:
            self.world.tell(self, repr(event))

    def _report(self, level: int, event: str, /, **fields: object) -> None:
        """Tell what the transport tells."""
        self.world.tell(self, f"{level} {event} {fields}")

    async def _client(self, draw: SplitMix64, number: int) -> None:
        """Write and read for ever, and tell how each request ended."""
        timers = self.process.host.timers
        for count in range(1_000_000):
            key = b"key %d" % draw.below(9)
            asked = f"client {number}, request {count}"
            try:
                if draw.below(3):
                    value = b"%d of %d" % (count, number) * (1 + draw.below(9))
                    told: object = await self.node.propose(encode(Put(key, value)))
                else:
                    told = await self.node.read_barrier(), self.store.range(Range(key))
            except RequestError as error:
                told = repr(error)
            self.world.tell(self, f"{asked}: {told}")
            await timers.sleep(draw.below(20_000) / 1e6)


class World:
    """The machines, what is between them, and the lines told so far."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self.loop = loop
        self.draw = SplitMix64(seed)
        self.lines: list[str] = []
        self.network = MemoryNetwork(
            virtual_host(loop, self.draw.fork("world")).timers,
            self.draw.fork("network"),
            conditions=Conditions(
                latency_max_seconds=0.003, duplicate_rate=0.02, reorder_rate=0.02
            ),
        )
        self.timers = self.network.timers
        self.machines = [Machine(self, node_id) for node_id in IDS]

    def tell(self, machine: Machine, what: str) -> None:
        """Add a line."""
        self.lines.append(f"{self.loop.time()!r} n{machine.node_id} {what}")

    async def sleep(self, draw: SplitMix64) -> None:
        """Let some time pass."""
        await self.timers.sleep((200 + draw.below(300)) / 1000)

    async def leader(self) -> Machine:
        """Return who leads in the newest term, as soon as somebody does."""
        for _ in range(10_000):
            views = {m.node_id: m.node.status() for m in self.machines if m.is_up}
            leaders = [m for m in views.values() if m.role is Role.LEADER]
            if leaders:
                newest = max(leaders, key=lambda view: view.term)
                return self.machines[IDS.index(newest.node_id)]
            await self.timers.sleep(0.001)
        raise AssertionError("nobody leads")

    async def until_equal(self) -> None:
        """Wait until all stores are at one revision; clients go on meanwhile."""
        for _ in range(10_000):
            if len({machine.store.revision for machine in self.machines}) == 1:
                return
            await self.timers.sleep(0.000_1)
        raise AssertionError("the stores differ for too long")

    async def story(self) -> None:
        """Crash, cut, heal, stop."""
        draw = self.draw.fork("story")
        for machine in self.machines:
            await machine.start()
        await self.sleep(draw)

        crashed = await self.leader()
        crashed.disk.cut_power_after(
            draw.below(6)
        )  # In the middle of a write, perhaps.
        await self.timers.sleep(0.02)
        crashed.lose_power(draw)
        await self.sleep(draw)
        await crashed.start()
        await self.sleep(draw)

        cut_off = await self.leader()
        others = [node_id for node_id in IDS if node_id != cut_off.node_id]
        if draw.below(2):
            self.network.partition([cut_off.node_id], others)
        else:
            for node_id in others:  # One way only: it is heard, and hears nothing.
                self.network.cut(node_id, cut_off.node_id)
        # In any case longer than a leader leads that hears nothing: twice the timeout.
        await self.timers.sleep(0.3)
        await self.sleep(draw)
        self.network.heal_all()
        await self.sleep(draw)

        await self.until_equal()
        for machine in self.machines:
            await machine.process.start(machine.node.stop())
            state = b"".join(machine.store.snapshot())
            self.tell(machine, f"stopped with {state!r}")


def tell(seed: int) -> list[str]:
    """Return the lines of a story."""

    async def told() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        world = World(loop, seed)
        await world.story()
        return world.lines

    return run(told())


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        for argument in sys.argv[2:]:
            for line in tell(int(argument)):
                print(argument, line, file=file)
