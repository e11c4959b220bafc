"""One direction between two members of a `MemoryNetwork`: connection and messages."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVarTuple

import msgspec

from raftwerk.core.messages import ForwardProposal, InstallSnapshot, Message
from raftwerk.transport.calls import CallLeader
from raftwerk.transport.codec import Assembler
from raftwerk.transport.conditions import Conditions, happens
from raftwerk.transport.endpoint import Endpoint, World, meet
from raftwerk.transport.frame import FrameDecoder
from raftwerk.transport.handshake import RefusalCode
from raftwerk.transport.lanes import Lanes
from raftwerk.transport.parcel import lane_of, whole_frame
from raftwerk.transport.protocol import PeerView
from raftwerk.transport.refusals import ProposalsRefused
from raftwerk.types import NodeId

__all__ = ["Route"]

Args = TypeVarTuple("Args")

_ONCE: Final = (CallLeader, ForwardProposal, ProposalsRefused)
"""What would be another request if it came twice; no transport does that to it."""


class _Shipment(msgspec.Struct, frozen=True):
    """Messages on their way."""

    target: Endpoint
    messages: Sequence[Message]
    data: bytes
    """The same in frames, where the network makes some; then only these count."""
    snapshots: int
    """Of how many snapshots the sender waits to hear."""


class Route:
    """From one member to another; a `Way`.

    Parameters
    ----------
    world : World
        The network.
    sender : Endpoint
        Whose messages these are.
    receiver : NodeId
        To whom they go.
    address : str
        Where the sender believes it to be.
    """

    def __init__(
        self, world: World, sender: Endpoint, receiver: NodeId, address: str
    ) -> None:
        """Connect with the first message."""
        self.receiver = receiver
        self.address = address
        self._world = world
        self._sender = sender
        self._target: Endpoint | None = None
        """Who answered the handshake; None while there is no connection."""
        self._is_loss_told = False
        self._since = sender.clock.now()
        self._trouble = "not connected yet"
        self._sent_bytes = 0
        self._dropped_messages = 0
        self._lanes = Lanes(world.config)
        """Empty between two shipments."""
        self._assembler = Assembler(world.config.message_bytes_max)
        self._decoder = FrameDecoder(world.config.frame_bytes_max)
        self._waiting: deque[_Shipment] = deque()
        self._waiting_messages = 0

    # -- What the network asks ---------------------------------------------------------

    def leads_to(self, target: Endpoint) -> bool:
        """Do as `Way.leads_to` says."""
        return self._target is target

    def notice_cut(self) -> None:
        """Do as `Way.notice_cut` says."""
        self._later(self._world.config.silence_seconds, self._on_silence, self._target)

    def disconnect(self, reason: str) -> None:
        """Do as `Way.disconnect` says."""
        if self._target is not None:
            self._target, self._since = None, self._sender.clock.now()
        self._trouble = reason
        if not self._is_loss_told:
            self._is_loss_told = True
            self._tell_unreachable()

    def view(self) -> PeerView:
        """Return what the sender knows of the receiver.

        Returns
        -------
        PeerView
            At this moment.
        """
        return PeerView(
            is_connected=self._target is not None,
            since=self._since,
            round_trip_seconds=None,
            sent_bytes=self._sent_bytes,
            received_bytes=self._sender.received_bytes.get(self.receiver, 0),
            waiting_messages=self._waiting_messages,
            waiting_bytes=sum(len(shipment.data) for shipment in self._waiting),
            dropped_messages=self._dropped_messages,
            trouble=self._trouble,
        )

    # -- Sending -----------------------------------------------------------------------

    def send(self, messages: Sequence[Message]) -> None:
        """Bring messages on their way, in the order of their lanes.

        Parameters
        ----------
        messages : sequence of Message
            All for this receiver.
        """
        target = self._connected()
        if target is None:
            self._lose(messages)
            return
        world = self._world
        conditions = world.conditions_of(self._sender.node_id, self.receiver)
        if len(messages) > 1:
            messages = sorted(messages, key=lane_of)
        if not conditions.keeps_all:
            messages = self._disturbed(target, messages, conditions)
        room = world.config.queue_messages_max - self._waiting_messages
        if len(messages) > room:
            self._lose(messages[room:])
            self._tell_unreachable()
            messages = messages[:room]
        if messages:
            # Each timer brings the oldest, whichever fires first: so latencies differ
            # and the order stays.
            self._waiting.append(self._ship(target, messages))
            self._waiting_messages += len(messages)
            latency = conditions.latency_seconds(world.draw)
            world.timers.call_later(latency, self._arrive_next)

    def _disturbed(
        self, target: Endpoint, messages: Sequence[Message], conditions: Conditions
    ) -> Sequence[Message]:
        """Do to messages what happens on the way, and return those in order."""
        draw = self._world.draw
        in_order: list[Message] = []
        for message in messages:
            if happens(conditions.drop_rate, draw):
                self._lose([message])
                continue
            if happens(conditions.duplicate_rate, draw) and not isinstance(
                message, _ONCE
            ):
                self._send_late(self._ship(target, [message], is_copy=True))
            if happens(conditions.reorder_rate, draw):
                self._send_late(self._ship(target, [message]))
            else:
                in_order.append(message)
        return in_order

    def _ship(
        self, target: Endpoint, messages: Sequence[Message], is_copy: bool = False
    ) -> _Shipment:
        """Wrap messages for their way; what fits no frame is lost."""
        is_encoded = self._world.is_encoded
        if is_encoded and len(messages) == 1:
            # Most travel alone, and need no lanes to be sorted into.
            message = messages[0]
            frame = whole_frame(message)
            if frame is not None:
                self._sent_bytes += len(frame)
                told = isinstance(message, InstallSnapshot) and not is_copy
                return _Shipment(target, messages, frame, int(told))
        snapshots = _snapshots_in(messages)
        data = b""
        if is_encoded:
            lanes, pieces = self._lanes, list[bytes]()
            loss = lanes.put(messages)
            while frames := lanes.take():
                pieces += frames
            data = b"".join(pieces)
            if loss.messages:
                snapshots -= loss.snapshots
                self._tell_of_snapshots(0 if is_copy else loss.snapshots, False)
                self._dropped_messages += loss.messages
            self._sent_bytes += len(data)
        return _Shipment(target, messages, data, 0 if is_copy else snapshots)

    def _send_late(self, shipment: _Shipment) -> None:
        """Send something that keeps no order with the rest."""
        draw, conditions = self._world.draw, self._conditions()
        latency = conditions.latency_seconds(draw) + conditions.extra_seconds(draw)
        self._later(latency, self._arrive, shipment)

    # -- Arriving ----------------------------------------------------------------------

    def _arrive_next(self) -> None:
        """Let the oldest of what keeps its order arrive."""
        shipment = self._waiting.popleft()
        self._waiting_messages -= len(shipment.messages)
        self._arrive(shipment)

    def _arrive(self, shipment: _Shipment) -> None:
        """Hand messages over, if there is still a way and somebody at its end."""
        world, sender, target = self._world, self._sender, shipment.target
        is_there = world.endpoint_at(target.address) is target
        if not is_there or world.is_cut(sender.node_id, self.receiver):
            self._tell_of_snapshots(shipment.snapshots, False)
            return
        messages = shipment.messages
        if world.is_encoded:
            # Each shipment is whole frames, so all of this way share a decoder.
            data, frame = shipment.data, self._decoder.only_frame(shipment.data)
            if frame is not None:
                messages = self._assembler.take(frame)
            else:
                messages = []
                for frame in self._decoder.feed(data):
                    messages += self._assembler.take(frame)
            received = target.received_bytes
            received[sender.node_id] = received.get(sender.node_id, 0) + len(data)
        target.inbox.put_messages(messages)
        if shipment.snapshots:
            is_answered = not world.is_cut(self.receiver, sender.node_id)
            self._tell_of_snapshots(shipment.snapshots, is_answered)

    def _lose(self, messages: Sequence[Message]) -> None:
        """Lose messages; of snapshots the sender hears."""
        self._dropped_messages += len(messages)
        self._tell_of_snapshots(_snapshots_in(messages), False)

    # -- Connecting --------------------------------------------------------------------

    def _connected(self) -> Endpoint | None:
        """Return who is there, after a handshake if need be; None if nobody can be."""
        world, sender = self._world, self._sender
        target = world.endpoint_at(self.address)
        is_cut = world.is_cut(sender.node_id, self.receiver)
        if target is not None and self._target is target:
            # A connection that is cut is lost only when its silence is noticed.
            return None if is_cut else target
        if is_cut or world.is_cut(self.receiver, sender.node_id):
            self.disconnect("no handshake in time")
            return None
        if target is None:
            self.disconnect("connection refused")
            return None
        who = f"node {self.receiver:x} at {self.address}"
        refusal = meet(sender, self.receiver, target)
        if refusal is not None:
            sender.news.trouble(who, "connection refused", refusal.words)
            self.disconnect(refusal.words)
            if refusal.code == RefusalCode.REMOVED:
                sender.inbox.put_removed(refusal.words)
            return None
        self._target, self._since = target, sender.clock.now()
        self._trouble, self._is_loss_told = "", False
        sender.news.good(who, "connected to peer")
        return target

    def _on_silence(self, target: Endpoint | None) -> None:
        """Lose the connection if the way is still cut."""
        is_cut = self._world.is_cut(self._sender.node_id, self.receiver)
        if is_cut and target is not None and self._target is target:
            self.disconnect("no answer in time")

    # -- Telling the sender ------------------------------------------------------------

    def _tell_unreachable(self) -> None:
        """Tell that messages were lost."""
        latency = self._conditions().latency_seconds(self._world.draw)
        self._later(latency, self._sender.inbox.put_unreachable, self.receiver)

    def _tell_of_snapshots(self, count: int, arrived: bool) -> None:
        """Tell what became of so many snapshots; a loss is noticed by silence."""
        for _ in range(count):
            seconds = self._world.config.silence_seconds
            if arrived:
                seconds = self._conditions().latency_seconds(self._world.draw)
            put = self._sender.inbox.put_snapshot
            self._later(seconds, put, self.receiver, arrived)

    def _conditions(self) -> Conditions:
        """Return what happens here at the moment."""
        return self._world.conditions_of(self._sender.node_id, self.receiver)

    def _later(
        self, seconds: float, callback: Callable[[*Args], object], *args: *Args
    ) -> None:
        """Have something happen by the network's own timers."""
        self._world.timers.call_later(seconds, callback, *args)


def _snapshots_in(messages: Sequence[Message]) -> int:
    """Count snapshots; in a loop, for there is one message most of the time."""
    count = 0
    for message in messages:
        if isinstance(message, InstallSnapshot):
            count += 1
    return count
