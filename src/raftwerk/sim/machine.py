"""One machine of a simulated world: its disk and clock stay, its processes come and go.

What runs in a process is the real thing: the log with its recovery, the runtime, and
what a kind of machine puts on top (`kv_machine`: the store and its services). Only the
ends are twins: disk, network, time.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.core.events import BecameLeader, ConfSwitched, Event
from raftwerk.core.messages import Message
from raftwerk.core.records import Entry, Snapshot
from raftwerk.errors import (
    MemberRemoved,
    NotLeader,
    RaftwerkError,
    StorageError,
    WalCorrupted,
)
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualClock, VirtualProcess
from raftwerk.runtime import Node
from raftwerk.runtime.event_feed import EventFeed
from raftwerk.runtime.flight import FlightRecorder
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.snapshot_reading import whole_snapshots
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.tap import Tap
from raftwerk.service.cluster import ClusterService
from raftwerk.sim.agreement import Agreement, Seen
from raftwerk.sim.disk import SimDisk
from raftwerk.sim.durable import Durable
from raftwerk.sim.flights import make_recorder
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.witnessed import WitnessedLog, witnessed_transport
from raftwerk.storage.memory_disk import PowerCut
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.wal import Wal
from raftwerk.transport.protocol import Identity
from raftwerk.types import LogIndex, NodeId, Term

if TYPE_CHECKING:
    from raftwerk.sim.world import World

__all__ = ["CLUSTER_ID", "DISK_SECONDS", "Machine", "Services", "Strike"]

CLUSTER_ID = 0x51A

_DIRECTORY = "/data"

DISK_SECONDS: Final = 0.000_3
"""What a sync takes, about, while all is well."""

STOP_SECONDS: Final = 5.0
"""How long a member may take to stop, until it is killed."""

_SEGMENT_BYTES = 32 * 1024
"""Small, so that a log has several and old ones are dropped."""


class Services(msgspec.Struct, frozen=True):
    """What can be asked of one member, whatever the group keeps.

    Parameters
    ----------
    node : Node
        The member.
    cluster : ClusterService
        The calls about members.
    """

    node: Node
    cluster: ClusterService


class Strike(msgspec.Struct):
    """Something that happens while a state machine is amid a change.

    Parameters
    ----------
    turns : int
        How often it pauses before that.
    act : callable
        What happens, before it goes on.
    """

    turns: int
    act: Callable[[], None]


# pylint: disable-next=too-many-instance-attributes  # what an act may do to it
class Machine(ABC):
    """A machine, and the member that runs on it while it is up.

    Parameters
    ----------
    world : World
        Where it stands.
    node_id : NodeId
        Of its member.
    first : Snapshot
        What its log begins with; empty for one that joins.
    name : str
        Of machine and member; without it, made of the id.

    Attributes
    ----------
    services : Services
        While it is up: what clients call.
    seen : Seen
        How far the member was looked at, in this life.
    is_up, is_ready, is_paused, is_gone : bool
        Whether it runs; whether it answers clients; whether it runs and does nothing;
        whether it was removed, or can never start again.
    """

    services: Services
    process: VirtualProcess
    _log: Wal

    def __init__(
        self, world: "World", node_id: NodeId, first: Snapshot, name: str = ""
    ) -> None:
        self.world = world
        self.node_id = node_id
        self.name = name or f"n{node_id}"
        self.address = f"{self.name}:2380"
        self.disk = SimDisk()
        self.disk.on_cut = self._power_was_cut
        self.disk_seconds = DISK_SECONDS
        self.is_up = False
        self.is_ready = False
        self.is_paused = False
        self.is_gone = False
        self.is_removed = False
        self.has_rotted = False
        self.has_had_log = False
        self.may_fail = False
        """Whether its disk was told to fail in this life."""
        self.lives = 0
        self.amid: Strike | None = None
        """What happens amid the next change of many keys, if something does."""
        self.amid_members: Strike | None = None
        """What happens amid the next change of members."""
        self._first = first
        self._draw = world.draw.fork(f"machine {node_id}")
        drift = (self._draw.below(2001) - 1000) / 100_000
        self.clock = VirtualClock(
            world.loop, ahead_seconds=self._draw.below(100_000) / 7, drift=drift
        )
        self.rate_max = 1.0 + drift
        self.seen = Seen(node_id)
        self.durable = Durable(node_id)
        self._feed: EventFeed | None = None
        self._flight: FlightRecorder | None = None
        self._duties: list[asyncio.Task[Any]] = []
        self.calls: dict[int, Any] = {}
        """Who waits for an answer of this process, by number."""

    # ---- its life -----------------------------------------------------------

    async def start(self) -> bool:
        """Start a process on whatever is on the disk.

        It goes on if whoever asked for it is called off.

        Returns
        -------
        bool
            Whether it came up.
        """
        if self.is_up or self.is_gone:
            return False
        return await asyncio.shield(asyncio.ensure_future(self._start()))

    async def _start(self) -> bool:
        """Do what `start` says."""
        if self.is_up or self.is_gone:
            return False
        self.lives += 1
        draw = self._draw.fork(f"life {self.lives}")
        disk_draw = draw.fork("disk")
        self.process = VirtualProcess(
            self.world.loop,
            draw,
            clock=self.clock,
            latency=lambda _worker: self.disk_seconds * (1 + disk_draw.below(8)) / 4,
        )
        self.world.ways.streams.begin(self.process, self.name)
        self.is_up = True
        self.is_paused = False
        self.may_fail = self.disk.trap is not None and self.disk.trap.fails
        self.seen = Seen(self.node_id)
        life = self.lives
        node: Node | None = None
        try:
            node = self.process.call(self._assemble, draw)
            if not await self._started(node):
                node = None
        except PowerCut:
            node = None
            self._power_was_cut()  # by an operation that tells nobody, perhaps
        except RaftwerkError as error:
            node = None
            self._can_not_start(error)
        if node is None:
            return False
        self.process.start(self._watch_end(node, life))
        self.process.call(self._begin_duties)
        self.is_ready = True
        self.world.tell(self, f"is up, life {self.lives}")
        self.world.record_process(self, "running")
        return True

    def _can_not_start(self, error: RaftwerkError) -> None:
        """Judge why a process ended before it had begun."""
        if isinstance(error, WalCorrupted):
            self._damaged(error)
        elif isinstance(error, StorageError):
            self._failed(error)
        else:
            self.world.violated(
                Violation(Property.RECOVERY, f"{self.name} can't start: {error}")
            )

    async def _started(self, node: Node) -> bool:
        """Start a node, and tell whether it came so far."""
        starting = self.process.start(node.start())
        done = asyncio.get_running_loop().create_future()

        def finish(_task: object = None) -> None:
            if not done.done():
                done.set_result(None)

        starting.add_done_callback(finish)
        self.calls[0] = finish
        await done
        self.calls.pop(0, None)
        if not starting.done():
            return False
        starting.result()
        return self.is_up

    def _assemble(self, draw: SplitMix64) -> Node:
        """Put a member together, as `raftwerk serve` does."""
        directory_id = 0x100 + self.node_id
        identity = DirectoryIdentity(CLUSTER_ID, self.node_id, directory_id)
        self._log = log = self._open_log(identity)
        try:
            snapshots = whole_snapshots(self.disk, _DIRECTORY, log)
        except BaseException:
            log.close()
            raise
        machine = self._make_state_machine()
        host = self.process.host
        transport = witnessed_transport(
            self,
            Identity(
                cluster_id=CLUSTER_ID,
                node_id=self.node_id,
                directory_id=directory_id,
                address=self.address,
            ),
            host,
            self._report,
            lambda peer: node.refusal(peer),
        )
        tap = Tap(transport, self.world.clock)
        config = self._make_config(directory_id)
        self._flight = self._make_flight(config)
        node = Node(
            config,
            machine,
            host=host,
            store=log,
            snapshots=snapshots,
            transport=tap,
            flight=self._flight,
        )
        node.observe(self._observe)
        if self.world.recording is not None:
            self._feed = self._make_feed(node, config, tap)
        self.services = self._make_services(
            node, ClusterService(node, host.timers, draw.fork("cluster")), draw
        )
        log.machine = self
        return node

    def _open_log(self, identity: DirectoryIdentity) -> WitnessedLog:
        """Recover the log; on a first start make one."""
        if Wal.exists(self.disk, _DIRECTORY):
            opened = WitnessedLog.open(
                self.disk, _DIRECTORY, segment_bytes=_SEGMENT_BYTES
            )
            self.durable.check_recovered(opened.last_index(), opened.initial_state()[0])
        else:
            if self.lives > 1 and self.has_had_log:
                raise Violation(
                    Property.RECOVERY, f"member {self.node_id} finds no log of its own"
                )
            opened = WitnessedLog.create(
                self.disk,
                _DIRECTORY,
                identity,
                self._first,
                segment_bytes=_SEGMENT_BYTES,
            )
        self.has_had_log = True
        assert isinstance(opened, WitnessedLog)  # nosec B101: for the type checker
        return opened

    def _make_config(self, directory_id: int) -> NodeConfig:
        """Return what the member is told: snapshots as often as the plan says."""
        snapshot_entries = self.world.plan.snapshot_entries
        return NodeConfig(
            node_id=self.node_id,
            cluster_id=CLUSTER_ID,
            name=self.name,
            peer_urls=(f"http://{self.address}",),
            directory_id=directory_id,
            snapshot_entries=snapshot_entries,
            snapshot_keep_entries=snapshot_entries // 4,
        )

    def _make_flight(self, config: NodeConfig) -> FlightRecorder | None:
        """Return the member's flight recorder, if this world has any."""
        world = self.world
        if world.flights is None:
            return None
        beat = config.heartbeat_millis
        host = self.process.host
        return make_recorder(world.flights, self.name, host, world.clock, beat)

    def _make_feed(self, node: Node, config: NodeConfig, tap: Tap) -> EventFeed:
        """Return what the member tells those who watch, by the right time."""
        clock = self.world.clock
        meter = Meter(clock)
        told = msgspec.structs.replace(self.process.host, clock=clock)
        feed = EventFeed(node, config, told, log=self._log, tap=tap, meter=meter)
        node.meter = meter
        return feed

    @abstractmethod
    def _make_state_machine(self) -> StateMachine:
        """Return what commands are applied to, new, and shown to who checks."""

    @abstractmethod
    def _make_services(
        self, node: Node, cluster: ClusterService, draw: SplitMix64
    ) -> Services:
        """Return what clients call."""

    def _duties_of(self, _services: Services) -> Iterable[Coroutine[Any, Any, None]]:
        """Return what a member does by itself, beside what all do."""
        return ()

    def _begin_duties(self) -> None:
        """Have done what a leader owes the group, and look at it from now on."""
        services = self.services
        self.see_state()
        for duty in (*self._duties_of(services), services.cluster.run()):
            self._duties.append(asyncio.ensure_future(duty))
        if self._feed is not None:
            self._duties.append(asyncio.ensure_future(self._record(self._feed)))

    async def _record(self, feed: EventFeed) -> None:
        """Have kept what the member tells those who watch it."""
        subscription = feed.subscribe()
        while lines := await subscription.take():
            if self.world.recording is not None:
                self.world.recording += lines

    async def _watch_end(self, node: Node, life: int) -> None:
        """Notice that a member failed."""
        try:
            await node.wait_ended()
        except PowerCut:
            if self._is_in(life):  # by an operation that tells nobody, as `remove`
                self._power_was_cut()
        except Violation:
            return  # told already
        except StorageError as error:
            if self._is_in(life):
                self._failed(error)
        except MemberRemoved as error:
            self._was_removed(error)
        except RaftwerkError as error:
            self.world.violated(Violation(Property.INVARIANT, f"{self.name}: {error}"))
        # pylint: disable-next=broad-exception-caught  # told, whatever it is
        except Exception as error:
            self.world.broke(error)

    def _is_in(self, life: int) -> bool:
        """Tell whether a life goes on."""
        return self.is_up and self.lives == life

    def _failed(self, error: StorageError) -> None:
        """End a process whose disk failed, if it was told to."""
        if not (self.may_fail or self.disk.capacity_bytes is not None):
            self.world.violated(
                Violation(Property.RECOVERY, f"{self.name} fails by itself: {error}")
            )
        self.world.tell(self, f"stops: {error}")
        self.kill()

    def _was_removed(self, error: MemberRemoved) -> None:
        """Switch a machine off whose member is one no more; somebody must know that."""
        if not self.world.is_removed(self.node_id):
            self.world.violated(
                Violation(Property.CONFIGURATION, f"{self.name}, by mistake: {error}")
            )
        self.world.tell(self, "ends, for it was removed")
        self.kill()
        self.is_gone = self.is_removed = True

    def _damaged(self, error: WalCorrupted) -> None:
        """Take a machine whose data is damaged out of service."""
        if not self.has_rotted:
            self.world.violated(
                Violation(Property.RECOVERY, f"{self.name} can't start: {error}")
            )
        self.world.tell(self, f"does not start: {error}")
        self.kill()
        self.is_gone = True

    def _power_was_cut(self) -> None:
        """End the process in the middle of an operation of its disk."""
        if self.is_up:
            self.lose_power(self.world.draw.fork(f"cut {self.node_id} {self.lives}"))

    def lose_power(self, draw: SplitMix64 | None) -> None:
        """End the process; what of its last writes survives is drawn.

        Parameters
        ----------
        draw : SplitMix64 or None
            None: nothing that was not synced.
        """
        if not self.is_up:
            return
        self._end(is_heard=False)
        self.disk.crash(draw)
        self.world.tell(self, "loses its power")

    def kill(self) -> None:
        """End the process; the disk has all that was written."""
        if self.is_up:
            self._end()
            self.disk.kill()
            self.world.tell(self, "is killed")

    def _end(self, *, is_heard: bool = True) -> None:
        """Never run the process again; its peers hear of it, if the machine goes on."""
        self._feed = None
        self.land()
        self.is_up = self.is_ready = self.is_paused = False
        self.process.kill()
        self._duties.clear()
        self.world.ways.network.crash(self.node_id)
        self.world.ways.streams.crash(self.process, is_heard)
        self.world.record_process(self, "killed")
        calls, self.calls = self.calls, {}
        for number in sorted(calls):
            calls[number]()

    def land(self) -> None:
        """Have all that the flight recorder noted in its files, if there is one."""
        if self._flight is not None:
            self._flight.flush()

    async def stop(self) -> None:
        """Stop the member in order, for a bounded time."""
        life = self.lives
        self.world.tell(self, "is asked to stop")
        self.is_ready = False
        stopping = self.process.start(self.services.node.stop())
        try:
            await self.world.done_within(stopping, STOP_SECONDS)
        finally:
            if self._is_in(life):
                self.kill()

    def strike_amid(self) -> None:
        """Have happen what was to happen when the state machine is amid a change."""
        strike = self.amid
        if strike is None:
            return
        strike.turns -= 1
        if strike.turns < 0:
            self.amid = None
            self.world.tell(self, "is amid a change of many keys")
            self.world.outside(strike.act)

    def set_drift(self, drift: float) -> None:
        """Have the clock run at another rate.

        Parameters
        ----------
        drift : float
            Seconds that it gains in each true second.
        """
        self.rate_max = max(self.rate_max, 1.0 + drift)
        self.clock.change(drift=drift)
        self.world.tell(self, f"its clock runs at {1.0 + drift:g}")

    def pause(self) -> None:
        """Have the process do nothing, as by SIGSTOP."""
        if self.is_up and not self.is_paused:
            self.is_paused = True
            self.process.suspend()
            self.world.tell(self, "is stalled")
            self.world.record_process(self, "paused")

    def go_on(self) -> None:
        """Have it go on."""
        if self.is_up and self.is_paused:
            self.is_paused = False
            self.process.resume()
            self.world.tell(self, "goes on")
            self.world.record_process(self, "running")

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run something in the process.

        Parameters
        ----------
        coroutine : Coroutine
            What.

        Returns
        -------
        asyncio.Task
            Never done if the process is killed before.
        """
        return self.process.start(coroutine)

    # ---- what is seen -------------------------------------------------------

    @property
    def ledger(self) -> Agreement:
        """Where all is held against what others showed."""
        return self.world.ledger

    def restored_index(self) -> LogIndex:
        """Return what the snapshot covers with which the member begins.

        Returns
        -------
        LogIndex
            The last entry in it.
        """
        return self._log.snapshot().index

    def look(self, messages: Sequence[Message] = ()) -> None:
        """Check what the member takes for committed, and what it is about to say.

        Parameters
        ----------
        messages : sequence of Message
            To others.
        """
        try:  # and not `checking`: this is done for each message that leaves
            self.ledger.look(self.seen)
            for message in messages:
                self.durable.check(message)
        except Violation as violation:
            self.world.violated(violation)
            raise

    def check_append(
        self, entries: Sequence[Entry], prev_term: Term, last_index: int
    ) -> None:
        """Check what the member is about to store.

        Parameters
        ----------
        entries : sequence of Entry
            Not empty.
        prev_term : Term
            Of the entry before them.
        last_index : int
            The end of its log by now.
        """
        with self.world.checking():
            self.ledger.note_append(self.seen, entries, prev_term, last_index)

    def see_state(self) -> None:
        """Know what to look at, as soon as there is something."""
        if self.seen.state is None:
            with suppress(NotLeader):  # it is starting
                self.seen.state = self.services.node.replica.state

    def _observe(self, events: Sequence[Event]) -> None:
        """Tell what the core tells, and check a new leader."""
        self.look()
        for event in events:
            if isinstance(event, BecameLeader):
                self.see_state()
                with self.world.checking():
                    self.ledger.note_leader(self.seen, event.term)
            elif isinstance(event, ConfSwitched) and self.amid_members is not None:
                self._strike_amid_members()
            self.world.happened(self, event)

    def _strike_amid_members(self) -> None:
        """Have happen what was to happen when the members change."""
        strike = self.amid_members
        if strike is not None:
            strike.turns -= 1
            if strike.turns < 0:
                self.amid_members = None
                self.world.outside(strike.act)

    def _report(self, _level: int, event: str, /, **fields: object) -> None:
        """Keep what the transport says for the story."""
        self.world.murmur(self, event, fields)
