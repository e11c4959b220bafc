"""Reading one segment: how it begins, and up to where its records are sound."""

from collections.abc import Iterator
from typing import Final

import msgspec

from raftwerk.errors import WalCorrupted
from raftwerk.storage.payloads import (
    MARK_MAGIC,
    Mark,
    StartPayload,
    decode_mark,
    decode_start,
)
from raftwerk.storage.record import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    BadRecord,
    Record,
    RecordKind,
    read_preamble,
    read_record,
)

__all__ = [
    "FORMAT_VERSION",
    "MAGIC",
    "Opening",
    "Scan",
    "damage",
    "read_opening",
    "scan",
]

FORMAT_VERSION: Final = 1
"""The format that we write; all up to it are read."""

MAGIC: Final = b"raftwal\n"
"""What a segment begins with, in every format."""


class Opening(msgspec.Struct, frozen=True):
    """The first record of a segment."""

    start: StartPayload
    salt: int
    """Its checksum, which all others are mixed with."""
    end: int
    """The offset behind it, in bytes."""


class Scan(msgspec.Struct, frozen=True):
    """What a segment holds behind its first record."""

    records: list[Record]
    """Sound, one after the other."""
    end: int
    """The offset behind the last of them, in bytes."""
    chain: int
    """The checksum of the last of them."""
    bad: BadRecord | None
    """Why there is none at `end`; None if what follows was never written."""
    marked_end: int
    """The highest offset that a sound mark, wherever it is, says was durable."""
    written_end: int
    """The offset behind the last byte that is not zero, or `end`."""

    @property
    def torn_bytes(self) -> int:
        """How much is there behind the last sound record.

        Returns
        -------
        int
            Bytes up to the last that is not zero.
        """
        return self.written_end - self.end


def damage(path: str, offset: int, expected: str) -> WalCorrupted:
    """Return the error for a log that must not be used.

    Parameters
    ----------
    path : str
        The segment.
    offset : int
        The place in it, in bytes.
    expected : str
        What should have been there, and what is.

    Returns
    -------
    WalCorrupted
        To be raised; it names the place and the way back.
    """
    return WalCorrupted(
        f"{path} is damaged at byte {offset}: expected {expected}. It was durable once,"
        " so this member can't be trusted any more: remove its data directory and"
        " replace the member with `raftwerk member replace`"
    )


def read_opening(data: bytes, path: str) -> Opening:
    """Return how a segment begins.

    Parameters
    ----------
    data : bytes
        The whole file.
    path : str
        Its path, for messages.

    Returns
    -------
    Opening
        Its first record.

    Raises
    ------
    UnknownFormat
        If it was written in a format that we can't read.
    WalCorrupted
        If it is not sound.
    """
    chain = read_preamble(data, MAGIC, FORMAT_VERSION, path)
    if isinstance(chain, BadRecord):
        raise damage(path, chain.offset, chain.expected)
    record = read_record(data, PREAMBLE_BYTES, 0, chain)
    if isinstance(record, BadRecord):
        raise damage(path, record.offset, record.expected)
    try:
        if record.kind is not RecordKind.START:
            raise msgspec.DecodeError(f"it is of kind {record.kind.name}")
        start = decode_start(record.payload)
    except msgspec.MsgspecError as error:
        expected = f"the start of a segment; {error}"
        raise damage(path, record.offset, expected) from error
    return Opening(start, record.checksum, record.end)


def scan(data: bytes, opening: Opening) -> Scan:
    """Read a segment up to the first place where no sound record is.

    Parameters
    ----------
    data : bytes
        The whole file.
    opening : Opening
        How it begins.

    Returns
    -------
    Scan
        What is there; whether that is damage is for the caller to say.
    """
    records: list[Record] = []
    end, chain, marked_end = opening.end, opening.salt, opening.end
    while True:
        record = read_record(data, end, opening.salt, chain)
        if isinstance(record, BadRecord):
            break
        records.append(record)
        end, chain = record.end, record.checksum
        mark = decode_mark(record)
        if mark is not None:
            marked_end = max(marked_end, mark.durable_offset)
    written_end = max(end, len(data.rstrip(b"\0")))
    if written_end == end:
        return Scan(records, end, chain, None, marked_end, end)
    for mark in _stray_marks(data, end, opening.salt):
        marked_end = max(marked_end, mark.durable_offset)
    return Scan(records, end, chain, record, marked_end, written_end)


def _stray_marks(data: bytes, offset: int, salt: int) -> Iterator[Mark]:
    """Find the sound marks from a place on where the chain of records is broken."""
    found = data.find(MARK_MAGIC, offset + HEADER_BYTES)
    while found >= 0:
        record = read_record(data, found - HEADER_BYTES, salt, None)
        if isinstance(record, Record):
            mark = decode_mark(record)
            if mark is not None:
                yield mark
        found = data.find(MARK_MAGIC, found + 1)
