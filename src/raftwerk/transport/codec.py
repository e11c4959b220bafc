"""Frames ↔ messages: what travels in a frame of each kind.

All versions of the peer protocol have the same frames. What may be said in those that
carry messages depends on the version that the handshake has agreed upon: a kind of
message that came later is not sent to a member that does not know it, and is refused if
it comes from there (`SINCE`). In msgpack but for the kinds marked otherwise::

    HELLO       dialler → listener   first frame: versions, who I am, whom I want
    WELCOME     listener → dialler   the version that both use, who I am
    REFUSAL     listener → dialler   why not, for machine and operator; last frame
    MESSAGES    dialler → listener   messages, of the core or of this package
    PART        dialler → listener   lane, 1 byte; then a part of a large message
    LAST_PART   dialler → listener   the same, and the message is complete with it
    PING        dialler → listener   number, 8 bytes, little-endian
    PONG        listener → dialler   the number: all frames before it have arrived
    QUESTION    dialler → listener   first frame in a hello's place, as asked
    ANSWER      listener → dialler   as answered; last frame

The first three never change their form but by fields with a default, so that any two
versions can tell each other why they don't fit. The last two carry what is above us,
in whatever form. All others belong to a version.
"""

import enum
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from raftwerk.core.messages import Message, PeerMessage
from raftwerk.errors import PeerError
from raftwerk.transport.calls import CallMessage
from raftwerk.transport.chunks import ChunkMessage
from raftwerk.transport.disk_report import DiskReport
from raftwerk.transport.frame import Frame, encode_frame
from raftwerk.transport.handshake import VERSION_MAX
from raftwerk.transport.refusals import ProposalsRefused

__all__ = [
    "LANES_MAX",
    "SINCE",
    "Assembler",
    "FrameKind",
    "decode_ping",
    "decode_struct",
    "encode_message",
    "encode_ping",
    "encode_struct",
    "may_say",
]


class FrameKind(enum.IntEnum):
    """What a frame's payload is; a number is never given a second meaning."""

    HELLO = 1
    WELCOME = 2
    REFUSAL = 3
    MESSAGES = 4
    PART = 5
    LAST_PART = 6
    PING = 7
    PONG = 8
    QUESTION = 9
    ANSWER = 10


_MESSAGES: Final = int(FrameKind.MESSAGES)
"""That of most frames; members of an enumeration are dear to look up."""

_encode: Final = msgspec.msgpack.Encoder().encode
FirstMessage = PeerMessage | ChunkMessage | CallMessage | ProposalsRefused
"""What members of the first version say to each other."""
AnyMessage = FirstMessage | DiskReport
"""Every message that travels between members."""

SINCE: Final[Mapping[type[Message], int]] = {DiskReport: 2}
"""Messages that came with a later version than the first, and with which."""

_MESSAGE_BY_VERSION: Final[Mapping[int, msgspec.msgpack.Decoder[Any]]] = {
    1: msgspec.msgpack.Decoder(FirstMessage),
    2: msgspec.msgpack.Decoder(AnyMessage),
}
_MESSAGES_BY_VERSION: Final[Mapping[int, msgspec.msgpack.Decoder[Any]]] = {
    1: msgspec.msgpack.Decoder(list[FirstMessage]),
    2: msgspec.msgpack.Decoder(list[AnyMessage]),
}
LANES_MAX: Final = 3
"""Large messages that may be under way at a time, each in parts of its own lane."""
_PING: Final = struct.Struct("<Q")

Buffer = bytes | bytearray | memoryview
Value = TypeVar("Value")


def may_say(message: Message, version: int) -> bool:
    """Tell whether a member that speaks a version understands a message.

    Parameters
    ----------
    message : Message
        Any message between members.
    version : int
        Of the peer protocol, as agreed upon with it.

    Returns
    -------
    bool
        False: it would close the connection.
    """
    return SINCE.get(type(message), 1) <= version


def encode_message(message: Message) -> bytes:
    """Return one message as it stands in a frame.

    Parameters
    ----------
    message : Message
        Any message between members.

    Returns
    -------
    bytes
        Its msgpack form, with its type in it.
    """
    return _encode(message)


