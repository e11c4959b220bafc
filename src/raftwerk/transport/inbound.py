"""One incoming connection: who is it, what does it say, does it still live.

Nothing that arrives here can do more than end this connection: no message passes before
the handshake, none in another's name after it, and what is unreadable closes it, with
the reason in words for both sides.
"""

from typing import Protocol

from raftwerk.core.messages import Message
from raftwerk.errors import PeerError, require
from raftwerk.host.protocol import Timer
from raftwerk.transport.codec import (
    Assembler,
    FrameKind,
    decode_ping,
    decode_struct,
    encode_ping,
    encode_struct,
)
from raftwerk.transport.frame import Frame, FrameDecoder, encode_frame
from raftwerk.transport.handshake import Hello, Refusal, RefusalCode, answer
from raftwerk.transport.link import Link, Surroundings
from raftwerk.transport.pulse import Silence
from raftwerk.types import NodeId

__all__ = ["Door", "Inbound"]


class Door(Protocol):
    """Who keeps the incoming connections of a transport."""

    def came(self, session: "Inbound") -> bool:
        """Know of a connection, and tell whether it may begin its handshake.

        Parameters
        ----------
        session : Inbound
            The newcomer.

        Returns
        -------
        bool
            False if too many are in theirs.
        """

    def welcomed(self, session: "Inbound", node_id: NodeId) -> None:
        """Know that this peer has come in; only its newest connection counts.

        Parameters
        ----------
        session : Inbound
            The connection.
        node_id : NodeId
            Who it is.
        """

    def left(self, session: "Inbound") -> None:
        """Know that a connection is over; repeated calls change nothing.

        Parameters
        ----------
        session : Inbound
            Which.
        """


