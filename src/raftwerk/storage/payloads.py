"""What the records of a log say: MessagePack of our own types, and one fixed form.

One append is one record, whatever it carries: one encoding, one checksum, one decoding,
and after a crash either all of it is there or nothing (a new term without its entries
would be harmless, entries without their term would not). Arrays instead of maps: new
fields go to the end, with a default.
"""

import struct
from typing import Final

import msgspec

from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.record import HEADER_BYTES, Record, RecordKind
from raftwerk.types import NO_INDEX, NO_TERM, LogIndex, Term

__all__ = [
    "MARK_BYTES",
    "MARK_MAGIC",
    "AppendPayload",
    "Base",
    "CompactPayload",
    "InstallPayload",
    "LogPayload",
    "Mark",
    "StartPayload",
    "decode_log_payload",
    "decode_mark",
    "decode_start",
    "encode_mark",
    "encode_payload",
]

MARK_MAGIC: Final = b"\xd7rw-mark"
"""What a mark begins with, so that it is found behind a damaged record."""

_MARK: Final = struct.Struct("<8sQQ")

MARK_BYTES: Final = HEADER_BYTES + _MARK.size
"""The size of a mark, with its header."""


class Base(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All of a log but its entries, at one point of its history."""

    hard_state: HardState = HardState()
    snapshot: Snapshot = Snapshot()
    first_index: LogIndex = LogIndex(1)
    previous_term: Term = NO_TERM
    """The term of the entry just before the first."""
    last_index: LogIndex = NO_INDEX
    last_term: Term = NO_TERM


class StartPayload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The beginning of a segment: those below are needed for their entries only.

    `previous_end` and `previous_checksum` say where the segment before ended: that was
    synced before this one was made, so it is sealed.
    """

    sequence: int
    identity: DirectoryIdentity
    base: Base
    size_bytes: int = 0
    """How large the file was made; it never shrinks."""
    previous_end: int = 0
    previous_checksum: int = 0


class Mark(msgspec.Struct, frozen=True, gc=False):
    """How far the log was known to be durable when this was written."""

    durable_offset: int
    """In this segment, in bytes; all before this is durable, and all segments below."""
    durable_index: LogIndex
    """The last index of the log there."""


class AppendPayload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Hard state and entries, as `LogStore.append` takes them."""

    hard_state: HardState | None
    entries: list[Entry]


class CompactPayload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A snapshot of our own, and where the log begins from now on."""

    snapshot: Snapshot
    first_index: LogIndex
    previous_term: Term


class InstallPayload(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A received snapshot in the place of the log."""

    snapshot: Snapshot


LogPayload = AppendPayload | CompactPayload | InstallPayload
"""What changes the log."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_START: Final = msgspec.msgpack.Decoder(StartPayload)
_APPEND: Final = msgspec.msgpack.Decoder(AppendPayload)
_COMPACT: Final = msgspec.msgpack.Decoder(CompactPayload)
_INSTALL: Final = msgspec.msgpack.Decoder(InstallPayload)

encode_payload: Final = _ENCODER.encode
"""Return the bytes of a payload; a tuple of its fields gives the same ones."""


def encode_mark(mark: Mark) -> bytes:
    """Return the payload of a mark.

    Parameters
    ----------
    mark : Mark
        What it says.

    Returns
    -------
    bytes
        Always of one size.
    """
    return _MARK.pack(MARK_MAGIC, mark.durable_offset, mark.durable_index)


def decode_mark(record: Record) -> Mark | None:
    """Return what a record of kind `MARK` says.

    Parameters
    ----------
    record : Record
        A sound record.

    Returns
    -------
    Mark or None
        None if it can't be a mark, though it is sound.
    """
    if record.kind is not RecordKind.MARK or len(record.payload) != _MARK.size:
        return None
    magic, durable_offset, durable_index = _MARK.unpack(record.payload)
    if magic != MARK_MAGIC or durable_offset > record.offset:
        return None
    return Mark(durable_offset, LogIndex(durable_index))


def decode_start(payload: bytes) -> StartPayload:
    """Return what the first record of a segment says.

    Parameters
    ----------
    payload : bytes
        The payload of a sound record of kind `START`.

    Returns
    -------
    StartPayload
        What it says.

    Raises
    ------
    msgspec.MsgspecError
        If it was not written by `encode_payload`.
    """
    return _START.decode(payload)


def decode_log_payload(record: Record) -> LogPayload:
    """Return what a record changes in the log.

    Parameters
    ----------
    record : Record
        A sound record.

    Returns
    -------
    AppendPayload or CompactPayload or InstallPayload
        What it says.

    Raises
    ------
    msgspec.MsgspecError
        If it is of another kind, or was not written by `encode_payload`.
    """
    match record.kind:
        case RecordKind.APPEND:
            return _APPEND.decode(record.payload)
        case RecordKind.COMPACT:
            return _COMPACT.decode(record.payload)
        case RecordKind.INSTALL:
            return _INSTALL.decode(record.payload)
    raise msgspec.DecodeError(f"a log has no record of kind {record.kind.name}")
