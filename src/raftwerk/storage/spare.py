"""The file that will be the next segment, made ahead and bit by bit.

A segment is full of zeros before it is used, and to write and sync 16 MiB of them takes
longer than anyone should wait for an answer. So the thread that syncs fills a spare
file while the present segment fills: a step of a megabyte each time.

It is also the reserve. Where it can't be made there is no room for a next segment, and
that is known while at least half of the present one is free: no entries are taken any
more, and what is left is for terms and votes. A spare file that is whole outlives a
stop or a crash, so that nobody else takes its room meanwhile; one that is not is
removed at the next start, as all that was not finished.
"""

from contextlib import suppress
from typing import Final

from raftwerk.errors import DiskFull
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.disk_protocol import Disk, File, no_space, storage_error

__all__ = ["SPARE_NAME", "STEPS", "Spare"]

STEPS: Final = 16
"""In so many parts it is filled; all of them before the segment is half full."""

SPARE_NAME: Final = f"spare.wal{UNFINISHED}"


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

    Attributes
    ----------
    is_short : bool
        Whether there was no room for it when it was last tried.
    path : str
        Where it is.
    """

    def __init__(self, disk: Disk, folder: str, size_bytes: int) -> None:
        self._disk = disk
        self._folder = folder
        self._size_bytes = size_bytes
        self._step_bytes = -(-size_bytes // STEPS)
        self._filled_bytes = 0
        self._file: File | None = None
        self.is_short = False
        self.path = f"{folder}/{SPARE_NAME}"

    @property
    def missing_bytes(self) -> int:
        """How much room it still needs.

        Returns
        -------
        int
            0: it is whole.
        """
        return self._size_bytes - self._filled_bytes

    def find(self) -> None:
        """Take what an earlier process left, if it is whole; else remove it.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        try:
            if SPARE_NAME not in self._disk.list_directory(self._folder):
                return
            file = self._disk.open(self.path)
            if file.size() == self._size_bytes and _is_zero(file, self._step_bytes):
                # What was written and not synced may still be lost.
                file.sync()
                self._file, self._filled_bytes = file, self._size_bytes
                return
            file.close()
            self._disk.remove(self.path)
        except OSError as error:
            raise storage_error("use", self.path, error) from error

    def is_due(self, used_bytes: int) -> bool:
        """Tell whether the present segment has been used so far that a step is due.

        Nothing is tried while it is short: that is for `complete`, now and then.

        Parameters
        ----------
        used_bytes : int
            Of a segment that is as large as the spare will be.

        Returns
        -------
        bool
            True: `fill` takes one.
        """
        is_behind = self._filled_bytes < min(2 * used_bytes, self._size_bytes)
        return is_behind and not self.is_short

    def fill(self, used_bytes: int) -> None:
        """Take a step, if one is due.

        Parameters
        ----------
        used_bytes : int
            Of a segment that is as large as the spare will be.

        Raises
        ------
        StorageError
            If the disk fails; a full one makes it short.
        """
        if self.is_due(used_bytes):
            with suppress(DiskFull):  # `is_short` says so
                self._step()

    def complete(self) -> None:
        """Take all steps that are left.

        What was filled before the disk was full is kept, so that each try begins where
        the last one ended, and room that comes little by little is not lost to others.

        Raises
        ------
        DiskFull
            If there is no room; it says how much is needed.
        StorageError
            If the disk fails.
        """
        while self.missing_bytes:
            self._step()
        self.is_short = False

    def _step(self) -> None:
        """Take one step."""
        zeros = bytes(min(self._step_bytes, self.missing_bytes))
        try:
            if self._file is None:
                self._file = self._disk.create(self.path)
            self._file.write_at(self._filled_bytes, zeros)
            self._file.sync()
        except OSError as error:
            failure = storage_error("make", self.path, error)
            if not isinstance(failure, DiskFull):
                self.discard()
                raise failure from error
            self.is_short = True
            raise no_space(self._folder, self.missing_bytes) from error
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
            Full of zeros, and synced, if need be made so now; None if another size is
            wanted, and then it stays for another time.

        Raises
        ------
        DiskFull
            If it is not whole, and can't be made so.
        StorageError
            If the disk fails.
        """
        if size_bytes != self._size_bytes:
            return None
        self.complete()
        file, self._file = self._file, None
        self._filled_bytes = 0
        return file

    def close(self) -> None:
        """Let go of it: it stays if it is whole, for the next process."""
        if self.missing_bytes:
            self.discard()
        elif self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Leave nothing of it."""
        self._filled_bytes = 0
        if self._file is not None:
            self._file.close()
            self._file = None
            with suppress(OSError):  # it means nothing, and goes at the next start
                self._disk.remove(self.path)


def _is_zero(file: File, step_bytes: int) -> bool:
    """Tell whether all of a file is as it was filled."""
    zeros, size = bytes(step_bytes), file.size()
    return all(
        file.read_at(offset, step_bytes) == zeros[: size - offset]
        for offset in range(0, size, step_bytes)
    )
