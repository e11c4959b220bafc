"""The loop around the core: collect inputs, step, have done what `Ready` asks.

Everything that arrives in one turn of the event loop is one batch: one proposal of many
entries, one append, one sync for all that came while the last one ran, one message a
peer.
"""

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from raftwerk.config import NodeConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import Input, ReportUnreachable
from raftwerk.core.messages import ForwardProposal, Message
from raftwerk.core.replica import Replica
from raftwerk.errors import MisuseError, NotProposed, PeerError
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.calls import Answer, Calls
from raftwerk.runtime.core_settings import core_config
from raftwerk.runtime.duties import Duties
from raftwerk.runtime.effects import Effects
from raftwerk.runtime.handed_on import FOR_LEADERS, is_for, refusal_of
from raftwerk.runtime.loop_lag import LoopLag
from raftwerk.runtime.requests import Requests
from raftwerk.runtime.snapshot_reading import fill
from raftwerk.runtime.snapshots import Snapshots
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.timekeeper import Timekeeper
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.disk_report import DiskReport
from raftwerk.transport.protocol import Transport
from raftwerk.transport.refusals import ProposalsRefused
from raftwerk.types import NodeId

if TYPE_CHECKING:  # loaded by who records
    from raftwerk.runtime.flight import FlightRecorder

__all__ = ["Driver"]

Result = TypeVar("Result")


