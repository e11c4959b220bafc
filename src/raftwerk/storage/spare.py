"""The file that will be the next segment, made ahead and bit by bit.

A segment is full of zeros before it is used, and to write and sync 16 MiB of them takes
longer than anyone should wait for an answer. So the thread that syncs fills a spare
file while the present segment fills: a step of a megabyte each time. What a crash
leaves of it is removed at the next start, as all that was not finished.
"""

from contextlib import suppress
from typing import Final

from raftwerk.errors import DiskFull
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.disk_protocol import Disk, File, storage_error

__all__ = ["STEPS", "Spare"]

STEPS: Final = 16
"""In so many parts it is filled; all of them before the segment is half full."""

_NAME: Final = f"spare.wal{UNFINISHED}"


class Spare:
    """One file of zeros, or what there is of it yet.

    Parameters
    ----------
    disk : Disk
        Where it is.
    folder : str
        The folder of the segments.
    size_bytes : int
        How large it will be.
    """

    def __init__(self, disk: Disk, folder: str, size_bytes: int) -> None:
        self._disk = disk
        self._size_bytes = size_bytes
        self._step_bytes = -(-size_bytes // STEPS)
        self._filled_bytes = 0
        self._file: File | None = None
        self._is_given_up = False
        self.path = f"{folder}/{_NAME}"

    def fill(self, used_bytes: int) -> None:
        """Take a step, if the present segment has been used so far that one is due.

        Parameters
        ----------
        used_bytes : int
            Of a segment that is as large as the spare will be.

        Raises
        ------
        StorageError
            If the disk fails. If it is full, there will be no spare file.
        """
        is_due = self._filled_bytes < min(2 * used_bytes, self._size_bytes)
        if not is_due or self._is_given_up:
            return
        zeros = bytes(min(self._step_bytes, self._size_bytes - self._filled_bytes))
        try:
            if self._file is None:
                self._file = self._disk.create(self.path)
            self._file.write_at(self._filled_bytes, zeros)
            self._file.sync()
        except OSError as error:
            self.discard()
            failure = storage_error("make", self.path, error)
            if isinstance(failure, DiskFull):
                return  # It is said when a segment must be made and can't be.
            raise failure from error
        self._filled_bytes += len(zeros)

    def take(self, size_bytes: int) -> File | None:
        """Give the file away, to be used and renamed at once.

        Parameters
        ----------
        size_bytes : int
            How large it must be.

        Returns
        -------
        File or None
            Full of zeros, and synced; None if it is not ready or of another size, and
            then it is gone.
        """
        if not self._filled_bytes == self._size_bytes == size_bytes:
            self.discard()
        file, self._file = self._file, None
        return file

    def discard(self) -> None:
        """Leave nothing of it; it is not made again."""
        self._is_given_up = True
        if self._file is not None:
            self._file.close()
            self._file = None
            with suppress(OSError):  # it means nothing, and goes at the next start
                self._disk.remove(self.path)
