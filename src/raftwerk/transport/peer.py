"""One outgoing connection to one peer: queue, back-off, and signs of life.

Each member dials each other one to send, and is dialled to receive; so who sends owns
the queue and the retries, and no two dials have to agree on which survives
(``docs/decisions/0020-a-connection-for-each-direction.md``)::

    WAITING ──timer──▸ DIALLING ──welcome──▸ OPEN
       ▴                  │ refused, failed    │ lost, silent
       └──────────────────┴────────────────────┘

Messages wait while we dial. When an attempt fails, or a connection is lost, all that
waited is dropped with it: old votes and heartbeats help nobody, and the core repeats.
"""

import enum
from typing import Final

from raftwerk.core.messages import Message
from raftwerk.errors import PeerError, require
from raftwerk.host.histogram import Histogram
from raftwerk.host.protocol import Timer
from raftwerk.transport.backoff import Backoff
from raftwerk.transport.codec import (
    FrameKind,
    decode_ping,
    decode_struct,
    encode_ping,
    encode_struct,
    may_say,
)
from raftwerk.transport.frame import Frame, FrameDecoder
from raftwerk.transport.handshake import (
    VERSION_MAX,
    VERSION_MIN,
    Hello,
    Refusal,
    RefusalCode,
    Welcome,
    check_welcome,
)
from raftwerk.transport.lanes import Lanes, Loss
from raftwerk.transport.link import Link, Surroundings
from raftwerk.transport.protocol import PeerView
from raftwerk.transport.pulse import Questions, Silence
from raftwerk.types import NodeId

__all__ = ["Peer", "Stage"]

ROUND_TRIP_BOUNDS: Final = tuple(0.0001 * 2**power for power in range(14))
"""In seconds, 0.1 ms to 0.8192 s: etcd's buckets, so that its dashboards fit."""


class Stage(enum.Enum):
    """How far the connection is."""

    STOPPED = enum.auto()
    WAITING = enum.auto()
    DIALLING = enum.auto()
    OPEN = enum.auto()


