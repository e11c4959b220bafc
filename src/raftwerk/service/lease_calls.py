"""What a member asks its leader about leases, and what it is told.

All of it is msgpack between members of one cluster; a field with a default may be added
at any time, a kind of question only with a new version of the peers' protocol.
"""

from typing import Final, TypeAlias

import msgspec

from raftwerk.errors import InvariantViolation

__all__ = [
    "TOPIC",
    "KeepAlive",
    "KeptAlive",
    "LeaseQuestion",
    "LeaseReply",
    "LeasesFound",
    "ListLeases",
    "TimeLeft",
    "TimeToLive",
    "decode_question",
    "decode_reply",
    "encode",
]

TOPIC: Final = "lease"
"""What calls to the leader say they are about."""


class KeepAlive(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Let leases last for all of their time, from now on.

    Parameters
    ----------
    leases : tuple of int
        Their ids.
    """

    leases: tuple[int, ...]


class TimeToLive(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Say how long a lease will last.

    Parameters
    ----------
    lease : int
        Its id.
    keys : bool
        Whether to say what is attached to it.
    """

    lease: int
    keys: bool = False


class ListLeases(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Say which leases there are."""


LeaseQuestion: TypeAlias = KeepAlive | TimeToLive | ListLeases
"""All that is asked of the leader alone, for it alone counts."""


class KeptAlive(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The answer to `KeepAlive`.

    Parameters
    ----------
    revision : int
        The leader's store's.
    ttl_seconds : tuple of int
        How long each lease lasts; 0 if there is none.
    """

    revision: int
    ttl_seconds: tuple[int, ...]


class TimeLeft(msgspec.Struct, frozen=True, tag=True):
    """The answer to `TimeToLive`.

    Parameters
    ----------
    revision : int
        The leader's store's.
    left_seconds : int
        Whole seconds that the lease lasts; -1 if there is none.
    granted_seconds : int
        How long it lasts when it has just been kept alive.
    keys : list of bytes
        What is attached to it, in order, if that was asked.
    """

    revision: int
    left_seconds: int
    granted_seconds: int = 0
    keys: list[bytes] = []


class LeasesFound(msgspec.Struct, frozen=True, tag=True):
    """The answer to `ListLeases`.

    Parameters
    ----------
    revision : int
        The leader's store's.
    leases : list of int
        Their ids; what ends first comes first.
    """

    revision: int
    leases: list[int]


LeaseReply: TypeAlias = KeptAlive | TimeLeft | LeasesFound
"""What the leader says."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_QUESTION: Final = msgspec.msgpack.Decoder(LeaseQuestion)
_REPLY: Final = msgspec.msgpack.Decoder(LeaseReply)


def encode(said: LeaseQuestion | LeaseReply) -> bytes:
    """Return what is said as it is sent.

    Parameters
    ----------
    said : LeaseQuestion or LeaseReply
        Any.

    Returns
    -------
    bytes
        For one of the two that decode.
    """
    return _ENCODER.encode(said)


def decode_question(data: bytes) -> LeaseQuestion:
    """Return a question.

    Parameters
    ----------
    data : bytes
        From `encode`.

    Returns
    -------
    LeaseQuestion
        Any of them.

    Raises
    ------
    InvariantViolation
        If it is none: members of one version talk here.
    """
    try:
        question: LeaseQuestion = _QUESTION.decode(data)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"a question about leases is none: {error}") from error
    return question


def decode_reply(data: bytes) -> LeaseReply:
    """Return a reply.

    Parameters
    ----------
    data : bytes
        From `encode`.

    Returns
    -------
    LeaseReply
        Any of them.

    Raises
    ------
    InvariantViolation
        If it is none: members of one version talk here.
    """
    try:
        reply: LeaseReply = _REPLY.decode(data)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"a reply about leases is none: {error}") from error
    return reply
