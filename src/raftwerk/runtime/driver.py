"""The loop around the core: collect inputs, step, do what `Ready` asks, in order.

Everything that arrives in one turn of the event loop is one batch: one proposal of many
entries, one append, one sync for all that came while the last one ran, one message a
peer. The leader writes its disk and sends in parallel (thesis §10.2.1).
"""

import asyncio
from collections.abc import Callable, Sequence

from raftwerk.config import NodeConfig, Url
from raftwerk.core.config import CoreConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import (
    Input,
    Propose,
    ReadIndex,
    ReportUnreachable,
    Tick,
)
from raftwerk.core.messages import Message, PeerMessage, Proposal
from raftwerk.core.ready import AppendOrder, ApplyOrder, Ready
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.errors import MisuseError, NotProposed, PeerError
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.barriers import Barriers
from raftwerk.runtime.changes import propose_change
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.runtime.members import Member
from raftwerk.runtime.publisher import Publisher
from raftwerk.runtime.snapshots import Snapshots, state_chunks
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.syncer import Syncer
from raftwerk.runtime.ticker import Ticker
from raftwerk.runtime.waiters import Waiters
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import Transport
from raftwerk.types import LogIndex, NodeId

__all__ = ["Driver", "core_config"]

_INCARNATIONS = 2**63


