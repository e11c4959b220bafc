"""Messages between members in JSON: what a letter over HTTP holds.

A letter introduces its sender anew, for there is no connection whose handshake could
have done so. Its messages are complete, in the very form that the core gives them; data
are base64. The answer brings what the receiver has to say at once.
"""

import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.core.messages import (
    InstallSnapshot,
    Message,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.errors import PeerError
from raftwerk.transport.chunks import SnapshotChunk
from raftwerk.transport.codec import AnyMessage
from raftwerk.transport.handshake import VERSION_MAX, Hello

__all__ = [
    "REMOVED_STATUS",
    "Letter",
    "Route",
    "SaidRemoved",
    "decode_answer",
    "decode_letter",
    "encode_answer",
    "encode_letter",
    "route_of",
]


class Route(enum.StrEnum):
    """Where a letter goes, below ``/api/v1/raft``; each is a queue of its own."""

    VOTE = "vote"
    LOG = "log"
    SNAPSHOT = "snapshot"


class SaidRemoved(PeerError):
    """A letter was refused, for its writer is a member no more."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What one member sends to another in one request."""

    hello: Hello
    messages: list[AnyMessage]


class _Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The envelope of an answer, as far as a member reads it."""

    api_version: str = "1.0"
    data: "_Data | None" = None
    error: "_Error | None" = None


class _Data(msgspec.Struct, frozen=True):
    """What an answer brings."""

    messages: list[AnyMessage]
    version: int = 1
    """The newest of the peer protocol that the other side speaks."""


class _Error(msgspec.Struct, frozen=True):
    """Why a letter was refused."""

    message: str = ""


_VOTES: Final = (
    RequestVote,
    RequestVoteReply,
    RequestPreVote,
    RequestPreVoteReply,
    TimeoutNow,
)
REMOVED_STATUS: Final = 410
"""HTTP's "gone": who wrote the letter was a member once, and will never be again."""

_encode: Final = msgspec.json.Encoder().encode
_letters: Final = msgspec.json.Decoder(Letter)
_answers: Final = msgspec.json.Decoder(_Answer)


def route_of(message: Message) -> Route:
    """Return the route that a message takes.

    Parameters
    ----------
    message : Message
        Any between members.

    Returns
    -------
    Route
        Elections, state, or all else.
    """
    if isinstance(message, _VOTES):
        return Route.VOTE
    if isinstance(message, InstallSnapshot | SnapshotChunk):
        return Route.SNAPSHOT
    return Route.LOG


def encode_letter(hello: Hello, messages: Sequence[Message]) -> bytes:
    """Return a letter as it travels.

    Parameters
    ----------
    hello : Hello
        Who we are, and whom we believe to reach.
    messages : sequence of Message
        In order.

    Returns
    -------
    bytes
        In JSON.
    """
    return _encode({"hello": hello, "messages": messages})


def decode_letter(body: bytes) -> Letter:
    """Return what a letter says.

    Parameters
    ----------
    body : bytes
        As it came.

    Returns
    -------
    Letter
        Well-formed; who it is from is not yet judged.

    Raises
    ------
    PeerError
        If it is no letter; the message says where it goes wrong.
    """
    try:
        return _letters.decode(body)
    except msgspec.DecodeError as error:
        raise PeerError(f"this is no letter of a member: {error}") from None


def encode_answer(messages: Sequence[Message]) -> bytes:
    """Return an answer in the envelope of the documented API.

    Parameters
    ----------
    messages : sequence of Message
        What we have to say at once.

    Returns
    -------
    bytes
        In JSON.
    """
    data = {"messages": messages, "version": VERSION_MAX}
    return _encode({"apiVersion": "1.0", "data": data})


def decode_answer(body: bytes, status: int) -> tuple[list[Message], int]:
    """Return what an answer brings.

    Parameters
    ----------
    body : bytes
        As it came.
    status : int
        HTTP's.

    Returns
    -------
    list of Message
        In order.
    int
        The newest version of the peer protocol that whoever answers speaks.

    Raises
    ------
    SaidRemoved
        If the letter was refused for we are a member no more, as the other side says.
    PeerError
        If it was refused for another reason, or the answer is none.
    """
    try:
        answer = _answers.decode(body)
    except msgspec.DecodeError:
        answer = _Answer()
    if status == 200 and answer.data is not None:
        return list(answer.data.messages), answer.data.version
    if answer.error is not None and answer.error.message:
        is_removed = status == REMOVED_STATUS
        raise (SaidRemoved if is_removed else PeerError)(answer.error.message)
    raise PeerError(f"what answers there is no member: HTTP status {status}")