class Peer:
    """Sends to one peer, as long as there is a way; a `Session`.

    Parameters
    ----------
    node_id : NodeId
        Whom we want to find there.
    address : str
        Its ``host:port``.
    surroundings : Surroundings
        What all connections of this member share.

    Attributes
    ----------
    stage : Stage
        How far the connection is.
    """

    def __init__(
        self, node_id: NodeId, address: str, surroundings: Surroundings
    ) -> None:
        """Wait to be started; messages may be offered before."""
        self.node_id = node_id
        self.address = address
        self.stage = Stage.STOPPED
        self._around = surroundings
        self._who = f"node {node_id:x} at {address}"
        self._link: Link | None = None
        self._version = VERSION_MIN
        """What both speak; while that is not known, the oldest."""
        self._is_paused = False
        self._decoder = FrameDecoder(surroundings.config.handshake_bytes_max)
        self._lanes = Lanes(surroundings.config)
        self._questions = Questions()
        self._round_trips = Histogram(ROUND_TRIP_BOUNDS)
        self._silence = Silence(1)
        self._backoff = Backoff(
            surroundings.config.retry_min_seconds,
            surroundings.config.retry_max_seconds,
            surroundings.host.draw,
        )
        self._timer: Timer | None = None
        self._call_off_dial = _nothing
        self._is_loss_told = False
        self._since = surroundings.host.clock.now()
        self._sent_bytes = 0
        self._dropped_messages = 0
        self._trouble = "not connected yet"

    # -- What the transport asks -------------------------------------------------------

    def start(self) -> None:
        """Connect, and stay connected."""
        if self.stage is Stage.STOPPED:
            self._dial()

    def hurry(self) -> None:
        """Connect now: the peer was just heard of, so there may be a way again."""
        if self.stage is Stage.WAITING:
            self._dial()

    def offer(self, message: Message) -> None:
        """Keep a message until `flush`; one that the peer doesn't know is left out.

        Parameters
        ----------
        message : Message
            For this peer.
        """
        if may_say(message, self._version):
            self._drop(self._lanes.offer(message))

    def flush(self) -> None:
        """Encode what was offered since the last time, and send what can be sent."""
        self._drop(self._lanes.put_offered())
        self._pump()

    def stop(self) -> None:
        """Send what can be sent at once, and close for good."""
        if self.stage is Stage.OPEN:
            self.flush()
        self.stage = Stage.STOPPED
        link, self._link = self._link, None
        self._let_go()
        if link is not None:
            link.close()

    def view(self, received_bytes: int) -> PeerView:
        """Return what is known of the peer.

        Parameters
        ----------
        received_bytes : int
            What came from it, on other connections.

        Returns
        -------
        PeerView
            At this moment.
        """
        return PeerView(
            is_connected=self.stage is Stage.OPEN,
            since=self._since,
            round_trip_seconds=self._questions.round_trip_seconds,
            round_trips=self._round_trips,
            sent_bytes=self._sent_bytes,
            received_bytes=received_bytes,
            waiting_messages=self._lanes.waiting_messages,
            waiting_bytes=self._lanes.waiting_bytes,
            dropped_messages=self._dropped_messages,
            trouble=self._trouble,
        )

    # -- What the connection tells -----------------------------------------------------

    def opened(self, link: Link) -> None:
        """Do as `Session.opened` says."""
        require(self.stage is Stage.DIALLING, "a connection opens while we dial")
        self._link = link
        self._call_off_dial = _nothing
        self._is_paused = False
        self._decoder = FrameDecoder(self._around.config.handshake_bytes_max)
        hello = Hello(
            version_min=VERSION_MIN,
            version_max=VERSION_MAX,
            receiver=self.node_id,
            identity=self._around.identity,
        )
        self._write([encode_struct(FrameKind.HELLO, hello)])

    def received(self, data: bytes) -> None:
        """Do as `Session.received` says."""
        link = self._link
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
                if self._link is not link:
                    return
        except PeerError as error:
            self._fail("peer breaks the protocol", str(error), kind="protocol")

    def paused(self) -> None:
        """Do as `Session.paused` says."""
        self._is_paused = True

    def resumed(self) -> None:
        """Do as `Session.resumed` says."""
        self._is_paused = False
        self._silence.hear()  # It reads: a slow line is no dead one.
        self._pump()

    def lost(self, reason: str) -> None:
        """Do as `Session.lost` says."""
        self._link = None
        if self.stage is Stage.OPEN:
            self._fail("connection to peer lost", reason)
        else:
            self._fail("peer is not reachable", reason)

    # -- Connecting --------------------------------------------------------------------

    def _dial(self) -> None:
        """Try to connect, for a bounded time."""
        self._cancel_timer()
        self.stage = Stage.DIALLING
        seconds = self._around.config.handshake_seconds
        words = f"no handshake within {seconds} s"
        timers = self._around.host.timers
        self._timer = timers.call_later(
            seconds, self._fail, "peer is not reachable", words
        )
        self._call_off_dial = self._around.dial(self.address, self)

    def _on_frame(self, frame: Frame) -> None:
        """Take one frame of the peer's; it says little."""
        if frame.kind == FrameKind.PONG and self.stage is Stage.OPEN:
            self._on_pong(decode_ping(frame))
        elif frame.kind == FrameKind.WELCOME and self.stage is Stage.DIALLING:
            self._on_welcome(decode_struct(frame, Welcome))
        elif frame.kind == FrameKind.REFUSAL:
            self._on_refusal(decode_struct(frame, Refusal))
        else:
            raise PeerError(f"a frame of kind {frame.kind} does not belong here")

    def _on_welcome(self, welcome: Welcome) -> None:
        """Begin to send, if it is whom we wanted."""
        around = self._around
        refusal = check_welcome(welcome, around.identity, self.node_id, around.admit)
        if refusal is not None:
            self._on_refusal(refusal)
            return
        self._cancel_timer()
        self.stage = Stage.OPEN
        self._version = welcome.version
        self._since = around.host.clock.now()
        self._trouble = ""
        self._is_loss_told = False
        self._silence = Silence(around.config.looks_max)
        self._decoder.frame_bytes_max = around.config.frame_bytes_max
        around.news.good(self._who, "connected to peer")
        self._look_for_life()
        self._pump()

    def _on_refusal(self, refusal: Refusal) -> None:
        """Come back much later: the reason will not go away by itself."""
        if refusal.code == RefusalCode.BUSY:
            self._fail("peer is not reachable", refusal.words)
        else:
            seconds = self._around.config.refused_seconds
            self._fail("connection refused", refusal.words, retry_seconds=seconds)
        if refusal.code == RefusalCode.REMOVED:
            self._around.inbox.put_removed(refusal.words)

    def _fail(
        self, event: str, reason: str, kind: str = "", retry_seconds: float = 0.0
    ) -> None:
        """Give this connection up, with all that waited for it, and try another one."""
        around, now = self._around, self._around.host.clock.now()
        if self.stage is Stage.OPEN:
            # One that breaks at once, again and again, does not begin from the start.
            if now - self._since >= around.config.silence_seconds:
                self._backoff.reset()
            self._since = now
        link, self._link = self._link, None
        self.stage = Stage.WAITING
        self._trouble = reason
        self._let_go()
        if not self._is_loss_told:
            self._is_loss_told = True
            around.inbox.put_unreachable(self.node_id)
        around.news.trouble(self._who, event, reason, kind)
        delay = (
            self._backoff.jittered(retry_seconds)
            if retry_seconds
            else self._backoff.next_seconds()
        )
        self._timer = around.host.timers.call_later(delay, self._dial)
        if link is not None:
            link.abort()

    def _let_go(self) -> None:
        """Drop all that belongs to this connection."""
        self._cancel_timer()
        call_off, self._call_off_dial = self._call_off_dial, _nothing
        call_off()
        self._version = VERSION_MIN  # another build may answer the next time
        loss = self._lanes.clear()
        self._dropped_messages += loss.messages
        in_doubt, self._questions = self._questions.snapshots, Questions()
        for _ in range(loss.snapshots + in_doubt):
            self._around.inbox.put_snapshot(self.node_id, False)

    def _cancel_timer(self) -> None:
        """Have no timer: each stage has one of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- Sending -----------------------------------------------------------------------

    def _pump(self) -> None:
        """Write by urgency until the connection has enough."""
        while self.stage is Stage.OPEN and not self._is_paused:
            snapshots = self._lanes.snapshots_sent
            frames = self._lanes.take()
            if not frames:
                return
            self._write(frames)
            if self._lanes.snapshots_sent > snapshots:
                self._ask(self._lanes.snapshots_sent - snapshots)

    def _write(self, frames: list[bytes]) -> None:
        """Write, and count it."""
        if self._link is not None:
            self._sent_bytes += sum(map(len, frames))
            self._link.write(frames)

    def _drop(self, loss: Loss) -> None:
        """Tell what did not fit the queue."""
        if not loss.messages:
            return
        self._dropped_messages += loss.messages
        if self.stage is Stage.OPEN or not self._is_loss_told:
            self._is_loss_told = self.stage is not Stage.OPEN
            self._around.inbox.put_unreachable(self.node_id)
        for _ in range(loss.snapshots):
            self._around.inbox.put_snapshot(self.node_id, False)
        reason = "the queue is full: it takes less than we send"
        self._around.news.trouble(self._who, "messages dropped", reason)

    # -- Signs of life -----------------------------------------------------------------

    def _look_for_life(self) -> None:
        """Give up if the peer has been silent for long, else ask if it is there."""
        config = self._around.config
        if self._silence.look():
            words = f"no answer for {config.silence_seconds} s"
            self._fail("connection to peer lost", words)
            return
        if not self._questions.is_waiting:
            self._ask(0)
        self._timer = self._around.host.timers.call_later(
            config.ping_seconds, self._look_for_life
        )

    def _ask(self, snapshots: int) -> None:
        """Send a ping; it is small enough to be written even if we should pause."""
        number = self._questions.ask(self._around.host.clock.now(), snapshots)
        self._write([encode_ping(FrameKind.PING, number)])

    def _on_pong(self, number: int) -> None:
        """Learn that the peer lives, and that all before this ping arrived."""
        self._silence.hear()
        now = self._around.host.clock.now()
        for _ in range(self._questions.answer(number, now)):
            self._around.inbox.put_snapshot(self.node_id, True)
        self._round_trips.add(self._questions.round_trip_seconds or 0.0)


def _nothing() -> None:
    """Do nothing: there is no attempt to call off."""
