"""The snapshots of a data directory: which there are, and what they hold.

The log names a snapshot (index, term, configuration, a small manifest); its data lies
in a file of its own (`snapshot_file`), for it may be large, is written while the log
goes on, and is streamed.

Order matters: a file is finished before the log names it, and older ones are removed
only after the log's own record is synced (`SnapshotFiles.prune`). Then one is kept: why
not more, is in ``docs/decisions/0054-one-snapshot.md``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from raftwerk.errors import StorageError, WalCorrupted
from raftwerk.storage.directory import remove_unfinished, snapshot_folder
from raftwerk.storage.disk_protocol import Disk, storage_error
from raftwerk.storage.kept_chunks import KeptChunks
from raftwerk.storage.record import BadRecord
from raftwerk.storage.snapshot_file import (
    SnapshotName,
    SnapshotWriter,
    read_snapshot,
)
from raftwerk.types import LogIndex, Term

__all__ = ["SnapshotFiles"]

_NAME: Final = re.compile(r"(\d{16,})-(\d{8,})\.snap")


class SnapshotFiles:
    """A `SnapshotStore` in a data directory, of which the caller holds the lock.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.
    """

    def __init__(self, disk: Disk, directory: str) -> None:
        self._disk = disk
        self._folder = snapshot_folder(directory)
        self._kept = KeptChunks(disk, self._folder)

    @property
    def kept(self) -> KeptChunks:
        """Do as `SnapshotStore.kept` says."""
        return self._kept

    def prepare(self, snapshot_index: LogIndex) -> None:
        """Remove what a crash left; called once, at the start.

        Parameters
        ----------
        snapshot_index : LogIndex
            The snapshot that the log names; files above it were never named.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        try:
            if not self._disk.list_directory(self._folder):
                return
            remove_unfinished(self._disk, self._folder)
            for name in self.names():
                if name.applied_index > snapshot_index:
                    self._disk.remove(name.path)
            self._disk.sync_directory(self._folder)
        except OSError as error:
            raise storage_error("clean up", self._folder, error) from error

    def names(self) -> list[SnapshotName]:
        """Return the finished files.

        Returns
        -------
        list of SnapshotName
            Oldest first.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        try:
            found = self._disk.list_directory(self._folder)
        except OSError as error:
            raise storage_error("read", self._folder, error) from error
        return sorted(
            self._name(LogIndex(int(match[1])), Term(int(match[2])))
            for match in map(_NAME.fullmatch, found)
            if match is not None
        )

    def begin(self, index: LogIndex, term: Term) -> SnapshotWriter:
        """Begin a snapshot whose chunks come one by one.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.

        Returns
        -------
        SnapshotWriter
            To be finished or aborted.

        Raises
        ------
        DiskFull
            If there is no room.
        StorageError
            If the disk fails.
        """
        try:
            self._disk.make_directory(self._folder)
        except OSError as error:
            raise storage_error("make", self._folder, error) from error
        return SnapshotWriter(self._disk, self._folder, self._name(index, term))

    def write(
        self, index: LogIndex, term: Term, chunks: Iterable[bytes]
    ) -> SnapshotName:
        """Write a whole snapshot.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.
        chunks : iterable of bytes
            Its data; if this raises, nothing is left of the snapshot.

        Returns
        -------
        SnapshotName
            Where it is, durable.

        Raises
        ------
        DiskFull
            If there is no room; nothing is left of the snapshot.
        StorageError
            If the disk fails; nothing is left of the snapshot.
        """
        writer = self.begin(index, term)
        try:
            for chunk in chunks:
                writer.write(chunk)
        except BaseException:
            writer.abort()
            raise
        return writer.finish()

    def read_chunks(self, index: LogIndex, term: Term) -> Iterator[bytes]:
        """Return the chunks of a snapshot, one read at a time.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.

        Yields
        ------
        bytes
            Each chunk as it was written.

        Raises
        ------
        StorageError
            If it can't be read, or is damaged; chunks may have been given by then.
        UnknownFormat
            If it was written in a format that we can't read.
        """
        name = self._name(index, term)
        for chunk in read_snapshot(self._disk, name):
            if isinstance(chunk, BadRecord):
                raise StorageError(
                    f"snapshot {name.path} is damaged at byte {chunk.offset}:"
                    f" expected {chunk.expected}"
                )
            yield chunk

    def damage(self, name: SnapshotName) -> BadRecord | None:
        """Read a snapshot through, and tell whether it is whole.

        Parameters
        ----------
        name : SnapshotName
            The file.

        Returns
        -------
        BadRecord or None
            The first place that is not sound.

        Raises
        ------
        StorageError
            If it can't be read.
        UnknownFormat
            If it was written in a format that we can't read.
        """
        for chunk in read_snapshot(self._disk, name):
            if isinstance(chunk, BadRecord):
                return chunk
        return None

    def check(self, index: LogIndex, term: Term) -> None:
        """Read the snapshot that the log names through, before a member begins with it.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.

        Raises
        ------
        WalCorrupted
            If it is damaged or not there; the message names the way back.
        StorageError
            If it can't be read.
        UnknownFormat
            If it was written in a format that we can't read.
        """
        name = self._name(index, term)
        if name in self.names():
            bad = self.damage(name)
            if bad is None:
                return
            flaw = f"is damaged at byte {bad.offset}: expected {bad.expected}"
        else:
            flaw = "is not there"
        raise WalCorrupted(
            f"{name.path} {flaw}. The log goes on from there, so this member can't be"
            " trusted any more: remove its data directory and replace the member with"
            " `raftwerk member replace`"
        )

    def prune(self, snapshot_index: LogIndex) -> None:
        """Remove older snapshots; called when the log's own record is synced.

        Parameters
        ----------
        snapshot_index : LogIndex
            The snapshot that the log names; it and all above it stay.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        older = [n for n in self.names() if n.applied_index < snapshot_index]
        try:
            for name in older:
                self._disk.remove(name.path)
            if older:
                self._disk.sync_directory(self._folder)
        except OSError as error:
            raise storage_error("clean up", self._folder, error) from error

    def _name(self, index: LogIndex, term: Term) -> SnapshotName:
        """Return where a snapshot is."""
        path = f"{self._folder}/{index:016d}-{term:08d}.snap"
        return SnapshotName(index, term, path)
