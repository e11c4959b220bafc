"""The snapshots of a data directory: which there are, and which to start from.

The log names a snapshot (index, term, configuration, a small manifest); its data lies
in a file of its own (`snapshot_file`), for it may be large, is written while the log
goes on, and is streamed.

Order matters: a file is finished before the log names it, and older ones are removed
only after the log's own record is synced (`SnapshotFiles.prune`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from raftwerk.errors import StorageError, WalCorrupted, require
from raftwerk.storage.directory import remove_unfinished, snapshot_folder
from raftwerk.storage.disk_protocol import Disk, storage_error
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
    keep : int
        How many snapshots stay, the one that the log names included; with two, there
        is one to fall back to.
    """

    def __init__(self, disk: Disk, directory: str, keep: int = 2) -> None:
        require(keep >= 1, "the snapshot that the log names is kept")
        self._disk = disk
        self._folder = snapshot_folder(directory)
        self._keep = keep

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

    def load(
        self, snapshot_index: LogIndex, first_index: LogIndex
    ) -> SnapshotName | None:
        """Choose the snapshot to start from: the newest that is whole.

        Parameters
        ----------
        snapshot_index : LogIndex
            The snapshot that the log names.
        first_index : LogIndex
            The first entry of the log. An older snapshot will do only if all entries
            after it are there.

        Returns
        -------
        SnapshotName or None
            None if there is no file up to `snapshot_index`; that is right only where
            the log begins with a snapshot without data of this kind.

        Raises
        ------
        WalCorrupted
            If all that would do are damaged; the message names the way back.
        StorageError
            If one can't be read.
        UnknownFormat
            If one was written in a format that we can't read.
        """
        flaws = []
        for name in reversed(self.names()):
            if name.applied_index > snapshot_index:
                continue
            if name.applied_index + 1 < first_index:
                break
            bad = self.damage(name)
            if bad is None:
                return name
            flaws.append(
                f"{name.path} is damaged at byte {bad.offset}: expected {bad.expected}"
            )
        if not flaws:
            return None
        raise WalCorrupted(
            f"{'; '.join(flaws)}. The log begins at entry {first_index}, so there is"
            " nothing to start from: remove the data directory and replace the member"
            " with `raftwerk member replace`"
        )

    def prune(self, snapshot_index: LogIndex) -> None:
        """Remove the oldest snapshots; called when the log's own record is synced.

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
        surplus = older[: max(len(older) - (self._keep - 1), 0)]
        try:
            for name in surplus:
                self._disk.remove(name.path)
            if surplus:
                self._disk.sync_directory(self._folder)
        except OSError as error:
            raise storage_error("clean up", self._folder, error) from error

    def _name(self, index: LogIndex, term: Term) -> SnapshotName:
        """Return where a snapshot is."""
        path = f"{self._folder}/{index:016d}-{term:08d}.snap"
        return SnapshotName(index, term, path)
