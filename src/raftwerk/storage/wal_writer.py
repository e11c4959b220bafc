"""The half of the log that writes; one thread at a time has it.

It knows nothing of what the loop's thread has appended since, but what it is handed:
each operation brings along what the log is, but for its entries, once it is done.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from raftwerk.errors import DiskFull
from raftwerk.storage.directory import wal_folder
from raftwerk.storage.disk_protocol import Disk, no_space, storage_error
from raftwerk.storage.payloads import MARK_BYTES, Base, StartPayload
from raftwerk.storage.protocol import Room
from raftwerk.storage.record import HEADER_BYTES, RecordKind
from raftwerk.storage.segment import Segment
from raftwerk.storage.spare import Spare
from raftwerk.types import LogIndex

__all__ = ["Operation", "WalWriter"]


RESERVE_PART: Final = 4
"""This part of a segment is kept for terms and votes when there is no room for more."""


IN_PLACE_BYTES: Final = 1 << 20
"""What is more is not written on the loop's thread: a millisecond's work."""


class Operation(NamedTuple):
    """One record that waits to be written."""

    kind: RecordKind
    payload: bytes
    base: Base
    """The log after it."""


class WalWriter:
    """Segments as one file without end.

    Parameters
    ----------
    disk : Disk
        Where they are.
    directory : str
        The data directory.
    segment : Segment
        The last one, in which all is synced.
    sealed : iterable of (str, LogIndex)
        The others, oldest first, with the last index of the log where each ends.
    base : Base
        What the log is, but for its entries.
    segment_bytes : int
        How large a new segment is, in bytes.
    """

    def __init__(
        self,
        disk: Disk,
        directory: str,
        segment: Segment,
        sealed: Iterable[tuple[str, LogIndex]],
        base: Base,
        segment_bytes: int,
    ) -> None:
        self._disk = disk
        self._directory = directory
        self._folder = wal_folder(directory)
        self._segment = segment
        self._sealed = deque(sealed)
        self._base = base
        self._segment_bytes = segment_bytes
        self._spare = Spare(disk, self._folder, segment_bytes)
        self._spare.find()
        self._waiting: deque[Operation] = deque()

    def take(self, operation: Operation) -> None:
        """Have one more operation written with the next call of `write`.

        Parameters
        ----------
        operation : Operation
            What follows the others.
        """
        self._waiting.append(operation)

    def write(self) -> None:
        """Write all that was taken: one write and one sync for each segment it touches.

        Raises
        ------
        DiskFull
            If there is no room; what is not written waits for the next call.
        StorageError
            If the disk fails.
        """
        while self._waiting:
            count = self._count_fitting()
            if count == 0:
                self._roll_over(_record_bytes(self._waiting[0]))
                continue
            self._write_batch(count)
            self._segment.sync()
            self._forget_batch(count)
        self._spare.fill(self._segment.end)

    def write_in_place(self) -> Segment | None:
        """Write all that was taken, if that takes one write to the present segment.

        Returns
        -------
        Segment or None
            To be synced, and then `written_in_place` be called; None if there is more
            to do, which `write` does.

        Raises
        ------
        DiskFull
            If there is no room; what is not written waits for the next call.
        StorageError
            If the disk fails.
        """
        waiting = self._waiting
        is_small = (
            waiting
            and sum(len(operation.payload) for operation in waiting) < IN_PLACE_BYTES
            and self._count_fitting() == len(waiting)
            and not self._has_unneeded(waiting[-1].base)
            and not self._spare.is_due(self._segment.end)
        )
        if not is_small:
            return None
        self._write_batch(len(waiting))
        return self._segment

    def written_in_place(self) -> None:
        """Know that what `write_in_place` has written is durable."""
        self._segment.synced()
        self._forget_batch(len(self._waiting))  # nothing was taken meanwhile

    def _write_batch(self, count: int) -> None:
        """Write the first of the waiting operations to the segment."""
        self._segment.write(
            [
                (operation.kind, operation.payload)
                for operation in islice(self._waiting, count)
            ],
            self._base.last_index,
        )

    def _forget_batch(self, count: int) -> None:
        """Go on behind the first of the waiting operations: they are durable."""
        for _ in range(count):
            self._base = self._waiting.popleft().base

    def room(self) -> Room:
        """Return how much room there is.

        Returns
        -------
        Room
            Short if the file for the next segment can't be made. What is left then is
            what the present segment has beyond the reserve for terms and votes.
        """
        spare = self._spare
        if not spare.is_short:
            return Room()
        reserve = self._segment_bytes // RESERVE_PART
        return Room(
            str(no_space(self._directory, spare.missing_bytes)),
            max(self._segment.room - MARK_BYTES - reserve, 0),
        )

    def make_room(self) -> None:
        """Try once more to make the file for the next segment, if that failed.

        Raises
        ------
        StorageError
            If the disk fails; not if it is still full.
        """
        if self._spare.is_short:
            with suppress(DiskFull):  # `room` says so
                self._spare.complete()

    def mark(self) -> None:
        """Write down that all is durable, if that is not the last thing written.

        Raises
        ------
        DiskFull
            If there is no room; it is as before.
        StorageError
            If the disk fails.
        """
        if not self._segment.is_marked:
            self._segment.write((), self._base.last_index)
            self._segment.sync()

    def drop_segments(self, segments_max: int | None = None) -> None:
        """Remove the oldest segments as far as no entry in them is needed.

        Parameters
        ----------
        segments_max : int, optional
            How many at most: each may take 20 ms, while others wait for the disk.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        dropped = 0
        while self._has_unneeded(self._base):
            if dropped == segments_max:
                return
            path = self._sealed[0][0]
            try:
                # Each is gone for good before the next goes, so no hole can appear.
                self._disk.remove(path)
                self._disk.sync_directory(self._folder)
            except OSError as error:
                raise storage_error("remove", path, error) from error
            self._sealed.popleft()
            dropped += 1

    def close(self) -> None:
        """Let go of the files."""
        self._segment.close()
        self._spare.close()

    def _has_unneeded(self, base: Base) -> bool:
        """Tell whether the oldest segment has nothing that such a log needs."""
        return bool(self._sealed) and self._sealed[0][1] < base.first_index

    def _count_fitting(self) -> int:
        """Return how many of the waiting operations fit into the segment."""
        room = self._segment.room - MARK_BYTES
        for count, operation in enumerate(self._waiting):
            room -= _record_bytes(operation)
            if room < 0:
                return count
        return len(self._waiting)

    def _roll_over(self, record_bytes: int) -> None:
        """Seal the segment, in which all is synced, by making the next one."""
        before = self._segment
        start = StartPayload(
            before.opening.start.sequence + 1,
            before.opening.start.identity,
            self._base,
            previous_end=before.end,
            previous_checksum=before.chain,
        )
        self._segment = Segment.create(
            self._disk,
            self._folder,
            start,
            self._segment_bytes,
            MARK_BYTES + record_bytes,
            self._spare,
        )
        self._sealed.append((before.path, self._base.last_index))
        before.close()


def _record_bytes(operation: Operation) -> int:
    """Return how many bytes an operation takes in a segment."""
    return HEADER_BYTES + len(operation.payload)
