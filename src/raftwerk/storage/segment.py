"""One file of records: made, appended to, opened again (`scan` reads it).

A segment is filled with zeros when it is made, so that an append changes no size and
allocates nothing: its `fdatasync` writes data alone, the disk can't be full in the
middle of it, and what was never written is known to be zero. It is made aside and
renamed when all of it is durable, so a segment with a bad beginning is damaged.

A segment is sealed when the next one exists, for that is made only after a sync, and
names the end and the last checksum of the one before.
"""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Final

import msgspec

from raftwerk.errors import DiskFull, StorageError, require
from raftwerk.storage.directory import UNFINISHED, segment_path
from raftwerk.storage.disk_protocol import Disk, File, no_space, storage_error
from raftwerk.storage.payloads import (
    MARK_BYTES,
    Mark,
    StartPayload,
    encode_mark,
    encode_payload,
)
from raftwerk.storage.record import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    RecordKind,
    RecordWriter,
    encode_preamble,
)
from raftwerk.storage.scan import FORMAT_VERSION, MAGIC, Opening, Scan
from raftwerk.storage.spare import Spare
from raftwerk.types import LogIndex

__all__ = ["Segment"]

_ZEROS: Final = bytes(1 << 20)


class Segment:
    """The last segment of a log: the one that is written.

    Parameters
    ----------
    file : File
        The file.
    path : str
        Its path, for messages.
    opening : Opening
        How it begins.

    Attributes
    ----------
    path : str
        The file's path.
    opening : Opening
        How it begins.
    end : int
        Where the next batch goes, in bytes from the file's beginning.
    chain : int
        The checksum of the last record, which the next one names.
    is_marked : bool
        Whether a mark stands at the end: all before it is known to be durable.
    """

    __slots__ = (
        "_file",
        "_is_synced",
        "_size",
        "chain",
        "end",
        "is_marked",
        "opening",
        "path",
    )

    def __init__(self, file: File, path: str, opening: Opening) -> None:
        self._file = file
        self._size = opening.start.size_bytes
        self._is_synced = True
        self.path = path
        self.opening = opening
        self.end = opening.end
        self.chain = opening.salt
        self.is_marked = True

    @classmethod
    def create(
        cls,
        disk: Disk,
        folder: str,
        start: StartPayload,
        size: int,
        room: int,
        spare: Spare | None = None,
    ) -> "Segment":
        """Make a segment; when this returns, it is durable.

        Parameters
        ----------
        disk : Disk
            Where to make it.
        folder : str
            The folder of the segments.
        start : StartPayload
            What its first record says.
        size : int
            How large it should be, in bytes.
        room : int
            What must fit into it in any case, in bytes.
        spare : Spare or None
            A file that was made ahead, for a segment of the usual size.

        Returns
        -------
        Segment
            Empty.

        Raises
        ------
        DiskFull
            If there is no room; nothing is left of it.
        StorageError
            If the disk fails.
        """
        size = max(size, _head_bytes(start) + room + MARK_BYTES)
        start = msgspec.structs.replace(start, size_bytes=size)
        path = segment_path(folder, start.sequence, LogIndex(start.base.last_index + 1))
        head, opening = _encode_head(start)
        with ExitStack() as undo:
            try:
                file, unfinished = _zeros(disk, path, size, spare, undo)
                file.write_at(0, head)
                segment = cls(file, path, opening)
                segment.sync()
                disk.rename(unfinished, path)
                disk.sync_directory(folder)
            except OSError as error:
                raise _not_made(folder, path, size, error) from error
            undo.pop_all()
        return segment

    @classmethod
    def reopen(
        cls, disk: Disk, path: str, opening: Opening, found: Scan, unmarked: bytes
    ) -> "Segment":
        """Open the last segment of a log, and make it sound and durable.

        What is behind the last sound record is overwritten with zeros, so that nothing
        of it can come back, and a file that was cut short gets its size back. What no
        mark covers is written once more: after a failed sync the system may hold it in
        memory as if it were on the disk.

        Parameters
        ----------
        disk : Disk
            Where it is.
        path : str
            Its path.
        opening : Opening
            How it begins.
        found : Scan
            What it holds.
        unmarked : bytes
            What is there from `found.marked_end` to `found.end`.

        Returns
        -------
        Segment
            At the end of its last sound record.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        with ExitStack() as undo:
            try:
                file = disk.open(path)
                undo.callback(file.close)
                segment = cls(file, path, opening)
            except OSError as error:
                raise storage_error("open", path, error) from error
            segment.end = found.end
            segment.chain = found.chain
            segment.is_marked = (
                not found.records or found.records[-1].kind is RecordKind.MARK
            )
            segment.overwrite(found.end, bytes(found.torn_bytes))
            segment.lengthen()
            segment.overwrite(found.marked_end, unmarked)
            segment.sync()
            undo.pop_all()
        return segment

    @property
    def descriptor(self) -> int | None:
        """Do as `Written.descriptor` says; the system's files alone have one.

        Returns
        -------
        int or None
            Of the open file.
        """
        found: int | None = getattr(self._file, "descriptor", None)
        return found

    @property
    def room(self) -> int:
        """How large a batch may be, beside the last mark that follows it.

        Returns
        -------
        int
            In bytes.
        """
        return self._size - self.end - MARK_BYTES

    def write(
        self, payloads: Iterable[tuple[RecordKind, bytes]], durable_index: LogIndex
    ) -> None:
        """Write one batch: a mark, and the records behind it.

        Parameters
        ----------
        payloads : iterable of (RecordKind, bytes)
            The records; without any, the mark stands alone.
        durable_index : LogIndex
            The last index of the log before this batch.

        Raises
        ------
        DiskFull
            If there is no room; the segment is as before.
        StorageError
            If the disk fails.
        """
        require(self._is_synced, "what a mark says is durable was synced")
        writer = RecordWriter(self.opening.salt, self.end, self.chain)
        writer.add(RecordKind.MARK, encode_mark(Mark(self.end, durable_index)))
        is_marked = True
        for kind, payload in payloads:
            writer.add(kind, payload)
            is_marked = False
        batch = writer.take()
        self._is_synced = False
        try:
            self._file.write_at(self.end, batch)
        except OSError as error:
            self.overwrite(self.end, bytes(len(batch)))
            self._is_synced = True
            raise storage_error("write", self.path, error) from error
        self.end = writer.offset
        self.chain = writer.chain
        self.is_marked = is_marked

    def sync(self) -> None:
        """Return once all that was written survives a power cut.

        Raises
        ------
        StorageError
            If the disk fails; never `DiskFull`, for after a failed sync it is unknown
            what the disk has.
        """
        try:
            self._file.sync()
        except OSError as error:
            raise self.sync_failure(error) from error
        self._is_synced = True

    def synced(self) -> None:
        """Know that somebody else has synced the file since the last write."""
        self._is_synced = True

    def sync_failure(self, error: OSError) -> StorageError:
        """Do as `Written.sync_failure` says.

        Parameters
        ----------
        error : OSError
            The system's.

        Returns
        -------
        StorageError
            For people.
        """
        return StorageError(
            f"cannot sync {self.path}: {error}; what the disk has is unknown now,"
            " so this member must stop"
        )

    def lengthen(self) -> None:
        """Give the file the size back that it was made with, if it lacks some.

        Raises
        ------
        DiskFull
            If there is no room.
        StorageError
            If the disk fails.
        """
        try:
            _fill(self._file, self._file.size(), self._size)
        except OSError as error:
            raise storage_error("lengthen", self.path, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def overwrite(self, offset: int, data: bytes) -> None:
        """Put bytes in the place of others, beside the order of records.

        Parameters
        ----------
        offset : int
            Where, in bytes.
        data : bytes
            What will be there.

        Raises
        ------
        StorageError
            If that fails; never `DiskFull`, for there is no way on.
        """
        try:
            if data:
                self._file.write_at(offset, data)
        except OSError as error:
            raise StorageError(f"cannot overwrite {self.path}: {error}") from error


def _encode_head(start: StartPayload) -> tuple[bytes, Opening]:
    """Return the first bytes of a segment, and what they say."""
    preamble = encode_preamble(MAGIC, FORMAT_VERSION)
    checksum = int.from_bytes(preamble[-4:], "little")
    writer = RecordWriter(0, PREAMBLE_BYTES, checksum)
    writer.add(RecordKind.START, encode_payload(start))
    opening = Opening(start, writer.chain, writer.offset)
    return preamble + writer.take(), opening


def _head_bytes(start: StartPayload) -> int:
    """Return how many bytes the beginning of a segment takes at most."""
    longest = msgspec.structs.replace(start, size_bytes=1 << 62)
    return PREAMBLE_BYTES + HEADER_BYTES + len(encode_payload(longest))


def _zeros(
    disk: Disk, path: str, size: int, spare: Spare | None, undo: ExitStack
) -> tuple[File, str]:
    """Return a file full of zeros, and its path as long as it is not finished."""
    ready = None if spare is None else spare.take(size)
    if spare is not None and ready is not None:
        undo.callback(_discard, disk, spare.path)
        undo.callback(ready.close)
        return ready, spare.path
    unfinished = path + UNFINISHED
    undo.callback(_discard, disk, unfinished)
    file = disk.create(unfinished)
    undo.callback(file.close)
    _fill(file, 0, size)
    return file, unfinished


def _not_made(folder: str, path: str, size: int, error: OSError) -> StorageError:
    """Return why a segment could not be made."""
    failure = storage_error("make", path, error)
    return no_space(folder, size) if isinstance(failure, DiskFull) else failure


def _fill(file: File, begin: int, end: int) -> None:
    """Write zeros to a part of a file."""
    for offset in range(begin, end, len(_ZEROS)):
        file.write_at(offset, _ZEROS[: end - offset])


def _discard(disk: Disk, path: str) -> None:
    """Remove a file that was not finished, as far as the disk lets us."""
    with suppress(OSError):  # it means nothing, and is removed at the next start
        disk.remove(path)
