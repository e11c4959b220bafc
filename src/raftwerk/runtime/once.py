"""Commands that are done once, however often they are asked for: what they look like.

Such a command stands in an envelope of its own kind, behind what makes it one
(`answered.Once`). A result is kept as bytes: as plain data, or as the state machine
writes its results.
"""

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol, runtime_checkable

import msgspec

from raftwerk.errors import MisuseError
from raftwerk.runtime.answered import OfKey, OfSession, Once

__all__ = [
    "Answered",
    "KeepsLargeResults",
    "KeepsResults",
    "KeyedRequest",
    "NumberedRequest",
    "decode_once",
    "decode_result",
    "encode_once",
    "encode_result",
    "keyed",
    "present_request",
]

_LENGTH: Final = struct.Struct("<H")
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Once)


def encode_once(once: Once, command: bytes) -> bytes:
    """Return the content of an envelope.

    Parameters
    ----------
    once : Once
        Which command it is.
    command : bytes
        For the state machine.

    Returns
    -------
    bytes
        What `decode_once` reads.
    """
    head = _ENCODER.encode(once)
    return b"".join((_LENGTH.pack(len(head)), head, command))


def decode_once(content: bytes) -> tuple[Once, bytes]:
    """Return what is in an envelope.

    Parameters
    ----------
    content : bytes
        From `encode_once`.

    Returns
    -------
    tuple of Once and bytes
        Which command it is, and the command.
    """
    (length,) = _LENGTH.unpack_from(content)
    end = _LENGTH.size + length
    once: Once = _DECODER.decode(content[_LENGTH.size : end])
    return once, content[end:]


class Answered(msgspec.Struct, frozen=True):
    """What came of a command that is done once.

    Parameters
    ----------
    result : object
        What the state machine returned; an exception is a refusal.
    is_replayed : bool
        Whether it was done before, and this is the answer of then.
    """

    result: object
    is_replayed: bool


# ---- results ----------------------------------------------------------------


@runtime_checkable
class KeepsResults(Protocol):
    """What a state machine may have beside, if its results are no plain data."""

    def encode_result(self, result: object) -> bytes:
        """Return a result as bytes.

        Parameters
        ----------
        result : object
            What `StateMachine.apply` returned for a command.

        Returns
        -------
        bytes
            For `decode_result`; equal on all members.
        """

    def decode_result(self, data: bytes) -> object:
        """Return a result again.

        Parameters
        ----------
        data : bytes
            From `encode_result`, perhaps of another member.

        Returns
        -------
        object
            An equal one.
        """


@runtime_checkable
class KeepsLargeResults(KeepsResults, Protocol):
    """What it may have beside, if it is quick and some of them are large."""

    def encode_result_in_steps(self, result: object) -> Iterator[bytes]:
        """Return the bytes of `encode_result` in pieces, each made when it is drawn.

        Parameters
        ----------
        result : object
            What `StateMachine.apply` returned for a command.

        Returns
        -------
        iterator of bytes
            What each takes to be made, nobody notices.
        """


def encode_result(machine: object, result: object) -> Iterator[bytes] | None:
    """Return a result as it is kept.

    Parameters
    ----------
    machine : object
        Whose it is.
    result : object
        Any.

    Returns
    -------
    iterator of bytes or None
        Its pieces; None if it is no plain data, and the machine does not write it.
    """
    if isinstance(machine, KeepsLargeResults):
        return machine.encode_result_in_steps(result)
    data = _encode_whole(machine, result)
    return None if data is None else iter((data,))


def _encode_whole(machine: object, result: object) -> bytes | None:
    """Return a result in one piece."""
    if isinstance(machine, KeepsResults):
        return machine.encode_result(result)
    try:
        return _ENCODER.encode(result)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def decode_result(machine: object, data: bytes) -> object:
    """Return a result that was kept.

    Parameters
    ----------
    machine : object
        Whose it is.
    data : bytes
        From `encode_result`.

    Returns
    -------
    object
        An equal one; of plain data, a tuple comes back as a list.

    Examples
    --------
    >>> machine = object()  # one whose results are plain data
    >>> kept = encode_result(machine, {"balance": 70, "moved": (30, "done")})
    >>> decode_result(machine, b"".join(kept or ()))
    {'balance': 70, 'moved': [30, 'done']}
    """
    if isinstance(machine, KeepsResults):
        return machine.decode_result(data)
    result: object = msgspec.msgpack.decode(data)
    return result


# ---- requests that have a key -------------------------------------------------


class KeyedRequest:
    """A request that is done once: all that is proposed for it, step by step.

    Done again, it proposes the same in the same order, for each step depends on the
    answers to those before; each is answered as the first time, or done if the first
    time did not come that far.

    Parameters
    ----------
    key : bytes
        What its client calls it.
    fingerprint : bytes
        Of method, path and body.

    Attributes
    ----------
    is_replayed : bool
        Whether any step was done before.
    """

    def __init__(self, key: bytes, fingerprint: bytes) -> None:
        self.key = key
        self.fingerprint = fingerprint
        self.is_replayed = False
        self.is_open = True
        self._steps = 0

    def next_step(self) -> Once:
        """Return what makes the next command of this request one that is done once.

        Returns
        -------
        Once
            With the next number.
        """
        step, self._steps = self._steps, self._steps + 1
        return OfKey(self.key, step, self.fingerprint)

    def below(self, bound: int) -> int:
        """Return a number that is the same whenever this request is made.

        Parameters
        ----------
        bound : int
            One above the greatest; at most 2**64.

        Returns
        -------
        int
            From 0 on; another one for each step.
        """
        seed = b"%d " % self._steps + self.fingerprint + self.key
        hashed = hashlib.blake2b(seed, digest_size=16).digest()
        return int.from_bytes(hashed, "little") % bound


_PRESENT: ContextVar[KeyedRequest | None] = ContextVar("raftwerk_request", default=None)


class NumberedRequest(KeyedRequest):
    """A request that is one command of a session.

    Parameters
    ----------
    once : OfSession
        Which.
    """

    def __init__(self, once: OfSession) -> None:
        name = b"%d %d" % (once.session, once.sequence)
        super().__init__(name, b"session")
        self._once: OfSession | None = once

    def next_step(self) -> Once:
        """Return what makes this request's one command one that is done once.

        Returns
        -------
        Once
            As given.

        Raises
        ------
        MisuseError
            If it was given already: a session counts commands, and this is another.
        """
        once, self._once = self._once, None
        if once is None:
            raise MisuseError(
                "a request that is one command of a session has proposed another one"
            )
        return once


@contextmanager
def keyed(request: KeyedRequest) -> Iterator[KeyedRequest]:
    """Have what is proposed in here belong to a request that is done once.

    Parameters
    ----------
    request : KeyedRequest
        Whose it is.

    Yields
    ------
    KeyedRequest
        The same.
    """
    token = _PRESENT.set(request)
    try:
        yield request
    finally:
        # What was begun in here and outlives it is not the request's any more.
        request.is_open = False
        _PRESENT.reset(token)


def present_request() -> KeyedRequest | None:
    """Return the request to which belongs what is proposed now.

    Returns
    -------
    KeyedRequest or None
        None if it has no key.
    """
    request = _PRESENT.get()
    return request if request is not None and request.is_open else None
