"""Which lane a message travels on, and how many of them make a frame.

Small messages of one turn share a frame; a large one is cut into parts, so that what is
more urgent gets in between. Why lanes on one connection rather than a connection for
each: ``docs/decisions/0021-lanes-not-connections.md``.
"""

import enum
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from raftwerk.core.messages import (
    AppendEntries,
    ForwardProposal,
    InstallSnapshot,
    Message,
)
from raftwerk.transport.chunks import SnapshotChunk
from raftwerk.transport.codec import FrameKind, encode_message
from raftwerk.transport.config import FRAME_BODY_BYTES
from raftwerk.transport.frame import encode_frame

__all__ = ["Lane", "Parcel", "lane_of", "pack", "whole_frame"]


class Lane(enum.IntEnum):
    """Messages of one lane keep their order; a lower lane overtakes a higher one."""

    CONTROL = 0
    """Votes, heartbeats, answers: small, and elections hang on them."""
    LOG = 1
    """Entries on their way to or from the leader."""
    BULK = 2
    """Snapshots and their chunks: large, and in no hurry."""


_LANES: Final[Mapping[type, Lane]] = {
    AppendEntries: Lane.LOG,
    ForwardProposal: Lane.LOG,
    InstallSnapshot: Lane.BULK,
    SnapshotChunk: Lane.BULK,
}


def lane_of(message: Message) -> Lane:
    """Return the lane that a message travels on.

    Parameters
    ----------
    message : Message
        Any message between members.

    Returns
    -------
    Lane
        `CONTROL` for all that carries neither entries nor state.
    """
    return _LANES.get(type(message), Lane.CONTROL)


_ARRAY: Final = struct.Struct(">BI")
_ARRAY_32: Final = 0xDD
"""The msgpack mark of an array whose length follows in 4 bytes."""
_MESSAGES: Final = int(FrameKind.MESSAGES)
_HEAD_OF_ONE: Final = _ARRAY.pack(_ARRAY_32, 1)
_ROOM: Final = FRAME_BODY_BYTES - 1 - _ARRAY.size
"""What messages may take of a frame beside its kind and the head of their array."""
_PART_BYTES: Final = FRAME_BODY_BYTES - 2
"""What a part may take beside the frame's kind and its lane."""


class Parcel:
    """Encoded messages of one lane on their way out.

    Either small messages in one frame, or a large one that is cut into frames as it is
    sent, so that no large piece of work holds the loop.

    Parameters
    ----------
    lane : Lane
        Where it travels.
    messages : sequence of Message
        What it holds; not kept.
    data : bytes
        A frame; if `is_large`, an encoded message without one.
    is_large : bool
        Whether it is to be cut.

    Attributes
    ----------
    messages : int
        How many it holds.
    size_bytes : int
        How much memory it takes, until all of it has been sent.
    snapshots : int
        How many of them are an `InstallSnapshot`.
    """

    __slots__ = (
        "_data",
        "_position",
        "is_large",
        "lane",
        "messages",
        "size_bytes",
        "snapshots",
    )

    def __init__(
        self, lane: Lane, messages: Sequence[Message], data: bytes, *, is_large: bool
    ) -> None:
        """Keep it whole; nothing has been sent."""
        self.lane = lane
        self.messages = len(messages)
        self.snapshots = 0
        if lane is Lane.BULK:
            self.snapshots = sum(isinstance(m, InstallSnapshot) for m in messages)
        self.is_large = is_large
        self.size_bytes = len(data)
        self._data = data
        self._position = 0

    @property
    def is_sent(self) -> bool:
        """Whether `next_frame` has given all of it.

        Returns
        -------
        bool
            True: there is no next frame.
        """
        return self._position >= len(self._data)

    def next_frame(self) -> bytes:
        """Return the next frame of it.

        Returns
        -------
        bytes
            The only one, or that of the next part.
        """
        if not self.is_large:
            self._position = len(self._data)
            return self._data
        end = self._position + _PART_BYTES
        part = memoryview(self._data)[self._position : end]
        self._position = end
        kind = FrameKind.LAST_PART if self.is_sent else FrameKind.PART
        return encode_frame(kind, bytes((self.lane,)), part)


def pack(lane: Lane, messages: Sequence[Message]) -> Iterator[Parcel]:
    """Encode messages of one lane into as few frames as their sizes allow.

    Parameters
    ----------
    lane : Lane
        Where they travel.
    messages : sequence of Message
        Each is encoded once.

    Yields
    ------
    Parcel
        In the order of the messages.
    """
    small: list[Message] = []
    pieces: list[bytes] = []
    size = 0
    for message in messages:
        encoded = encode_message(message)
        if small and size + len(encoded) > _ROOM:
            yield Parcel(lane, small, _frame_of(pieces), is_large=False)
            small, pieces, size = [], [], 0
        if len(encoded) > _ROOM:
            yield Parcel(lane, [message], encoded, is_large=True)
            continue
        small.append(message)
        pieces.append(encoded)
        size += len(encoded)
    if small:
        yield Parcel(lane, small, _frame_of(pieces), is_large=False)


def whole_frame(message: Message) -> bytes | None:
    """Return the frame of a message that travels alone: that of its only parcel.

    Parameters
    ----------
    message : Message
        For which nothing else waits.

    Returns
    -------
    bytes or None
        None: it takes more than one frame.

    Examples
    --------
    >>> from raftwerk.core.messages import TimeoutNow
    >>> message = TimeoutNow(sender=1, receiver=2, term=3)
    >>> [parcel] = pack(Lane.CONTROL, [message])
    >>> whole_frame(message) == parcel.next_frame()
    True
    """
    encoded = encode_message(message)
    if len(encoded) > _ROOM:
        return None
    return encode_frame(_MESSAGES, _HEAD_OF_ONE, encoded)


def _frame_of(pieces: list[bytes]) -> bytes:
    """Join encoded messages to one msgpack array in one frame."""
    head = _ARRAY.pack(_ARRAY_32, len(pieces))
    return encode_frame(_MESSAGES, head, *pieces)