class Assembler:
    """Makes messages of the frames that carry them.

    Parameters
    ----------
    message_bytes_max : int
        The largest message that is put together, on each lane.
    version : int
        Of the peer protocol, as agreed upon with the sender.
    """

    __slots__ = ("_decode", "_decode_all", "_message_bytes_max", "_parts")

    def __init__(self, message_bytes_max: int, version: int = VERSION_MAX) -> None:
        """Hold no parts yet."""
        self._decode = _MESSAGE_BY_VERSION[version].decode
        self._decode_all = _MESSAGES_BY_VERSION[version].decode
        self._message_bytes_max = message_bytes_max
        self._parts = [bytearray() for _ in range(LANES_MAX)]

    def take(self, frame: Frame) -> Sequence[Message]:
        """Return the messages that a frame brings or completes.

        Parameters
        ----------
        frame : Frame
            Of kind `MESSAGES`, `PART` or `LAST_PART`.

        Returns
        -------
        sequence of Message
            In the order in which they were sent; empty if parts are missing.

        Raises
        ------
        PeerError
            If the frame is of another kind, no message of this version can be read
            from it, or its message is too large.
        """
        if frame.kind == _MESSAGES:
            return _decoded(self._decode_all, frame.payload, "messages")
        if frame.kind not in (FrameKind.PART, FrameKind.LAST_PART):
            raise PeerError(f"a frame of kind {frame.kind} does not belong here")
        if not frame.payload or frame.payload[0] >= LANES_MAX:
            raise PeerError("a part names no lane that this version has")
        lane = frame.payload[0]
        whole = self._parts[lane]
        whole += frame.payload[1:]
        if len(whole) > self._message_bytes_max:
            raise PeerError(
                f"a message exceeds message_bytes_max ({self._message_bytes_max} bytes)"
            )
        if frame.kind == FrameKind.PART:
            return []
        self._parts[lane] = bytearray()
        return [_decoded(self._decode, whole, "message")]


def encode_struct(kind: FrameKind, value: msgspec.Struct) -> bytes:
    """Return the frame of a value of the handshake.

    Parameters
    ----------
    kind : FrameKind
        `HELLO`, `WELCOME` or `REFUSAL`.
    value : Struct
        The payload.

    Returns
    -------
    bytes
        The whole frame.
    """
    return encode_frame(kind, _encode(value))


def decode_struct(frame: Frame, kind: type[Value]) -> Value:
    """Return the value of the handshake that a frame carries.

    Parameters
    ----------
    frame : Frame
        Made by `encode_struct`; fields that we don't know are passed over.
    kind : type
        What the payload must be.

    Returns
    -------
    Struct
        The value.

    Raises
    ------
    PeerError
        If the payload is no such value.
    """

    decoder = msgspec.msgpack.Decoder(kind)
    return _decoded(decoder.decode, frame.payload, kind.__name__.lower())


def encode_ping(kind: FrameKind, number: int) -> bytes:
    """Return a frame that asks for, or gives, a sign of life.

    Parameters
    ----------
    kind : FrameKind
        `PING` or `PONG`.
    number : int
        From 0; the answer has that of the question.

    Returns
    -------
    bytes
        The whole frame.
    """
    return encode_frame(kind, _PING.pack(number))


def decode_ping(frame: Frame) -> int:
    """Return the number of a `PING` or `PONG`.

    Parameters
    ----------
    frame : Frame
        Made by `encode_ping`.

    Returns
    -------
    int
        From 0.

    Raises
    ------
    PeerError
        If the payload is no number.
    """
    if len(frame.payload) != _PING.size:
        raise PeerError(f"a ping carries {len(frame.payload)} bytes instead of 8")
    number: int = _PING.unpack(frame.payload)[0]
    return number


def _decoded(decode: Callable[[Buffer], Value], payload: Buffer, what: str) -> Value:
    """Decode what a peer sent; what is wrong with it is the peer's error."""
    try:
        return decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PeerError(f"cannot read the {what} in a frame: {error}") from None
