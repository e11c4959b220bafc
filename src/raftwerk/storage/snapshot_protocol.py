"""Where the state of snapshots is kept, chunk by chunk, apart from the log.

`snapshots` keeps it in files, `memory_snapshots` in memory.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from raftwerk.storage.protocol import LogStore
from raftwerk.types import LogIndex, Term

__all__ = ["ChunkKeeper", "SnapshotSink", "SnapshotStore", "Stores"]


class SnapshotSink(Protocol):
    """A snapshot that is being written; nothing is there before `finish`."""

    def write(self, chunk: bytes) -> None:
        """Write one more chunk.

        Parameters
        ----------
        chunk : bytes
            Given back in one piece.

        Raises
        ------
        StorageError
            If the disk fails or is full; nothing is left of the snapshot.
        """

    def finish(self) -> object:
        """Make the snapshot durable, and give it its name.

        Raises
        ------
        StorageError
            If the disk fails or is full; nothing is left of the snapshot.
        """

    def abort(self) -> None:
        """Leave nothing of it."""


class ChunkKeeper(Protocol):
    """Chunks on their way, which belong to no whole snapshot yet.

    Each is known by a name that its owner makes of its content; what is given back has
    to be compared with it. They may be gone at any start. One thread calls.
    """

    def names(self) -> frozenset[bytes]:
        """Return what is kept.

        Returns
        -------
        frozenset of bytes
            By name.
        """

    def keep(self, name: bytes, chunk: bytes) -> None:
        """Keep a chunk.

        Parameters
        ----------
        name : bytes
            Made of its content; at most 255 bytes, at least one.
        chunk : bytes
            The chunk.

        Raises
        ------
        StorageError
            If the disk fails or is full.
        """

    def get(self, name: bytes) -> bytes | None:
        """Return a chunk.

        Parameters
        ----------
        name : bytes
            Which.

        Returns
        -------
        bytes or None
            None if it is not kept.
        """

    def drop(self) -> None:
        """Keep none of them."""


class SnapshotStore(Protocol):
    """The snapshots of one member; each call may wait for a disk."""

    @property
    def kept(self) -> ChunkKeeper:
        """Return what was fetched and belongs to no whole snapshot yet.

        Returns
        -------
        ChunkKeeper
            One and the same each time.
        """

    def begin(self, index: LogIndex, term: Term) -> SnapshotSink:
        """Begin a snapshot; one of the same name that is there is replaced.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.

        Returns
        -------
        SnapshotSink
            To be finished or aborted.

        Raises
        ------
        StorageError
            If the disk fails or is full.
        """

    def read_chunks(self, index: LogIndex, term: Term) -> Iterator[bytes]:
        """Return the chunks of a finished snapshot, one read at a time.

        Parameters
        ----------
        index : LogIndex
            The last entry that it covers.
        term : Term
            That entry's term.

        Returns
        -------
        iterator of bytes
            Each chunk as it was written. Raises `StorageError` where one is missing or
            damaged.
        """

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


class Stores(NamedTuple):
    """All that a member keeps: its log, and the state of its snapshots."""

    log: LogStore
    snapshots: SnapshotStore
    archived: Callable[[], LogIndex | None] | None = None
    """Up to where the log is kept elsewhere, too; it is not compacted beyond that."""
