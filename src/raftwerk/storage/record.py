"""One record: bytes that prove what they are, where they belong and what they follow.

::

    ┌────────┬──────────┬────────┬──────┬─────────┐
    │ length │ checksum │ chain  │ kind │ payload │
    │ u32    │ u32      │ u32    │ u8   │ length  │   little-endian, no padding
    └────────┴──────────┴────────┴──────┴─────────┘

`chain` is the checksum of the record before. The checksum is the CRC32C of salt,
offset, chain, length, kind and payload. The salt differs from file to file, and neither
it nor the offset is stored; so a record that was copied, moved, left over, or smuggled
in by a client as the value of a key is not taken for one. Every bit of a record
is covered, and because `chain` is stored a record can be checked alone, behind a
damaged one.

A file begins with a preamble (magic number, format version, checksum), which no later
format may change, and a first record with salt 0; its checksum is the salt of the rest.
"""

import enum
import struct
from typing import Final

import google_crc32c
import msgspec

from raftwerk.errors import UnknownFormat

__all__ = [
    "HEADER_BYTES",
    "PREAMBLE_BYTES",
    "BadRecord",
    "Record",
    "RecordKind",
    "RecordWriter",
    "encode_preamble",
    "read_preamble",
    "read_record",
    "record_bytes",
]

_HEADER: Final = struct.Struct("<IIIB")
_COVERED: Final = struct.Struct("<IQIIB")
_PREAMBLE: Final = struct.Struct("<8sII")

HEADER_BYTES: Final = _HEADER.size
PREAMBLE_BYTES: Final = _PREAMBLE.size


