"""A folder with all that was ever committed: states, and the log between them.

::

    FOLDER/CLUSTER-EPOCH/
    ├── states/INDEX-TERM.snap   a state to begin with: a snapshot, as members have it
    └── log/FIRST-LAST.log       sealed segments of the committed log

A segment is written aside, synced, and gets its name in one step; its records are
checksummed and chained like those of a snapshot (`snapshot_file`). The names say which
entries are in it, so a gap is seen without reading anything. Only committed entries
come here, so members may share a folder: where their segments overlap they agree.

Each piece of a segment says when its entries had been applied at the latest. That is
the time that a restore goes by.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from raftwerk.core.records import Entry, Snapshot
from raftwerk.errors import StorageError
from raftwerk.storage.disk_protocol import Disk, storage_error
from raftwerk.storage.record import BadRecord
from raftwerk.storage.snapshot_file import SnapshotName, SnapshotWriter, read_snapshot
from raftwerk.types import LogIndex, Term

__all__ = ["Archive", "ArchivedState", "Piece", "SegmentFile", "lineages"]

_STATE: Final = re.compile(r"(\d{16,})-(\d{8,})\.snap")
_SEGMENT: Final = re.compile(r"(\d{16,})-(\d{16,})\.log")
_LINEAGE: Final = re.compile(r"[0-9a-f]{16}-\d+")
_NO_TERM: Final = Term(0)


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Entries that were applied at one time.

    Parameters
    ----------
    at_millis : int
        When they had been applied at the latest, in milliseconds since 1970.
    entries : tuple of Entry
        One index after the other.
    """

    at_millis: int
    entries: tuple[Entry, ...]


class ArchivedState(msgspec.Struct, frozen=True, array_like=True):
    """A state to begin with; its chunks lie behind it.

    Parameters
    ----------
    at_millis : int
        When it came here; the state is older.
    snapshot : Snapshot
        With its manifest.
    """

    at_millis: int
    snapshot: Snapshot


class SegmentFile(NamedTuple):
    """A sealed segment."""

    first_index: LogIndex
    last_index: LogIndex
    path: str


