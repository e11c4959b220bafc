"""Whole nodes on one virtual loop: what the stories of the runtime's tests are made of.

Each member is a process that can be killed, with a log that keeps apart what a power
cut would take, on a network that can be cut. Requests are made in the member's process,
so that they die with it.
"""

import asyncio
import functools
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from typing import Any, ParamSpec, Self

from raftwerk.config import NodeConfig
from raftwerk.core.events import Event
from raftwerk.core.messages import Message
from raftwerk.core.records import Change, ConfChange, ConfState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, VirtualProcess, run, virtual_host
from raftwerk.runtime import Member, Node, NodeStatus, bootstrap_snapshot
from raftwerk.runtime.flight import FlightRecorder
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity, Objection, PeerView, Receiver
from raftwerk.types import NodeId

from .machines import ListMachine

__all__ = ["Group", "Process", "member_of", "story"]

CLUSTER = 0xC1
ELECTION_SECONDS = 2.0
"""Within which a whole group has a leader, with much to spare."""

Arguments = ParamSpec("Arguments")


def story(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Make a test of a coroutine: it is run on a virtual loop of its own."""

    @functools.wraps(test)
    def run_it(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        run(test(*args, **kwargs))

    return run_it


def member_of(node_id: int, **fields: Any) -> Member:
    """Return what the group knows of a member before it has started."""
    return Member(
        node_id=NodeId(node_id), peer_urls=(f"http://node{node_id}:2380",), **fields
    )


class TappedTransport:
    """A transport whose messages are seen before they leave."""

    def __init__(self, inner: MemoryTransport) -> None:
        self.inner = inner
        self.sent: list[tuple[float, Message]] = []

    async def start(self, receiver: Receiver) -> None:
        await self.inner.start(receiver)

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        self.inner.set_peers(addresses)

    def send(self, messages: Sequence[Message]) -> None:
        now = asyncio.get_running_loop().time()
        self.sent += [(now, message) for message in messages]
        self.inner.send(messages)

    def peers(self) -> Mapping[NodeId, PeerView]:
        return self.inner.peers()

    async def stop(self) -> None:
        await self.inner.stop()


class SpiedLog(MemoryLog):
    """A log that counts, and says when each sync was done."""

    def __init__(self, snapshot: Snapshot = Snapshot()) -> None:
        super().__init__(snapshot)
        self.appends = 0
        self.synced_at: list[float] = []

    def append(self, hard_state: Any, entries: Any) -> None:
        self.appends += bool(entries)
        super().append(hard_state, entries)

    def sync(self) -> None:
        super().sync()
        self.synced_at.append(asyncio.get_running_loop().time())

    def restarted(self, kept: int = 0) -> "SpiedLog":
        """Cut the power, and return what the restart finds."""
        log = SpiedLog()
        log.become(self.crash(kept))
        return log


class Process:
    """One member: its process, its disk, its node."""

    process: VirtualProcess
    host: Host
    transport: TappedTransport
    node: Node

    def __init__(
        self, group: "Group", node_id: int, log: SpiedLog, name: str = ""
    ) -> None:
        self.group = group
        self.node_id = NodeId(node_id)
        self._name = name
        self.directory_id = 0x100 + node_id
        self.log = log
        self.snapshots = MemorySnapshots()
        self.machine = ListMachine()
        self.events: list[tuple[float, Event]] = []
        self.latency: Callable[[str], float] = group.latency
        self.lives = 0
        self.is_up = False

    # ---- its life -----------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name, and its host."""
        return self._name or f"node{self.node_id}"

    def make(self, machine: Any = None, **settings: Any) -> Node:
        """Make process and node anew; what is on the disk stays."""
        self.lives += 1
        group, name = self.group, self.name
        draw = group.draw.fork(f"{name} life {self.lives}")
        self.process = VirtualProcess(group.loop, draw, latency=self._latency)
        self.machine = ListMachine() if machine is None else machine
        self.host = group.make_host(self.process.host)
        identity = Identity(
            cluster_id=CLUSTER,
            node_id=self.node_id,
            directory_id=self.directory_id,
            address=f"{name}:2380",
        )
        self.transport = TappedTransport(
            MemoryTransport(
                identity,
                f"{name}:2380",
                network=group.network,
                host=self.host,
                report=group.report,
                admit=self._admit,
            )
        )
        own: dict[str, Any] = {
            "name": name,
            "peer_urls": (f"http://{name}:2380",),
            "client_urls": (f"http://{name}:2379",),
            "directory_id": self.directory_id,
        }
        config = NodeConfig(
            node_id=self.node_id,
            cluster_id=CLUSTER,
            **(own | group.settings | settings),
        )
        self.node = Node(
            config,
            self.machine,
            host=self.host,
            store=self.log,
            transport=self.transport,
            snapshots=self.snapshots,
            flight=None if group.recorder is None else group.recorder(self),
        )
        self.node.observe(self._observe)
        return self.node

    def _latency(self, worker: str) -> float:
        """Return how long a job takes now."""
        return self.latency(worker)

    def _admit(self, peer: Identity) -> Objection | None:
        """Have the node say who is refused."""
        return self.node.refusal(peer)

    def _observe(self, events: Sequence[Event]) -> None:
        """Keep events with their times."""
        now = self.group.loop.time()
        self.events += [(now, event) for event in events]

    async def start(self, machine: Any = None, **settings: Any) -> None:
        """Make it, and start it."""
        self.make(machine, **settings)
        self.is_up = True
        await self.process.start(self.node.start())

    def kill(self, kept: int = 0) -> None:
        """End it in this instant, and cut the power: what is not synced is lost."""
        self.is_up = False
        self.process.kill()
        self.group.network.crash(self.node_id)
        self.log = self.log.restarted(kept)

    async def stop(self) -> None:
        """Stop it in order."""
        self.is_up = False
        await self.process.start(self.node.stop())

    # ---- what is asked of it ------------------------------------------------

    def propose(self, command: bytes) -> "asyncio.Task[object]":
        """Propose a command here."""
        return self.process.start(self.node.propose(command))

    def read(self) -> "asyncio.Task[Any]":
        """Ask for a read barrier here."""
        return self.process.start(self.node.read_barrier())

    def change(
        self, *changes: Change, members: Sequence[Member] = (), **fields: Any
    ) -> "asyncio.Task[ConfState]":
        """Propose a membership change here."""
        change = ConfChange(changes, **fields)
        return self.process.start(self.node.change_members(change, members))

    @property
    def status(self) -> NodeStatus:
        """How it sees itself."""
        return self.node.status()

    @property
    def is_leader(self) -> bool:
        """Whether it runs and leads, as far as it knows."""
        with suppress(NotLeader):  # its node has ended by itself
            return self.is_up and self.status.role is Role.LEADER
        return False

    def sent(self, *kinds: type[Message]) -> list[Message]:
        """Return what it has sent in this life."""
        return [m for _, m in self.transport.sent if isinstance(m, kinds or Message)]

    def saw(self, kind: type[Event]) -> list[Event]:
        """Return its events of a kind."""
        return [event for _, event in self.events if isinstance(event, kind)]


class Group:
    """Some members, and the world between them."""

    def __init__(
        self,
        voters: int = 3,
        *,
        seed: int = 1,
        latency: Callable[[str], float] = lambda worker: 0.001,
        make_host: Callable[[Host], Host] = lambda host: host,
        **settings: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.draw = SplitMix64(seed)
        self.latency = latency
        self.make_host = make_host
        self.settings = settings
        self.recorder: Callable[[Process], FlightRecorder] | None = None
        """Makes the flight recorder of each life, from its start on."""
        self.lines: list[str] = []
        world = virtual_host(loop, self.draw.fork("world"))
        self.network = MemoryNetwork(world.timers, self.draw.fork("network"))
        self.first = [member_of(node_id) for node_id in range(1, voters + 1)]
        snapshot = bootstrap_snapshot(self.first)
        self.members = {
            member.node_id: Process(self, member.node_id, SpiedLog(snapshot))
            for member in self.first
        }

    def report(self, level: int, event: str, /, **fields: object) -> None:
        """Keep what transports say."""
        told = "; ".join(str(field) for field in fields.values())
        self.lines.append(f"{level} {event}: {told}")

    def __getitem__(self, node_id: int) -> Process:
        return self.members[NodeId(node_id)]

    def __iter__(self) -> Iterator[Process]:
        return iter(self.members.values())

    def add(self, node_id: int, name: str = "") -> Process:
        """Add a process with an empty log, that knows nobody."""
        process = Process(self, node_id, SpiedLog(), name)
        self.members[process.node_id] = process
        return process

    async def start(self) -> Self:
        """Start all, and wait until one leads and all know it and one another."""
        for process in self:
            await process.start()
        await self.until_led()
        ids = {process.node_id for process in self}
        await self.until(
            lambda: all(
                all(m.has_started for m in p.node.members if m.node_id in ids)
                for p in self
            )
        )
        return self

    # ---- waiting ------------------------------------------------------------

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def until(
        self, condition: Callable[[], bool], seconds: float = 30.0
    ) -> float:
        """Wait for a condition, for a bounded time; return how long it took."""
        begin = self.loop.time()
        while not condition():
            assert self.loop.time() - begin < seconds, f"not within {seconds} s"
            await asyncio.sleep(0.001)
        return self.loop.time() - begin

    async def until_led(self, among: Sequence[int] = ()) -> Process:
        """Wait until one of these leads, and all of them know it."""
        members = [self[i] for i in among] or [p for p in self if p.is_up]

        def leader() -> Process | None:
            known = {p.status.leader for p in members}
            if len(known) != 1 or None in known:
                return None
            (node_id,) = known
            found = next((p for p in members if p.node_id == node_id), None)
            return found if found is not None and found.is_leader else None

        await self.until(lambda: leader() is not None, ELECTION_SECONDS)
        found = leader()
        assert found is not None
        return found

    async def outcome(self, asked: Awaitable[Any], seconds: float = 30.0) -> Any:
        """Return a result, or the error instead of raising it."""
        task = asyncio.ensure_future(asked)
        await asyncio.wait([task], timeout=seconds)
        assert task.done(), f"no answer within {seconds} s"
        return task.exception() or task.result()

    @property
    def leader(self) -> Process:
        """Who leads in the newest term."""
        leaders = [process for process in self if process.is_leader]
        return max(leaders, key=lambda process: process.status.term)

    @property
    def followers(self) -> list[Process]:
        """All others that are up."""
        leader = self.leader
        return [p for p in self if p.is_up and p is not leader]

    def isolate(self, node_id: int) -> None:
        """Cut a member off from all others."""
        others = [other for other in self.members if other != node_id]
        self.network.partition([NodeId(node_id)], others)

    def heal(self) -> None:
        """Let all talk again."""
        self.network.heal_all()

    async def until_equal(self, seconds: float = 30.0) -> None:
        """Wait until all that are up have applied all that any of them has."""

        def indexes() -> set[int]:
            views = [process.status for process in self if process.is_up]
            applied = {view.applied_index for view in views}
            return applied | {view.last_log_index for view in views}

        await self.until(lambda: len(indexes()) == 1, seconds)
