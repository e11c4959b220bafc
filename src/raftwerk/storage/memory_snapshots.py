"""The twin of the snapshot files: in memory, durable at once."""

from collections.abc import Iterator

from raftwerk.errors import StorageError
from raftwerk.types import LogIndex, Term

__all__ = ["MemoryChunks", "MemorySnapshots"]


class _Sink:
    """A snapshot that is being written."""

    def __init__(
        self,
        finished: dict[tuple[LogIndex, Term], list[bytes]],
        index: LogIndex,
        term: Term,
    ) -> None:
        self._finished = finished
        self._name = (index, term)
        self._chunks: list[bytes] = []

    def write(self, chunk: bytes) -> None:
        """Do as `SnapshotSink.write` says."""
        self._chunks.append(chunk)

    def finish(self) -> None:
        """Do as `SnapshotSink.finish` says."""
        self._finished[self._name] = self._chunks

    def abort(self) -> None:
        """Do as `SnapshotSink.abort` says."""
        self._chunks = []


class MemoryChunks:
    """A `ChunkKeeper` in memory."""

    def __init__(self) -> None:
        self._chunks: dict[bytes, bytes] = {}

    def names(self) -> frozenset[bytes]:
        """Do as `ChunkKeeper.names` says."""
        return frozenset(self._chunks)

    def keep(self, name: bytes, chunk: bytes) -> None:
        """Do as `ChunkKeeper.keep` says."""
        self._chunks.setdefault(name, chunk)

    def get(self, name: bytes) -> bytes | None:
        """Do as `ChunkKeeper.get` says."""
        return self._chunks.get(name)

    def drop(self) -> None:
        """Do as `ChunkKeeper.drop` says."""
        self._chunks = {}


class MemorySnapshots:
    """A `SnapshotStore` in memory; it survives what a crash does to a `MemoryLog`."""

    def __init__(self) -> None:
        self._finished: dict[tuple[LogIndex, Term], list[bytes]] = {}
        self._kept = MemoryChunks()

    @property
    def kept(self) -> MemoryChunks:
        """Do as `SnapshotStore.kept` says."""
        return self._kept

    def begin(self, index: LogIndex, term: Term) -> _Sink:
        """Do as `SnapshotStore.begin` says."""
        return _Sink(self._finished, index, term)

    def read_chunks(self, index: LogIndex, term: Term) -> Iterator[bytes]:
        """Do as `SnapshotStore.read_chunks` says."""
        chunks = self._finished.get((index, term))
        if chunks is None:
            raise StorageError(f"there is no snapshot at entry {index} of term {term}")
        return iter(chunks)

    def prune(self, snapshot_index: LogIndex) -> None:
        """Do as `SnapshotStore.prune` says."""
        for name in [name for name in self._finished if name[0] < snapshot_index]:
            del self._finished[name]
