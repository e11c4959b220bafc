"""Giving a snapshot's chunks to a member that fetches them.

A reader is kept open for each member that fetches, for chunks are asked for in order.
"""

import asyncio
from collections.abc import Callable, Iterator

from raftwerk.core.messages import Message
from raftwerk.errors import StorageError
from raftwerk.host.protocol import Clock, Threads
from raftwerk.storage.snapshot_protocol import SnapshotStore
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["SnapshotServer"]


class _Reader:
    """One member's place in one snapshot."""

    def __init__(self, index: LogIndex, term: Term, chunks: Iterator[bytes]) -> None:
        self.name = (index, term)
        self.chunks = chunks
        self.next_number = 0


class SnapshotServer:
    """Answers `FetchChunk`.

    Parameters
    ----------
    node_id : NodeId
        Who answers.
    snapshots : SnapshotStore
        Where chunks are.
    threads : Threads
        The worker that reads them.
    clock : Clock
        Tells when each member asked last.
    send : callable
        Takes answers.
    """

    def __init__(
        self,
        node_id: NodeId,
        snapshots: SnapshotStore,
        threads: Threads,
        clock: Clock,
        send: Callable[[list[Message]], None],
    ) -> None:
        self._node_id = node_id
        self._snapshots = snapshots
        self._threads = threads
        self._clock = clock
        self._send = send
        self._readers: dict[NodeId, _Reader] = {}
        self._asked_at_seconds: dict[NodeId, float] = {}

    def offered(self, peer: NodeId) -> None:
        """Know that a snapshot was offered to a member.

        Parameters
        ----------
        peer : NodeId
            Who is expected to fetch from now on.
        """
        self._asked_at_seconds[peer] = self._clock.now()

    def silent_seconds(self, peer: NodeId) -> float:
        """Return for how long a member has not asked for a chunk.

        Parameters
        ----------
        peer : NodeId
            To whom a snapshot was offered.

        Returns
        -------
        float
            Seconds since it was offered or asked for one; 0 if it never was.
        """
        now = self._clock.now()
        return now - self._asked_at_seconds.get(peer, now)

    def on_fetch(self, request: FetchChunk) -> None:
        """Read the chunk beside the loop, and send it.

        Parameters
        ----------
        request : FetchChunk
            A member's.
        """
        self._asked_at_seconds[request.sender] = self._clock.now()
        done = asyncio.ensure_future(self._threads.run(self._read, request))
        done.add_done_callback(lambda read: self._answer(request, read))

    def _read(self, request: FetchChunk) -> bytes:
        """Return the chunk, from the reader that is at it or from a new one."""
        index, term = request.snapshot_index, request.snapshot_term
        reader = self._readers.get(request.sender)
        if (
            reader is None
            or reader.name != (index, term)
            or reader.next_number > request.number
        ):
            reader = _Reader(index, term, self._snapshots.read_chunks(index, term))
            self._readers[request.sender] = reader
        for chunk in reader.chunks:
            reader.next_number += 1
            if reader.next_number > request.number:
                return chunk
        raise StorageError(f"snapshot {index} has no chunk {request.number}")

    def _answer(self, request: FetchChunk, read: "asyncio.Future[bytes]") -> None:
        """Send the chunk, or that it can't be had."""
        if read.cancelled():
            return
        if read.exception() is not None:
            # Pruned, or damaged: the core will offer the newest one again.
            self._readers.pop(request.sender, None)
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
            return
        self._send(
            [
                SnapshotChunk(
                    sender=self._node_id,
                    receiver=request.sender,
                    snapshot_index=request.snapshot_index,
                    snapshot_term=request.snapshot_term,
                    number=request.number,
                    data=read.result(),
                )
            ]
        )
