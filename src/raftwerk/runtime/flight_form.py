"""Flight files: all that a core was told, from a complete state on.

A file is a preamble (as the log's files have, with a magic number of its own) and then
frames: length, checksum, payload. The first payload is the `Beginning`, each further
one a list of records, all in msgpack. The checksum is the CRC32C of the checksum before
it and the payload, so no frame can go missing from the middle. What a crash tore is at
the end; what is damaged elsewhere is refused. `docs/reference/flight.md` says it in
full.
"""

import struct
from collections.abc import Iterator
from typing import Final

import google_crc32c
import msgspec

from raftwerk.core.image import ReplicaImage
from raftwerk.core.inputs import Input
from raftwerk.core.records import ConfChange, Entry, HardState, Snapshot
from raftwerk.errors import WalCorrupted
from raftwerk.storage.record import (
    PREAMBLE_BYTES,
    BadRecord,
    encode_preamble,
    read_preamble,
)
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "VERSION",
    "Advanced",
    "Beginning",
    "Compacted",
    "ConfApplied",
    "Ended",
    "Flight",
    "FlightFile",
    "Installed",
    "Read",
    "Record",
    "Stepped",
    "StoredLog",
    "TimeoutSet",
    "Took",
    "Wrote",
    "read_flight",
]

MAGIC: Final = b"rwflight"

VERSION: Final = 1
"""Readers refuse a greater one: what they replay would not be what happened."""

_FRAME: Final = struct.Struct("<II")
_CHAIN: Final = struct.Struct("<I")
_encode: Final = msgspec.msgpack.Encoder().encode


class Read(msgspec.Struct, frozen=True, array_like=True):
    """The core read entries that storage has.

    Parameters
    ----------
    start : LogIndex
        The first one's index.
    count : int
        How many it was given.
    entries : tuple of Entry
        Those of them that the file does not have yet.
    """

    start: LogIndex
    count: int
    entries: tuple[Entry, ...] = ()


class Call(msgspec.Struct, frozen=True, array_like=True, kw_only=True, tag=True):
    """What all calls of the core have in common.

    Parameters
    ----------
    at_millis : int
        When, since the file's beginning.
    reads : tuple of Read
        What it read of storage meanwhile, in order.
    draws : tuple of int
        What it drew meanwhile, in order.
    outcome : str
        The error that it raised, by the name of its type; empty for none.
    """

    at_millis: int
    reads: tuple[Read, ...] = ()
    draws: tuple[int, ...] = ()
    outcome: str = ""


class Stepped(Call, frozen=True, array_like=True, kw_only=True, tag="step"):
    """It was given an input."""

    event: Input


class Took(Call, frozen=True, array_like=True, kw_only=True, tag="ready"):
    """A `Ready` was taken from it; of that a hash is kept."""

    digest: bytes


class Advanced(Call, frozen=True, array_like=True, kw_only=True, tag="advance"):
    """It was told that the last `Ready` is done."""


class ConfApplied(Call, frozen=True, array_like=True, kw_only=True, tag="conf"):
    """A committed change of the configuration was applied."""

    change: ConfChange


class TimeoutSet(Call, frozen=True, array_like=True, kw_only=True, tag="timeout"):
    """The election timeout was overridden, as tests do."""

    ticks: int


class Wrote(Call, frozen=True, array_like=True, kw_only=True, tag="write"):
    """Storage was given hard state and entries; those came out of an earlier `Ready`.

    Parameters
    ----------
    hard_state : HardState or None
        As `LogStore.append` was given it.
    first : LogIndex
        The first entry's index.
    terms : tuple of Term
        The term of each entry.
    """

    hard_state: HardState | None
    first: LogIndex
    terms: tuple[Term, ...]


class Installed(Call, frozen=True, array_like=True, kw_only=True, tag="install"):
    """Storage put a received snapshot in the place of its log."""

    snapshot: Snapshot


class Compacted(Call, frozen=True, array_like=True, kw_only=True, tag="compact"):
    """Storage dropped what a snapshot covers, but for some entries."""

    snapshot: Snapshot
    keep: int


class Ended(Call, frozen=True, array_like=True, kw_only=True, tag="end"):
    """Nothing more follows in this file.

    Parameters
    ----------
    reason : str
        Why; for people.
    """

    reason: str


Record = (
    Stepped
    | Took
    | Advanced
    | ConfApplied
    | TimeoutSet
    | Wrote
    | Installed
    | Compacted
    | Ended
)