def core_config(config: NodeConfig, applied_index: LogIndex) -> CoreConfig:
    """Return the core's configuration: milliseconds as ticks.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    applied_index : LogIndex
        What the state machine holds at start.

    Returns
    -------
    CoreConfig
        With asynchronous storage, pre-vote and check-quorum.
    """
    tick = config.tick_millis
    return CoreConfig(
        node_id=config.node_id,
        election_ticks_min=max(config.election_timeout_min_millis // tick, 2),
        election_ticks_max=max(config.election_timeout_max_millis // tick, 2),
        heartbeat_ticks=max(config.heartbeat_millis // tick, 1),
        asynchronous_storage=True,
        append_bytes_max=config.append_bytes_max,
        inflight_bytes_max=config.inflight_bytes_max,
        uncommitted_bytes_max=config.uncommitted_bytes_max,
        committed_bytes_max=config.committed_bytes_max,
        applied_index=applied_index,
    )


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
    """

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
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._config = config
        self._clock = host.clock
        self._transport = transport
        self._on_events = on_events
        self._on_failure = on_failure
        sender = Sender(config.node_id, host.draw.below(_INCARNATIONS))
        self._sender = sender
        self.waiters = Waiters(self._loop, config.queue_max)
        self.barriers = Barriers(self._loop, config.queue_max)
        self._applier = Applier(machine, sender, self.waiters, self._apply_change)
        snapshot = stores.log.snapshot()
        self._applier.restore(snapshot, state_chunks(stores.snapshots, snapshot))
        self.replica = Replica(
            core_config(config, snapshot.index), stores.log, host.draw.below
        )
        self._syncer = Syncer(
            stores.log, host.threads("disk"), self._on_synced, self.fail
        )
        self.snapshots = Snapshots(
            config,
            self._applier,
            self.replica,
            stores,
            syncer=self._syncer,
            host=host,
            owner=self,
        )
        self._publisher = Publisher(
            config,
            host.timers,
            lambda: self._applier.members,
            lambda record: self.propose(record, EnvelopeKind.RECORD),
        )
        self._ticker = Ticker(host, config.tick_millis / 1000, self.wake)
        self._heartbeat_ticks = self.replica.state.config.heartbeat_ticks
        self._round_seconds = config.election_timeout_min_millis / 1000
        self._next_expiry = 0.0
        self._inputs: list[Input | Message] = []
        self._is_scheduled = False
        self._is_stopped = False

    # ---- what comes in ------------------------------------------------------

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Do as `Receiver.on_messages` says."""
        aside = self.snapshots.handlers
        for message in messages:
            handler = aside.get(type(message))
            if handler is None:
                self._inputs.append(message)
            else:
                handler(message)
        self.wake()

    def on_unreachable(self, peer: NodeId) -> None:
        """Do as `Receiver.on_unreachable` says."""
        self.give(ReportUnreachable(peer))
        self.snapshots.lost(peer)

    def on_snapshot(self, peer: NodeId, arrived: bool) -> None:
        """Do as `Receiver.on_snapshot` says; that an offer arrived means little."""
        if not arrived:
            self.snapshots.lost(peer)

    def give(self, event: Input) -> None:
        """Give the core an input, in the next turn.

        Parameters
        ----------
        event : Input
            Any.
        """
        self._inputs.append(event)
        self.wake()

    def propose(
        self, content: bytes, kind: EnvelopeKind = EnvelopeKind.COMMAND
    ) -> "asyncio.Future[object]":
        """Hold a proposal for the next turn.

        Parameters
        ----------
        content : bytes
            What is proposed.
        kind : EnvelopeKind
            For whom.

        Returns
        -------
        Future
            Its outcome.

        Raises
        ------
        QueueFull
            If too many wait already.
        """
        number = self.waiters.next_number()
        future = self.waiters.add(
            number, self._sender.wrap(kind, number, content), self._deadline()
        )
        self.wake()
        return future

    def change_members(
        self, change: ConfChange, members: Sequence[Member] = ()
    ) -> "asyncio.Future[object]":
        """Propose a membership change at once; only a leader can tell if it is refused.

        Parameters
        ----------
        change : ConfChange
            Without a context.
        members : sequence of Member
            Names and addresses of those who are new or have moved.

        Returns
        -------
        Future
            The configuration when it is applied.

        Raises
        ------
        NotLeader
            If this member does not lead; the message names who does.
        InvalidChange
            If it can't be had now: another one is under way, say.
        QueueFull
            If too many wait already.
        """
        try:
            return propose_change(
                self.replica,
                self._sender,
                self.waiters,
                change,
                members,
                self._deadline(),
            )
        finally:
            self.wake()  # A change that was refused leaves an entry too.

    def _apply_change(self, change: ConfChange) -> ConfState:
        """Apply a membership change to the core."""
        return self.replica.apply_conf_change(change)

    def read_barrier(self) -> "asyncio.Future[LogIndex]":
        """Let a read wait for the next round.

        Returns
        -------
        Future
            The index that is applied at least when it is done.

        Raises
        ------
        QueueFull
            If too many wait already.
        """
        future = self.barriers.add(self._deadline())
        self.wake()
        return future

    def _deadline(self) -> float:
        """Return until when a request that comes now may wait."""
        return self._clock.now() + self._config.request_timeout_millis / 1000

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages that the core knows nothing of.

        Parameters
        ----------
        messages : sequence of Message
            To any peers.
        """
        if not self._is_stopped:
            self._transport.send(messages)

    # ---- turns --------------------------------------------------------------

    def wake(self) -> None:
        """Have a turn soon: when all that this turn of the loop brings is there."""
        if not self._is_scheduled and not self._is_stopped:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Take everything in, and do what it asks for."""
        self._is_scheduled = False
        if self._is_stopped:
            return
        try:
            self._pass_time()
            while True:
                self._step_inputs()
                self._propose_held()
                self._begin_reads()
                if not self.replica.has_ready():
                    break
                self._carry_out(self.replica.ready())
            events = self.replica.take_events()
            if events:
                self._on_events(events)
            self._arm()
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Whatever it is, half a turn is done: this member can't go on.
            self.fail(error)

    def _pass_time(self) -> None:
        """Count the ticks since the last turn."""
        expected = self.replica.ticks_until_deadline()
        ticks, is_stalled = self._ticker.passed(expected, self._heartbeat_ticks)
        if ticks == 0:
            return
        if is_stalled and self.replica.state.role is not Role.LEADER:
            # This process did not run; that says nothing about the leader, whose
            # heartbeats wait in our sockets. It gets one more interval to be heard.
            ticks = max(expected - self._heartbeat_ticks, 1)
        self.replica.step(Tick(ticks))
        now = self._clock.now()
        if now >= self._next_expiry:
            self._next_expiry = now + self._config.heartbeat_millis / 1000
            self.waiters.expire(now)
            self.barriers.expire(now)
            self.barriers.ask_again_if_late(now, self._round_seconds)
            self.snapshots.look_for_lost()

    def _arm(self) -> None:
        """Have a turn at the core's deadline, or sooner if somebody waits."""
        ticks = self.replica.ticks_until_deadline()
        if len(self.waiters) or len(self.barriers):
            ticks = min(ticks, self._heartbeat_ticks)
        self._ticker.arm(ticks)

    def _step_inputs(self) -> None:
        """Step what came in; what a peer sent and can't be meant is dropped."""
        inputs, self._inputs = self._inputs, []
        for event in inputs:
            try:
                self.replica.step(event)
            except (NotProposed, MisuseError, PeerError):
                # A peer's proposal that we can't take: its own member settles it. An
                # answer of one who was removed: nobody waits for it.
                continue

    def _propose_held(self) -> None:
        """Propose what is held, as far as the core takes it now."""
        state = self.replica.state
        while self.waiters.has_held and state.leader is not None:
            held = self.waiters.take_held(self._config.append_bytes_max)
            if not held:
                return
            term, is_handed_on = state.term, state.role is not Role.LEADER
            try:
                self.replica.step(
                    Propose(tuple([Proposal(waiter.data) for waiter in held]))
                )
            except NotProposed:
                # Too much waits for a quorum, or leadership is being handed over:
                # both end, and each turn tries again.
                self.waiters.put_back(held)
                return
            self.waiters.proposed(held, term, is_handed_on)

    def _begin_reads(self) -> None:
        """Begin a round for the reads that wait, if a leader is known."""
        if self.barriers.needs_round and self.replica.state.leader is not None:
            context = self.barriers.begin_round(self._clock.now())
            self.replica.step(ReadIndex(context))

    # ---- what goes out ------------------------------------------------------

    def _carry_out(self, ready: Ready) -> None:
        """Do what one `Ready` asks for."""
        if ready.soft_state is not None:
            self.barriers.ask_again()
        if ready.messages:
            self.snapshots.sending(ready.messages)
            self._transport.send(ready.messages)
        if ready.append is not None and self._syncer.give(ready.append):
            self._finish([ready.append])
        for read_state in ready.read_states:
            self.barriers.confirm(read_state.context, read_state.read_index)
        if ready.apply is not None:
            self._apply(ready.apply)
        if ready.read_states:
            self.barriers.applied(self._applier.applied_index)

    def _apply(self, order: ApplyOrder) -> None:
        """Apply committed entries, and serve the reads that waited for them."""
        if self._applier.apply(order.entries):
            self.connect_members()
        self._inputs.append(order.done)
        self.barriers.applied(self._applier.applied_index)
        self.snapshots.applied()

    def on_restored(self) -> None:
        """Go on from a snapshot."""
        self.connect_members()
        self.barriers.applied(self._applier.applied_index)

    def _on_synced(self, orders: list[AppendOrder]) -> None:
        """Go on with what waited for the disk."""
        if self._is_stopped:
            return
        try:
            self._finish(orders)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.fail(error)  # As in `_turn`.
            return
        self.wake()

    def _finish(self, orders: list[AppendOrder]) -> None:
        """Send the replies of orders that are done, and tell the core."""
        own_id = self._config.node_id
        outgoing: list[PeerMessage] = []
        for order in orders:
            for reply in order.replies:
                if reply.receiver == own_id:
                    self._inputs.append(reply)
                else:
                    outgoing.append(reply)
            if order.snapshot is not None:
                self.snapshots.restore(order)
            elif order.done is not None:
                self._inputs.append(order.done)
        if outgoing:
            self._transport.send(outgoing)

    def connect_members(self) -> None:
        """Tell the transport who the peers are now, and the peers who we are."""
        self._publisher.look()
        own_id = self._config.node_id
        self._transport.set_peers(
            {
                node_id: Url.parse("peer URL", member.peer_urls[0]).host_port
                for node_id, member in self._applier.members.by_id.items()
                if node_id != own_id and member.peer_urls
            }
        )

    @property
    def applier(self) -> Applier:
        """What is applied, and who the members are; to look at."""
        return self._applier

    # ---- the end ------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Stop at once: after this nothing may be promised any more.

        Parameters
        ----------
        error : BaseException
            Why.
        """
        if not self._is_stopped:
            self._end(f"member {self._config.node_id} failed")
            self._on_failure(error)

    def _end(self, reason: str) -> None:
        """Take nothing more, and tell all who wait."""
        self._is_stopped = True
        self._ticker.stop()
        self._publisher.stop()
        self.waiters.end_all(reason)
        self.barriers.end_all(reason)

    async def stop(self) -> None:
        """Stop, and let the sync that runs end."""
        if not self._is_stopped:
            self._end(f"member {self._config.node_id} was stopped")
        await self.snapshots.close()
        await self._syncer.close()