class Inbound:
    """Receives from one peer; a `Session`.

    Parameters
    ----------
    surroundings : Surroundings
        What all connections of this member share.
    door : Door
        Told who comes and goes.

    Attributes
    ----------
    node_id : NodeId or None
        Who speaks; None before the handshake is done.
    received_bytes : int
        All that came.
    """

    def __init__(self, surroundings: Surroundings, door: Door) -> None:
        """Know nobody yet."""
        self.node_id: NodeId | None = None
        self.received_bytes = 0
        self._around = surroundings
        self._door = door
        self._who = "somebody"
        self._is_told = False
        self._link: Link | None = None
        self._decoder = FrameDecoder(surroundings.config.handshake_bytes_max)
        self._assembler = Assembler(surroundings.config.message_bytes_max)
        self._timer: Timer | None = None
        # Twice the dialler's patience: it knows better, and should close first.
        self._silence = Silence(2 * surroundings.config.looks_max)

    # -- What the connection tells -----------------------------------------------------

    def opened(self, link: Link) -> None:
        """Do as `Session.opened` says."""
        self._link = link
        self._who = f"somebody at {link.remote()}"
        config = self._around.config
        if not self._door.came(self):
            words = f"{config.handshakes_max} connections are in their handshake"
            self._refuse(Refusal(code=RefusalCode.BUSY, reason=words))
            return
        words = f"no handshake within {config.handshake_seconds} s"
        self._timer = self._around.host.timers.call_later(
            config.handshake_seconds,
            self._refuse,
            Refusal(code=RefusalCode.PROTOCOL, reason=words),
        )

    def received(self, data: bytes) -> None:
        """Do as `Session.received` says."""
        self._silence.hear()
        self.received_bytes += len(data)
        messages: list[Message] = []
        error: PeerError | None = None
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame, messages)
                if self._link is None:
                    break
        except PeerError as caught:
            error = caught
        if messages:
            self._around.inbox.put_messages(messages)
        if error is not None:
            refusal = Refusal(code=RefusalCode.PROTOCOL, reason=str(error))
            self._refuse(refusal, kind="protocol")

    def paused(self) -> None:
        """Do as `Session.paused` says: our few answers are not read, so end it."""
        words = "it asks and does not read our answers"
        self._around.news.trouble(self._who, "connection closed", words)
        self.close()

    def resumed(self) -> None:
        """Do as `Session.resumed` says."""

    def lost(self, reason: str) -> None:
        """Do as `Session.lost` says."""
        if self.node_id is not None:
            self._around.news.trouble(self._who, "peer closed its connection", reason)
        self._link = None
        self.close()

    # -- What the transport asks -------------------------------------------------------

    def close(self) -> None:
        """Hear no more of it."""
        link, self._link = self._link, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if link is not None:
            link.abort()
        self._door.left(self)

    # -- Inside ------------------------------------------------------------------------

    def _on_frame(self, frame: Frame, messages: list[Message]) -> None:
        """Take one frame; put what it brings to the others of this turn."""
        if self.node_id is None:
            if frame.kind == FrameKind.QUESTION:
                self._on_question(bytes(frame.payload))
                return
            if frame.kind != FrameKind.HELLO:
                raise PeerError("this is not the peer protocol of raftwerk: no hello")
            self._on_hello(decode_struct(frame, Hello))
            return
        if not self._is_told:
            # Not before: who does not want us hears who we are, and goes; once a second
            # perhaps, and each time would be news.
            self._is_told = True
            self._around.news.good(self._who, "peer connected to us")
        if frame.kind == FrameKind.PING:
            number = decode_ping(frame)
            # What came before it is on its way to the receiver in this very turn.
            self._write(encode_ping(FrameKind.PONG, number))
        else:
            arrived = self._assembler.take(frame)
            for message in arrived:
                self._check(message)
            messages += arrived

    def _on_hello(self, hello: Hello) -> None:
        """Let it in, or say why not."""
        around, theirs = self._around, hello.identity
        require(self._link is not None, "who says hello has a connection")
        if self._link is not None:
            self._who = f"node {theirs.node_id:x} at {self._link.remote()}"
        verdict = answer(hello, around.identity, around.admit)
        if isinstance(verdict, Refusal):
            self._refuse(verdict)
            return
        self._write(encode_struct(FrameKind.WELCOME, verdict))
        self.node_id = theirs.node_id
        self._assembler = Assembler(around.config.message_bytes_max, verdict.version)
        self._decoder.frame_bytes_max = around.config.frame_bytes_max
        if self._timer is not None:
            self._timer.cancel()
        self._door.welcomed(self, theirs.node_id)
        self._look_for_life()

    def _on_question(self, question: bytes) -> None:
        """Answer somebody who has no id yet, and part with him."""
        if self._around.answer is None:
            raise PeerError("questions are not answered here")
        answer_frame = encode_frame(FrameKind.ANSWER, self._around.answer(question))
        link, self._link = self._link, None
        if link is not None:
            link.write([answer_frame])
            link.close()
        self.close()

    def _check(self, message: Message) -> None:
        """Let nobody speak in another's name, or to another."""
        ours = self._around.identity.node_id
        if message.sender != self.node_id or message.receiver != ours:
            raise PeerError(
                f"a {type(message).__name__} from node {message.sender:x} to node"
                f" {message.receiver:x} came from node {self.node_id:x} to node"
                f" {ours:x}"
            )

    def _look_for_life(self) -> None:
        """Close the connection of a peer that has not even pinged for long."""
        config = self._around.config
        if self._silence.look():
            words = "it was silent for too long"
            self._around.news.trouble(self._who, "connection closed", words)
            self.close()
            return
        self._timer = self._around.host.timers.call_later(
            config.ping_seconds, self._look_for_life
        )

    def _refuse(self, refusal: Refusal, kind: str = "") -> None:
        """Say why not, here and there, and close."""
        link, self._link = self._link, None
        if link is not None:
            self._around.news.trouble(
                self._who, "connection refused", refusal.words, kind
            )
            link.write([encode_struct(FrameKind.REFUSAL, refusal)])
            link.close()
        self.close()

    def _write(self, frame: bytes) -> None:
        """Answer, if the connection is still there."""
        if self._link is not None:
            self._link.write([frame])
