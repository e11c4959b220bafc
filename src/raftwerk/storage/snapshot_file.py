"""One snapshot file: written aside in chunks, synced, renamed; read back and checked.

Each chunk is one record (`record`), chained like those of the log, and the last record
counts them; so a file is whole or known not to be.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.disk_protocol import Disk, File, storage_error
from raftwerk.storage.record import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    BadRecord,
    Record,
    RecordKind,
    RecordWriter,
    encode_preamble,
    read_preamble,
    read_record,
    record_bytes,
)
from raftwerk.types import LogIndex, Term

__all__ = ["FORMAT_VERSION", "SnapshotName", "SnapshotWriter", "read_snapshot"]

FORMAT_VERSION: Final = 1
"""The format that we write; all up to it are read."""

UNSYNCED_BYTES_MAX: Final = 8 << 20
"""What is written before it is synced. Were hundreds of megabytes left to one sync in
the end, the log's own would wait behind them, and with it whoever writes."""

_MAGIC: Final = b"raftsnap"


class SnapshotName(NamedTuple):
    """One finished file."""

    applied_index: LogIndex
    """The snapshot's index."""
    term: Term
    path: str


class _StartPayload(msgspec.Struct, frozen=True, array_like=True):
    """The first record: which snapshot this is, whatever the file is called."""

    index: LogIndex
    term: Term


class _EndPayload(msgspec.Struct, frozen=True, array_like=True):
    """The last record: what must have come before."""

    chunks: int
    size_bytes: int


class SnapshotWriter:
    """A `SnapshotSink`: a snapshot that is being written or received.

    Parameters
    ----------
    disk : Disk
        Where to write it.
    folder : str
        The folder of the snapshots.
    name : SnapshotName
        What it will be.
    """

    def __init__(self, disk: Disk, folder: str, name: SnapshotName) -> None:
        self._disk = disk
        self._folder = folder
        self._name = name
        self._unfinished = name.path + UNFINISHED
        self._chunks = 0
        self._size_bytes = 0
        self._unsynced_bytes = 0
        head = encode_preamble(_MAGIC, FORMAT_VERSION)
        start = RecordWriter(0, PREAMBLE_BYTES, int.from_bytes(head[-4:], "little"))
        payload = _StartPayload(name.applied_index, name.term)
        start.add(RecordKind.START, msgspec.msgpack.encode(payload))
        self._writer = RecordWriter(start.chain, start.offset, start.chain)
        try:
            self._file = disk.create(self._unfinished)
        except OSError as error:
            raise storage_error("make", self._unfinished, error) from error
        self._write_at(0, head + start.take())

    def write(self, chunk: bytes) -> None:
        """Write one more chunk.

        Parameters
        ----------
        chunk : bytes
            Given back in one piece by `SnapshotFiles.read_chunks`.

        Raises
        ------
        DiskFull
            If there is no room; nothing is left of the snapshot.
        StorageError
            If the disk fails; nothing is left of the snapshot.
        """
        self._add(RecordKind.CHUNK, chunk)
        self._chunks += 1
        self._size_bytes += len(chunk)

    def finish(self) -> SnapshotName:
        """Make the snapshot durable, and give it its name.

        Returns
        -------
        SnapshotName
            Where it is.

        Raises
        ------
        DiskFull
            If there is no room; nothing is left of the snapshot.
        StorageError
            If the disk fails; nothing is left of the snapshot.
        """
        payload = _EndPayload(self._chunks, self._size_bytes)
        self._add(RecordKind.END, msgspec.msgpack.encode(payload))
        try:
            self._file.sync()
            self._file.close()
            self._disk.rename(self._unfinished, self._name.path)
            self._disk.sync_directory(self._folder)
        except OSError as error:
            self.abort()
            raise storage_error("make", self._name.path, error) from error
        return self._name

    def abort(self) -> None:
        """Let go of the snapshot; nothing is left of it."""
        self._file.close()
        with suppress(OSError):  # it means nothing, and is removed at the next start
            self._disk.remove(self._unfinished)

    def _add(self, kind: RecordKind, payload: bytes) -> None:
        """Write one record behind the others."""
        offset = self._writer.offset
        self._writer.add(kind, payload)
        self._write_at(offset, self._writer.take())

    def _write_at(self, offset: int, data: bytes) -> None:
        """Write bytes, or give up the whole snapshot."""
        try:
            self._file.write_at(offset, data)
            self._unsynced_bytes += len(data)
            if self._unsynced_bytes >= UNSYNCED_BYTES_MAX:
                self._file.sync()
                self._unsynced_bytes = 0
        except OSError as error:
            self.abort()
            raise storage_error("write", self._unfinished, error) from error


def read_snapshot(disk: Disk, name: SnapshotName) -> Iterator[bytes | BadRecord]:
    """Return the chunks of a file, one read at a time.

    Parameters
    ----------
    disk : Disk
        Where it is.
    name : SnapshotName
        The file.

    Yields
    ------
    bytes or BadRecord
        Each chunk as it was written; what is wrong with the file comes last, if
        anything.

    Raises
    ------
    StorageError
        If it can't be read.
    UnknownFormat
        If it was written in a format that we can't read.
    """
    try:
        file = disk.open_to_read(name.path)
        try:
            yield from _read_chunks(file, name)
        finally:
            file.close()
    except OSError as error:
        raise storage_error("read", name.path, error) from error


def _read_chunks(file: File, name: SnapshotName) -> Iterator[bytes | BadRecord]:
    """Return the chunks of an open file; what is wrong with it comes last."""
    head = file.read_at(0, PREAMBLE_BYTES)
    chain = read_preamble(head, _MAGIC, FORMAT_VERSION, name.path)
    if isinstance(chain, BadRecord):
        yield chain
        return
    record = _read_at(file, PREAMBLE_BYTES, 0, chain)
    expected_start = msgspec.msgpack.encode(
        _StartPayload(name.applied_index, name.term)
    )
    if isinstance(record, Record) and record.payload != expected_start:
        record = BadRecord(
            record.offset, f"the snapshot at {name.applied_index}, term {name.term}"
        )
    if isinstance(record, BadRecord):
        yield record
        return
    salt = record.checksum
    chunks = size_bytes = 0
    while True:
        record = _read_at(file, record.end, salt, record.checksum)
        if isinstance(record, BadRecord):
            yield record
            return
        if record.kind is not RecordKind.CHUNK:
            break
        yield record.payload
        chunks += 1
        size_bytes += len(record.payload)
    expected_end = msgspec.msgpack.encode(_EndPayload(chunks, size_bytes))
    if record.kind is not RecordKind.END or record.payload != expected_end:
        yield BadRecord(record.offset, f"the end after {chunks} chunks")


def _read_at(file: File, offset: int, salt: int, chain: int) -> Record | BadRecord:
    """Read one record, and no more of the file than it claims to need."""
    header = file.read_at(offset, HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return BadRecord(offset, f"a record; the file ends at byte {file.size()}")
    data = file.read_at(offset, min(record_bytes(header), file.size() - offset))
    return read_record(data, offset, salt, chain, origin=offset)