class Driver:
    """Drives one replica on the running event loop; it is the transport's receiver.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    machine : StateMachine
        What entries are applied to.
    host : Host
        Time, threads and draws.
    stores : Stores
        The log, and the state of snapshots.
    transport : Transport
        The way to the peers.
    on_events : callable
        Takes the core's events of one turn.
    on_failure : callable
        Takes the error that ends this member; nothing is done after that.
    answers : mutable mapping of str to Answer
        Who answers calls while this member leads, by topic; the driver adds itself.
    flight : FlightRecorder, optional
        Notes all that the core is told; not one that another driver was given.

    Attributes
    ----------
    calls : Calls
        What is asked of the leader, and as the leader.
    disk : DiskGuard
        What follows from how the disk is.
    replica : Replica
        The core; to look at.
    requests : Requests
        What is asked of this member.
    applier : Applier
        What is applied, and who the members are; to look at.
    duties : Duties
        What this member sees to by itself.
    timekeeper : Timekeeper
        What time means to the core.
    loop_lag : LoopLag
        How late the loop is.
    """

    # pylint: disable-next=too-many-arguments  # the parts of a member, each once
    def __init__(
        self,
        config: NodeConfig,
        machine: StateMachine,
        *,
        host: Host,
        stores: Stores,
        transport: Transport,
        on_events: Callable[[Sequence[Event]], None],
        on_failure: Callable[[BaseException], None],
        answers: MutableMapping[str, Answer],
        flight: "FlightRecorder | None" = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._config = config
        self._clock = host.clock
        self._on_events = on_events
        self._on_failure = on_failure
        self._inputs: list[Input | Message] = []
        self._is_scheduled = False
        self._is_in_turn = False
        self._is_stopped = False
        self._flight = flight
        if flight is not None:
            stores = flight.stores(stores)
        snapshot = stores.log.snapshot()
        replica = self.replica = (flight.replica if flight else Replica)(
            core_config(config, snapshot.index), stores.log, host.draw.below
        )
        requests = self.requests = Requests(
            config,
            replica,
            host,
            self.wake,
            lambda: self.applier.members,
            lambda: self.applier.is_quarantined,
        )
        applier = self.applier = Applier(
            machine, requests.sender, requests.waiters, replica.apply_conf_change
        )
        applier.restored(snapshot, fill(stores.snapshots, snapshot, machine))
        effects = self._effects = Effects(
            config,
            replica,
            applier,
            requests,
            host=host,
            stores=stores,
            transport=transport,
            owner=self,
        )
        self.disk = effects.disk
        self.calls = Calls(config, replica.state, host, effects.send, answers)
        self._aside: dict[type[Message], Callable[..., None]] = {
            **effects.snapshots.handlers,
            **self.calls.handlers,
            ProposalsRefused: self._handed_back,
            DiskReport: self.disk.on_report,
        }
        self.duties = Duties(
            config,
            replica,
            applier,
            requests,
            self.calls,
            effects.snapshots,
            host=host,
            transport=transport,
            answers=answers,
            owner=self,
        )
        self.timekeeper = Timekeeper(
            config,
            replica,
            host,
            self.wake,
            self._look_around,
            lambda: self.disk.may_stand and self.duties.soundness.may_stand,
        )
        self.loop_lag = LoopLag(host, config.heartbeat_millis / 1000)
        self.loop_lag.start()

    @property
    def snapshots(self) -> Snapshots:
        """All about snapshots.

        Returns
        -------
        Snapshots
            To have one taken.
        """
        return self._effects.snapshots

    # ---- what comes in ------------------------------------------------------

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Do as `Receiver.on_messages` says."""
        if self._is_stopped:
            return
        for message in messages:
            handler = self._aside.get(type(message))
            if handler is None:
                if self.disk.admits(message):
                    self._inputs.append(message)
                continue
            try:
                handler(message)
            # pylint: disable-next=broad-exception-caught  # any ends it
            except Exception as error:
                self.fail(error)  # As in `_turn`.
                return
        self._take_in()

    def on_unreachable(self, peer: NodeId) -> None:
        """Do as `Receiver.on_unreachable` says."""
        self.give(ReportUnreachable(peer))
        self.snapshots.lost(peer)
        self.calls.lost(peer)

    def on_snapshot(self, peer: NodeId, arrived: bool) -> None:
        """Do as `Receiver.on_snapshot` says; that an offer arrived means little."""
        if not arrived:
            self.snapshots.lost(peer)

    def on_removed(self, words: str) -> None:
        """Do as `Receiver.on_removed` says: nobody will hear of us again."""
        self.duties.removal.told(words)

    def give(self, event: Input | Message) -> None:
        """Give the core an input: in this turn, or in the next if there is none.

        Parameters
        ----------
        event : Input
            Any.
        """
        if not self._is_stopped:
            self._inputs.append(event)
            if not self._is_in_turn:
                self.wake()

    def take(self, events: Sequence[Input | Message]) -> None:
        """Do as `effects.Owner.take` says."""
        if not self._is_stopped:
            self._inputs += events
            if not self._is_in_turn:
                self._take_in()

    def query(self, query: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Call something between two batches, where the state machine is called.

        Parameters
        ----------
        query : callable
            Reads the state machine.

        Returns
        -------
        Future
            What it returned, or raised.
        """
        return self._effects.machine_queue.call(query)

    # ---- turns --------------------------------------------------------------

    def wake(self) -> None:
        """Have a turn soon: when all that this turn of the loop brings is there."""
        if not self._is_scheduled and not self._is_stopped:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)

    def _handed_back(self, refusal: ProposalsRefused) -> None:
        """Hold again what the leader did not take, to propose it in some turn."""
        self.requests.proposing.handed_back(refusal)
        self.wake()

    def _take_in(self) -> None:
        """Step what came in, and have a turn at once, if that asks for something.

        Of all that comes in almost half asks for nothing: answers beyond a quorum's,
        and that a follower has stored what it answered for. Of the rest, somebody waits
        for most: were the loop to come round first, the next thing to come in would be
        read before, often an answer beyond a quorum's.
        """
        if self._is_scheduled or self._is_in_turn or self._is_stopped:
            self.wake()  # the turn that comes takes it in
            return
        try:
            self._is_in_turn = True
            is_any_due = self.timekeeper.pass_time()
            self._step_inputs()
            self._is_in_turn = False
            replica = self.replica
            has_events = bool(replica.state.events)
            if is_any_due or self._inputs or has_events or replica.has_ready():
                self._turn()
        # pylint: disable-next=broad-exception-caught  # any ends it
        except Exception as error:
            self.fail(error)  # As in `_turn`.

    def _turn(self) -> None:
        """Take everything in, and do what it asks for."""
        self._is_scheduled = False
        if self._is_stopped:
            return
        began = self._clock.now()
        try:
            self._is_in_turn = True
            self.timekeeper.pass_time()
            # Of what may be much, one batch or page a turn: whatever else the loop has
            # to do comes before the next.
            is_more = False
            while True:
                self._step_inputs()
                is_more = is_more or self.requests.begin()
                if not self.replica.has_ready():
                    break
                ready = self.replica.ready()
                if self._effects.carry_out(ready):
                    self._step_inputs()  # what was applied, if that is done already
                    is_more = is_more or self.replica.has_ready()
                    break
                if not (self._inputs or ready.soft_state or ready.read_states):
                    break  # nothing was done that might let something else begin
            if is_more:
                self.wake()
            self._is_in_turn = False
            self._tell_events()
            self.duties.look()
            self.timekeeper.arm(self.requests.is_any_waiting)
        # pylint: disable-next=broad-exception-caught  # any ends it
        except Exception as error:
            # Whatever it is, half a turn is done: this member can't go on.
            self.fail(error)
        self.loop_lag.turn_took(self._clock.now() - began)

    def _look_around(self, now_seconds: float) -> None:
        """Do what is to be done now and then, whatever comes in."""
        self.disk.look(now_seconds)
        self.requests.refuse(self.disk.refusal)
        self.requests.cannot_follow(self.disk.behind)
        self.requests.pass_time(now_seconds)
        self.snapshots.look_for_lost()

    def _step_inputs(self) -> None:
        """Step what came in; what a peer sent and can't be meant is dropped."""
        inputs, self._inputs = self._inputs, []
        for event in inputs:
            try:
                if not isinstance(event, FOR_LEADERS):  # as most is
                    self.replica.step(event)
                    continue
                if self._takes(event):
                    self.replica.step(event)
                    if isinstance(event, ForwardProposal):
                        self._effects.notices.handed_on(event)
                    continue
            except (NotProposed, MisuseError, PeerError):
                # A peer's proposal that we can't take. An answer of one who was
                # removed: nobody waits for it.
                pass
            if isinstance(event, ForwardProposal):
                self._effects.send([refusal_of(event)])

    def _takes(self, event: Input | Message) -> bool:
        """Tell whether an input is for us now, and there is room for it."""
        if isinstance(event, ForwardProposal) and self.disk.refusal:
            return False
        return is_for(self.replica.state, event)

    def _tell_events(self) -> None:
        """Tell what happened in the core."""
        events = self.replica.take_events()
        if events:
            self.disk.on_events(events)
            self._on_events(events)

    def members_changed(self) -> None:
        """Do as `effects.Owner.members_changed` says."""
        self.duties.members_changed()

    # ---- the end ------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Stop at once: after this nothing may be promised any more.

        Parameters
        ----------
        error : BaseException
            Why.
        """
        if not self._is_stopped:
            if self._flight is not None:
                self._flight.failed(error)
            self._end("failed")
            self._on_failure(error)

    def _end(self, how: str) -> None:
        """Take nothing more, and tell all who wait."""
        self._is_stopped = True
        self._inputs.clear()
        self.timekeeper.stop()
        self.loop_lag.stop()
        self.calls.stop()
        self.duties.stop()
        self._effects.stop()
        self.requests.end(f"member {self._config.node_id:x} {how}")
        self.duties.farewell.end()
        self._tell_events()

    async def hand_over(self) -> None:
        """Let another one lead, if we do, for a bounded time; go on as any member."""
        if not self._is_stopped:
            await self.duties.farewell.hand_over()

    async def say_farewell(self) -> None:
        """Let another one lead, and end what is under way, for a bounded time."""
        if not self._is_stopped:
            self.requests.end_unbegun(f"member {self._config.node_id:x} is stopping")
            await self.duties.farewell.say()

    async def stop(self) -> None:
        """Stop, and let end what is under way on disks and in threads."""
        if not self._is_stopped:
            self._end("was stopped")
        await self._effects.close()
        if self._flight is not None:
            await self._flight.close()