class RecordKind(enum.IntEnum):
    """What a record's payload is; see `payloads` and `snapshots`.

    No kind is 0, so that the zeros of a preallocated file are no record.
    """

    START = 1
    """The first of a file: what it continues, and whose it is."""
    MARK = 2
    """Begins each batch: up to here all was durable when this was written."""
    APPEND = 3
    """Hard state and entries."""
    COMPACT = 4
    """A snapshot of our own, and where the log begins from now on."""
    INSTALL = 5
    """A received snapshot in the place of the log."""
    CHUNK = 6
    """A piece of a snapshot's data."""
    END = 7
    """The last of a snapshot file."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """A sound record."""

    kind: RecordKind
    payload: bytes
    offset: int
    end: int
    """The offset behind it, in bytes."""
    chain: int
    checksum: int


class BadRecord(msgspec.Struct, frozen=True, gc=False):
    """A place where no sound record is."""

    offset: int
    expected: str
    """What should have been there, and what is."""


def _checksum(salt: int, offset: int, chain: int, kind: int, payload: bytes) -> int:
    """Return the CRC32C of a record in its place."""
    place = _COVERED.pack(salt, offset, chain, len(payload), kind)
    checksum: int = google_crc32c.extend(google_crc32c.value(place), payload)
    return checksum


class RecordWriter:
    """Turns payloads into the bytes that belong at one place of one file.

    Parameters
    ----------
    salt : int
        The file's; 0 for its first record.
    offset : int
        Where the first record will be, in bytes.
    chain : int
        The checksum of the record before that.
    """

    __slots__ = ("_parts", "chain", "offset", "salt")

    def __init__(self, salt: int, offset: int, chain: int) -> None:
        self.salt = salt
        self.offset = offset
        self.chain = chain
        self._parts: list[bytes] = []

    def add(self, kind: RecordKind, payload: bytes) -> None:
        """Put one more record behind the others.

        Parameters
        ----------
        kind : RecordKind
            What it is.
        payload : bytes
            What it says.
        """
        checksum = _checksum(self.salt, self.offset, self.chain, kind, payload)
        self._parts += (
            _HEADER.pack(len(payload), checksum, self.chain, kind),
            payload,
        )
        self.chain = checksum
        self.offset += HEADER_BYTES + len(payload)

    def take(self) -> bytes:
        """Return the records added since the last call, in one piece.

        Returns
        -------
        bytes
            To be written where the first of them belongs.
        """
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def read_record(
    data: bytes, offset: int, salt: int, chain: int | None, *, origin: int = 0
) -> Record | BadRecord:
    """Return the record at one place of a file, or why there is none.

    Parameters
    ----------
    data : bytes
        The file from `origin` to its end, or to the record's.
    offset : int
        Where in the file the record should be, in bytes.
    salt : int
        The file's.
    chain : int or None
        The checksum of the record before; None if that is not known.
    origin : int
        Where in the file `data` begins, in bytes.

    Returns
    -------
    Record or BadRecord
        What is there.
    """
    begin = offset - origin + HEADER_BYTES
    file_end = origin + len(data)
    if begin > len(data):
        return BadRecord(offset, f"a record; the file ends at byte {file_end}")
    length, checksum, found_chain, kind = _HEADER.unpack_from(data, offset - origin)
    if begin + length > len(data):
        return BadRecord(
            offset,
            f"a record; it would be {length} bytes long, and the file ends at byte"
            f" {file_end}",
        )
    payload = data[begin : begin + length]
    computed = _checksum(salt, offset, found_chain, kind, payload)
    if computed != checksum:
        return BadRecord(
            offset,
            f"a record with checksum {checksum:08x}; what is there has {computed:08x}",
        )
    if chain is not None and found_chain != chain:
        return BadRecord(
            offset,
            f"a record that follows checksum {chain:08x}; what is there follows"
            f" {found_chain:08x}",
        )
    try:
        known = RecordKind(kind)
    except ValueError:
        return BadRecord(offset, f"a record of a kind that format 1 has; it is {kind}")
    end = offset + HEADER_BYTES + length
    return Record(known, payload, offset, end, found_chain, checksum)


def record_bytes(header: bytes) -> int:
    """Return how long a record claims to be.

    Parameters
    ----------
    header : bytes
        `HEADER_BYTES` bytes.

    Returns
    -------
    int
        Bytes with the header; not to be trusted before `read_record` has checked it.
    """
    return HEADER_BYTES + int(_HEADER.unpack(header)[0])


def encode_preamble(magic: bytes, version: int) -> bytes:
    """Return the first bytes of a file.

    Parameters
    ----------
    magic : bytes
        Eight bytes that say what the file is.
    version : int
        The version of its format.

    Returns
    -------
    bytes
        `PREAMBLE_BYTES` bytes.
    """
    covered = struct.pack("<8sI", magic, version)
    return covered + struct.pack("<I", google_crc32c.value(covered))


def read_preamble(
    data: bytes, magic: bytes, version: int, path: str
) -> int | BadRecord:
    """Check the first bytes of a file.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.
    magic : bytes
        What the file must be.
    version : int
        The newest version that we can read.
    path : str
        The file, for the message.

    Returns
    -------
    int or BadRecord
        The checksum of the preamble, which the first record is chained to.

    Raises
    ------
    UnknownFormat
        If the file is sound, and of a version that we can't read.
    """
    if len(data) < PREAMBLE_BYTES:
        return BadRecord(0, f"a preamble; the file has {len(data)} bytes")
    found_magic, found_version, checksum = _PREAMBLE.unpack_from(data)
    if found_magic != magic:
        return BadRecord(0, f"the magic number {magic!r}; it is {found_magic!r}")
    computed = google_crc32c.value(data[: PREAMBLE_BYTES - 4])
    if computed != checksum:
        return BadRecord(
            0, f"a preamble with checksum {checksum:08x}; it has {computed:08x}"
        )
    if not 1 <= found_version <= version:
        raise UnknownFormat(
            f"{path} has format {found_version}, and this version of raftwerk reads"
            f" formats 1 to {version}; use the version that wrote it"
        )
    return int(checksum)