class StoredLog(msgspec.Struct, frozen=True, kw_only=True):
    """What storage held when the file began: all but what entries say.

    Parameters
    ----------
    hard_state : HardState
        The newest one.
    snapshot : Snapshot
        The newest one.
    previous_index, previous_term : LogIndex, Term
        Of the place just before the first entry.
    terms : tuple of (Term, int)
        The terms of the entries, and how many of each follow one another.
    """

    hard_state: HardState
    snapshot: Snapshot
    previous_index: LogIndex
    previous_term: Term
    terms: tuple[tuple[Term, int], ...]


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """How a file begins.

    Parameters
    ----------
    program : str
        Who wrote it, with its version.
    node_id : NodeId
        Whose core it is.
    sequence : int
        Which of the member's files it is, from 1.
    step : int
        How many records of this process are in earlier files, or lost.
    wall_seconds : float
        When it began, since 1970.
    heartbeat_millis : int
        How long a heartbeat interval is.
    is_shape : bool
        Whether payloads were left out.
    image : ReplicaImage
        The core's state.
    log : StoredLog
        What storage held.
    """

    program: str
    node_id: NodeId
    sequence: int
    step: int
    wall_seconds: float
    heartbeat_millis: int
    is_shape: bool
    image: ReplicaImage
    log: StoredLog


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """A file, read.

    Parameters
    ----------
    path : str
        Where it is.
    beginning : Beginning
        How it begins.
    records : tuple of Record
        What happened, in order.
    torn_bytes : int
        What a crash left behind the last sound frame, in bytes.
    """

    path: str
    beginning: Beginning
    records: tuple[Record, ...]
    torn_bytes: int = 0


_BEGINNING: Final = msgspec.msgpack.Decoder(Beginning)
_RECORDS: Final = msgspec.msgpack.Decoder(tuple[Record, ...])


class FlightFile:
    """Turns what is to be kept into the bytes of one file, in order."""

    def __init__(self) -> None:
        preamble = encode_preamble(MAGIC, VERSION)
        self._chain: int = _CHAIN.unpack_from(preamble, len(preamble) - 4)[0]
        self._preamble = preamble

    def begin(self, beginning: Beginning) -> bytes:
        """Return the first bytes.

        Parameters
        ----------
        beginning : Beginning
            How the file begins.

        Returns
        -------
        bytes
            Preamble and first frame.
        """
        return self._preamble + self._frame(_encode(beginning))

    def add(self, records: list[Record]) -> bytes:
        """Return the next bytes.

        Parameters
        ----------
        records : list of Record
            What happened next.

        Returns
        -------
        bytes
            A frame.
        """
        return self._frame(_encode(records))

    def _frame(self, payload: bytes) -> bytes:
        """Return a frame, chained to the one before."""
        self._chain = _checksum(self._chain, payload)
        return _FRAME.pack(len(payload), self._chain) + payload


def _checksum(chain: int, payload: bytes) -> int:
    """Return the checksum of a frame that follows another one."""
    start = google_crc32c.value(_CHAIN.pack(chain))
    checksum: int = google_crc32c.extend(start, payload)
    return checksum


def read_flight(data: bytes, path: str) -> Flight:
    """Read a file.

    Parameters
    ----------
    data : bytes
        All of it.
    path : str
        Where it was found, for messages.

    Returns
    -------
    Flight
        Up to what a crash tore.

    Raises
    ------
    UnknownFormat
        If it was written in a format that we can't read.
    WalCorrupted
        If it is no flight file, or damaged, or torn before its first record.
    """
    chain = read_preamble(data, MAGIC, VERSION, path)
    if isinstance(chain, BadRecord):
        raise _damaged(path, chain.offset, f"expected {chain.expected}")
    frames = _Frames(data, path, chain)
    payloads = list(frames)
    if not payloads:
        raise _damaged(path, PREAMBLE_BYTES, "no state to begin from: it was cut off")
    try:
        beginning = _BEGINNING.decode(payloads[0])
        records = [each for one in payloads[1:] for each in _RECORDS.decode(one)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise _damaged(path, PREAMBLE_BYTES, f"can't be read: {error}") from None
    return Flight(
        path=path,
        beginning=beginning,
        records=tuple(records),
        torn_bytes=len(data) - frames.end,
    )


class _Frames:
    """The sound frames of a file, up to its end or to what a crash tore."""

    def __init__(self, data: bytes, path: str, chain: int) -> None:
        self._data = data
        self._path = path
        self._chain = chain
        self.end = PREAMBLE_BYTES

    def __iter__(self) -> Iterator[bytes]:
        data = self._data
        while self.end + _FRAME.size <= len(data):
            length, checksum = _FRAME.unpack_from(data, self.end)
            begin = self.end + _FRAME.size
            if begin + length > len(data):
                self._check_torn(begin, checksum)
                return  # the write that a crash tore
            payload = data[begin : begin + length]
            if _checksum(self._chain, payload) != checksum:
                if not any(data[begin + length :]):
                    return  # the last write: some of it is there, and some not
                raise _damaged(
                    self._path, self.end, "the checksum of a frame does not fit"
                )
            self._chain = checksum
            self.end = begin + length
            yield payload

    def _check_torn(self, begin: int, checksum: int) -> None:
        """Make sure that the last frame is not whole: no crash makes a length wrong.

        Else one flipped bit of a length would pass for a crash, and all that follows
        would be left out in silence.
        """
        found: int = google_crc32c.value(_CHAIN.pack(self._chain))
        for at in range(begin, len(self._data)):
            found = google_crc32c.extend(found, self._data[at : at + 1])
            if found == checksum:
                raise _damaged(
                    self._path, self.end, "the length of a frame does not fit"
                )


def _damaged(path: str, offset: int, what: str) -> WalCorrupted:
    """Return the error for a file that can't be used."""
    return WalCorrupted(f"{path} is no sound flight file: byte {offset}: {what}")
