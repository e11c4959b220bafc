"""One number for all that a replica has done so far: equal on all that are sound.

What each batch did is run through a checksum as it is applied; at each multiple of
`CHECK_ENTRIES` the checksum, and a stretch of what is stored now, are linked to all
that was before. So replicas can be compared index by index, and a difference stays for
ever: nothing that follows makes two chains equal again.

The checksum is a CRC, for its present value goes into a snapshot taken at any index,
and it costs next to nothing; links are BLAKE2. A random difference is overlooked once
in four thousand million times. It is no protection against forgery: a member can say
what it likes anyhow.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, cast

import msgspec

from raftwerk.runtime.state_machine import ShowsState, StateMachine, TellsEffects
from raftwerk.types import NO_INDEX, LogIndex

__all__ = ["CHECK_ENTRIES", "Chain", "ChainState"]

CHECK_ENTRIES: Final = 256
"""After so many entries there is a link; the same number on all members, always."""

LINKS_KEPT: Final = 16
"""So many links are remembered: members compare the newest that all of them have."""

_LINK_BYTES: Final = 16


class ChainState(msgspec.Struct, frozen=True, array_like=True):
    """What is carried in a snapshot.

    Parameters
    ----------
    index : LogIndex
        Of the last link; 0: there was none yet.
    link : bytes
        The last link.
    checksum : int
        Over what was done since then.
    place : bytes
        Where the next stretch of what is stored begins.
    """

    index: LogIndex = NO_INDEX
    link: bytes = bytes(_LINK_BYTES)
    checksum: int = 0
    place: bytes = b""


class Chain:
    """Grows with what is applied.

    Parameters
    ----------
    state : ChainState
        Where it goes on from.

    Attributes
    ----------
    links : dict of LogIndex to bytes
        The newest ones.
    """

    __slots__ = ("_state", "_checksum", "links")

    def __init__(self, state: ChainState) -> None:
        self._state = state
        self._checksum = state.checksum
        self.links: dict[LogIndex, bytes] = {}
        if state.index:
            self.links[state.index] = state.link

    @property
    def index(self) -> LogIndex:
        """Of the last link.

        Returns
        -------
        LogIndex
            0 if there was none yet.
        """
        return self._state.index

    @property
    def state(self) -> ChainState:
        """What goes into a snapshot that is taken now.

        Returns
        -------
        ChainState
            A copy.
        """
        return msgspec.structs.replace(self._state, checksum=self._checksum)

    def add(self, effects: bytes) -> None:
        """Take in what was done.

        Parameters
        ----------
        effects : bytes
            In the order of the log; how it is cut makes no difference.
        """
        self._checksum = zlib.crc32(effects, self._checksum)

    def add_batch(self, machine: StateMachine, results: Sequence[object]) -> None:
        """Take in what a machine has just done.

        Parameters
        ----------
        machine : StateMachine
            It has applied a batch.
        results : sequence of object
            What it returned; they stand for what was done if it does not tell.
        """
        if _tells_effects(type(machine)):
            self.add(cast(TellsEffects, machine).effects())
        else:
            self.add(plain(results))

    def close(self, index: LogIndex, machine: StateMachine) -> None:
        """Make a link.

        Parameters
        ----------
        index : LogIndex
            The last that is applied.
        machine : StateMachine
            In the state of that index; it shows a stretch if it can.
        """
        place, shown = b"", b""
        if isinstance(machine, ShowsState):
            shown, place = machine.inspect(self._state.place)
        hashed = hashlib.blake2b(self._state.link, digest_size=_LINK_BYTES)
        hashed.update(index.to_bytes(8, "little"))
        hashed.update(self._checksum.to_bytes(4, "little"))
        hashed.update(len(place).to_bytes(8, "little") + place + shown)
        self._state = ChainState(index, hashed.digest(), 0, place)
        self._checksum = 0
        self.links[index] = self._state.link
        if len(self.links) > LINKS_KEPT:
            del self.links[next(iter(self.links))]


@cache
def _tells_effects(kind: type) -> bool:
    """Tell whether machines of a class do; to ask the protocol takes long."""
    return issubclass(kind, TellsEffects)


def _type_name(value: object) -> str:
    """Stand for what is no plain data: an address in its words would differ."""
    return type(value).__qualname__


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_type_name, order="deterministic")


def plain(results: Iterable[object]) -> bytes:
    """Return results as bytes, whatever they are.

    Parameters
    ----------
    results : iterable of object
        Plain data count as they are, all else by its type.

    Returns
    -------
    bytes
        Those of one batch after those of another are those of both.
    """
    return b"".join(map(_encode, results))


def _encode(result: object) -> bytes:
    """Return one result as bytes."""
    try:
        return _ENCODER.encode(result)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _ENCODER.encode(_type_name(result))
