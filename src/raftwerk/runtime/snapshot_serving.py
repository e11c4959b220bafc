"""Giving a snapshot's chunks to a member that fetches them.

A reader is kept open for each member that fetches, for chunks are asked for in order.
"""

from collections.abc import Callable, Iterator

from raftwerk.core.messages import Message
from raftwerk.errors import StorageError
from raftwerk.host.protocol import Clock
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import SnapshotStore
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["SnapshotServer"]


class _Reader:
    """One member's place in one snapshot; it lives on the worker's thread."""

    def __init__(self, index: LogIndex, term: Term, chunks: Iterator[bytes]) -> None:
        self.name = (index, term)
        self._chunks = chunks
        self._number = -1
        self._chunk = b""

    def has_passed(self, number: int) -> bool:
        """Return whether this chunk can't be had any more without a new reader."""
        return number < self._number

    def read(self, number: int) -> bytes:
        """Return a chunk; the last one may be had any number of times."""
        while self._number < number:
            chunk = next(self._chunks, None)
            if chunk is None:
                index, _ = self.name
                raise StorageError(f"snapshot {index} has no chunk {number}")
            self._number += 1
            self._chunk = chunk
        return self._chunk


class _Fetch:
    """What the loop's thread knows of one member that fetches."""

    def __init__(self, now_seconds: float) -> None:
        self.heard_at_seconds = now_seconds
        self.index: LogIndex | None = None
        """Of the snapshot that it fetches; None: it was offered one, and said nothing
        since."""
        self.has_reader = False


class SnapshotServer:
    """Answers `FetchChunk`.

    Parameters
    ----------
    node_id : NodeId
        Who answers.
    snapshots : SnapshotStore
        Where chunks are.
    worker : Worker
        Reads them.
    clock : Clock
        Tells when each member asked last.
    patience_seconds : float
        Who has not asked for so long has given up.
    send : callable
        Takes answers.
    on_unavailable : callable
        Takes the member and the index of a snapshot that could not be read.
    """

    def __init__(
        self,
        node_id: NodeId,
        snapshots: SnapshotStore,
        worker: Worker,
        clock: Clock,
        patience_seconds: float,
        *,
        send: Callable[[list[Message]], None],
        on_unavailable: Callable[[NodeId, LogIndex], None],
    ) -> None:
        self._node_id = node_id
        self._snapshots = snapshots
        self._worker = worker
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._send = send
        self._on_unavailable = on_unavailable
        self._readers: dict[NodeId, _Reader] = {}  # the worker's
        self._fetches: dict[NodeId, _Fetch] = {}

    # ---- who fetches --------------------------------------------------------

    def offered(self, peer: NodeId) -> None:
        """Know that a snapshot was offered to a member.

        Parameters
        ----------
        peer : NodeId
            Who is expected to fetch from now on.
        """
        fetch = self._fetches.setdefault(peer, _Fetch(0.0))
        fetch.heard_at_seconds = self._clock.now()
        fetch.index = None

    def is_silent(self, peer: NodeId) -> bool:
        """Return whether a member has not asked for a chunk for a long time.

        Parameters
        ----------
        peer : NodeId
            Any member.

        Returns
        -------
        bool
            False if it was never offered a snapshot.
        """
        fetch = self._fetches.get(peer)
        if fetch is None:
            return False
        return self._clock.now() - fetch.heard_at_seconds >= self._patience_seconds

    def is_fetching(self, peer: NodeId) -> bool:
        """Return whether a member has begun to fetch what it was offered.

        Parameters
        ----------
        peer : NodeId
            Any member.

        Returns
        -------
        bool
            False if it is silent since the offer, or for a long time.
        """
        fetch = self._fetches.get(peer)
        return (
            fetch is not None and fetch.index is not None and not self.is_silent(peer)
        )

    def oldest_fetched(self) -> LogIndex | None:
        """Return the oldest snapshot that somebody is fetching.

        Returns
        -------
        LogIndex or None
            None if nobody is.
        """
        indexes = [
            fetch.index
            for peer, fetch in self._fetches.items()
            if fetch.index is not None and not self.is_silent(peer)
        ]
        return min(indexes, default=None)

    def close_silent(self) -> None:
        """Close the readers of those who are done or have given up.

        They hold files open, and with them the room of snapshots that are pruned.
        """
        for peer, fetch in self._fetches.items():
            if fetch.has_reader and self.is_silent(peer):
                self._close_reader(peer, fetch)

    def _close_reader(self, peer: NodeId, fetch: _Fetch) -> None:
        """Have a reader dropped where it lives."""
        fetch.has_reader = False
        self._worker.run(lambda: self._readers.pop(peer, None), lambda _: None)

    # ---- answering ----------------------------------------------------------

    def on_fetch(self, request: FetchChunk) -> None:
        """Read the chunk beside the loop, and send it.

        Parameters
        ----------
        request : FetchChunk
            A member's.
        """
        fetch = self._fetches.setdefault(request.sender, _Fetch(0.0))
        fetch.heard_at_seconds = self._clock.now()
        fetch.index = request.snapshot_index
        fetch.has_reader = True
        self._worker.run(
            lambda: self._read(request),
            lambda data: self._answer(request, data),
            lambda _: self._refuse(request),
        )

    def _read(self, request: FetchChunk) -> bytes:
        """Return the chunk, from the reader that is at it or from a new one."""
        index, term = request.snapshot_index, request.snapshot_term
        reader = self._readers.get(request.sender)
        if (
            reader is None
            or reader.name != (index, term)
            or reader.has_passed(request.number)
        ):
            reader = _Reader(index, term, self._snapshots.read_chunks(index, term))
            self._readers[request.sender] = reader
        return reader.read(request.number)

    def _answer(self, request: FetchChunk, data: bytes) -> None:
        """Send the chunk."""
        self._send(
            [
                SnapshotChunk(
                    sender=self._node_id,
                    receiver=request.sender,
                    snapshot_index=request.snapshot_index,
                    snapshot_term=request.snapshot_term,
                    number=request.number,
                    data=data,
                )
            ]
        )

    def _refuse(self, request: FetchChunk) -> None:
        """Say that the chunk can't be had: it is pruned, or damaged."""
        fetch = self._fetches[request.sender]
        fetch.index = None
        self._close_reader(request.sender, fetch)
        self._send(
            [
                ChunkUnavailable(
                    sender=self._node_id,
                    receiver=request.sender,
                    snapshot_index=request.snapshot_index,
                    snapshot_term=request.snapshot_term,
                )
            ]
        )
        self._on_unavailable(request.sender, request.snapshot_index)