class Archive:
    """The archive of one cluster, as one member writes it and anybody reads it.

    Parameters
    ----------
    disk : Disk
        Where it is.
    folder : str
        The cluster's own folder.
    """

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder

    @staticmethod
    def folder_of(folder: str, cluster_id: int, epoch: int) -> str:
        """Return where the archive of a cluster is.

        Parameters
        ----------
        folder : str
            Of all archives.
        cluster_id : int
            Which cluster.
        epoch : int
            Its epoch: after a recovery the same index may have another entry.

        Returns
        -------
        str
            A path.
        """
        return f"{folder}/{cluster_id:016x}-{epoch}"

    # ---- what there is --------------------------------------------------------

    def states(self) -> list[SnapshotName]:
        """Return the states, oldest first.

        Returns
        -------
        list of SnapshotName
            Whole ones; whether they are sound shows when they are read.
        """
        folder = f"{self._folder}/states"
        return sorted(
            SnapshotName(
                LogIndex(int(match[1])), Term(int(match[2])), f"{folder}/{match[0]}"
            )
            for match in self._matches(folder, _STATE)
        )

    def segments(self) -> list[SegmentFile]:
        """Return the sealed segments, by their first entries.

        Returns
        -------
        list of SegmentFile
            They may overlap, where several members share the folder.
        """
        folder = f"{self._folder}/log"
        return sorted(
            SegmentFile(
                LogIndex(int(match[1])),
                LogIndex(int(match[2])),
                f"{folder}/{match[0]}",
            )
            for match in self._matches(folder, _SEGMENT)
        )

    def _matches(self, folder: str, name: re.Pattern[str]) -> list[re.Match[str]]:
        """Return the files of a kind."""
        try:
            found = self._disk.list_directory(folder)
        except OSError as error:
            raise storage_error("read", folder, error) from error
        return [match for match in map(name.fullmatch, found) if match is not None]

    # ---- writing --------------------------------------------------------------

    def add_segment(self, pieces: Sequence[Piece], writer: str) -> None:
        """Seal a segment; when this returns it is durable.

        Parameters
        ----------
        pieces : sequence of Piece
            At least one, with entries, in their order.
        writer : str
            Who writes, for others may write here as well; part of a file name.

        Raises
        ------
        StorageError
            If the disk fails or is full; nothing is left of it then.
        """
        first, last = pieces[0].entries[0], pieces[-1].entries[-1]
        name = f"{first.index:016d}-{last.index:016d}.log"
        chunks = map(msgspec.msgpack.encode, pieces)
        self._write("log", name, (last.index, _NO_TERM), chunks, writer)

    def add_state(
        self, state: ArchivedState, chunks: Iterable[bytes], writer: str
    ) -> None:
        """Add a state to begin with; when this returns it is durable.

        Parameters
        ----------
        state : ArchivedState
            Which.
        chunks : iterable of bytes
            Of the state machine.
        writer : str
            As in `add_segment`.

        Raises
        ------
        StorageError
            If the disk fails or is full, or the chunks can't be read; nothing is left
            of it then.
        """
        index, term = state.snapshot.index, state.snapshot.term
        name = f"{index:016d}-{term:08d}.snap"
        head = msgspec.msgpack.encode(state)
        self._write("states", name, (index, term), _joined(head, chunks), writer)

    def _write(
        self,
        kind: str,
        name: str,
        at: tuple[LogIndex, Term],
        chunks: Iterable[bytes],
        writer: str,
    ) -> None:
        """Write a file aside, and give it its name when it is durable."""
        folder = f"{self._folder}/{kind}"
        aside = f"{folder}/{writer}.{name}"
        try:
            self._disk.make_directory(folder)
        except OSError as error:
            raise storage_error("make", folder, error) from error
        sink = SnapshotWriter(self._disk, folder, SnapshotName(*at, aside))
        try:
            for chunk in chunks:
                sink.write(chunk)
        except BaseException:
            sink.abort()
            raise
        sink.finish()
        try:
            self._disk.rename(aside, f"{folder}/{name}")
            self._disk.sync_directory(folder)
        except OSError as error:
            raise storage_error("make", f"{folder}/{name}", error) from error

    # ---- reading --------------------------------------------------------------

    def read_segment(self, segment: SegmentFile) -> Iterator[Piece]:
        """Return the pieces of a segment.

        Parameters
        ----------
        segment : SegmentFile
            Which.

        Yields
        ------
        Piece
            In their order.

        Raises
        ------
        StorageError
            Where it is damaged.
        """
        name = SnapshotName(segment.last_index, _NO_TERM, segment.path)
        for chunk in self._read(name):
            yield msgspec.msgpack.decode(chunk, type=Piece)

    def read_state(self, name: SnapshotName) -> tuple[ArchivedState, Iterator[bytes]]:
        """Return a state.

        Parameters
        ----------
        name : SnapshotName
            Which.

        Returns
        -------
        ArchivedState
            Which one it is.
        iterator of bytes
            Its chunks; raises `StorageError` where they are damaged.

        Raises
        ------
        StorageError
            If not even the beginning can be read.
        """
        chunks = self._read(name)
        head = next(chunks, None)
        if head is None:
            raise StorageError(f"{name.path} is damaged: it is empty")
        return msgspec.msgpack.decode(head, type=ArchivedState), chunks

    def _read(self, name: SnapshotName) -> Iterator[bytes]:
        """Return the chunks of a file."""
        for chunk in read_snapshot(self._disk, name):
            if isinstance(chunk, BadRecord):
                raise StorageError(
                    f"{name.path} is damaged at byte {chunk.offset}: expected"
                    f" {chunk.expected}"
                )
            yield chunk


def lineages(disk: Disk, folder: str) -> list[str]:
    """Return the archives in a folder.

    Parameters
    ----------
    disk : Disk
        Where it is.
    folder : str
        The folder that nodes were told, or that of one cluster in it.

    Returns
    -------
    list of str
        Paths for `Archive`; empty if there is none.
    """
    try:
        names = disk.list_directory(folder)
    except OSError as error:
        raise storage_error("read", folder, error) from error
    if "states" in names:
        return [folder]
    return [f"{folder}/{name}" for name in names if _LINEAGE.fullmatch(name)]


def _joined(head: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return chunks with one before them."""
    yield head
    yield from chunks
