"""Fetching the state of a snapshot that a leader has offered.

The core is shown an `InstallSnapshot` only when all chunks are here and synced: for the
core a snapshot arrives whole or not at all. Source: Raft paper §7 (chunks).
"""

from collections.abc import Callable
from typing import Final

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.records import Snapshot
from raftwerk.errors import DiskFull
from raftwerk.host.protocol import Timer, Timers
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import SnapshotSink, SnapshotStore
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import NodeId

__all__ = ["FETCH_AGAIN_SECONDS", "SnapshotFetcher"]

FETCH_AGAIN_SECONDS: Final = 0.5
"""After so long without a chunk it is asked for again: a message may be lost."""


class _Transfer:
    """A snapshot on its way to us."""

    def __init__(self, offer: InstallSnapshot, chunks: int) -> None:
        self.offer = offer
        self.chunks = chunks
        self.next_number = 0
        self.sink: SnapshotSink | None = None
        self.is_writing = False


class SnapshotFetcher:
    """Gets chunks, one after the other, and writes them.

    Parameters
    ----------
    node_id : NodeId
        Who we are.
    snapshots : SnapshotStore
        Where chunks go.
    worker : Worker
        Writes them.
    timers : Timers
        For asking again.
    send : callable
        Takes requests.
    is_needed : callable
        Says whether we lack what a snapshot covers.
    on_complete : callable
        Takes the offer whose state is here and durable, or is not needed.
    """

    def __init__(
        self,
        node_id: NodeId,
        snapshots: SnapshotStore,
        worker: Worker,
        timers: Timers,
        *,
        send: Callable[[list[Message]], None],
        is_needed: Callable[[Snapshot], bool],
        on_complete: Callable[[InstallSnapshot], None],
    ) -> None:
        self._node_id = node_id
        self._snapshots = snapshots
        self._worker = worker
        self._timers = timers
        self._send = send
        self._is_needed = is_needed
        self._on_complete = on_complete
        self._transfer: _Transfer | None = None
        self._complete: Snapshot | None = None
        self._timer: Timer | None = None
        self._is_stopped = False

    def on_offer(self, offer: InstallSnapshot) -> None:
        """Begin to fetch, or go on with the same snapshot from whoever offers it now.

        Parameters
        ----------
        offer : InstallSnapshot
            A leader's.

        Raises
        ------
        UnknownFormat
            If a newer version took the snapshot.
        """
        snapshot = offer.snapshot
        chunks = Manifest.decode(snapshot.data).chunks
        if not chunks or snapshot == self._complete or not self._is_needed(snapshot):
            self._on_complete(offer)
            return
        transfer = self._transfer
        if transfer is not None and transfer.offer.snapshot == snapshot:
            transfer.offer = offer
        else:
            self._drop()
            self._transfer = _Transfer(offer, chunks)
        self._ask()

    def _ask(self) -> None:
        """Ask for the chunk that is next, and again if it does not come."""
        self._cancel_timer()
        transfer = self._transfer
        if self._is_stopped or transfer is None or transfer.is_writing:
            return
        snapshot = transfer.offer.snapshot
        if not self._is_needed(snapshot):
            self._drop()  # The log has brought us there meanwhile.
            return
        self._send(
            [
                FetchChunk(
                    sender=self._node_id,
                    receiver=NodeId(transfer.offer.sender),
                    snapshot_index=snapshot.index,
                    snapshot_term=snapshot.term,
                    number=transfer.next_number,
                )
            ]
        )
        self._timer = self._timers.call_later(FETCH_AGAIN_SECONDS, self._ask)

    def on_chunk(self, chunk: SnapshotChunk) -> None:
        """Write a chunk, beside the loop, if it is the next one.

        Parameters
        ----------
        chunk : SnapshotChunk
            A repeated or late one is dropped.
        """
        transfer = self._transfer
        if (
            transfer is None
            or transfer.is_writing
            or chunk.number != transfer.next_number
            or chunk.snapshot_index != transfer.offer.snapshot.index
            or chunk.snapshot_term != transfer.offer.snapshot.term
        ):
            return
        transfer.is_writing = True
        self._worker.run(
            lambda: self._write(transfer, chunk.data),
            lambda _: self._written(transfer),
            lambda error: self._failed(transfer, error),
        )

    def _write(self, transfer: _Transfer, data: bytes) -> None:
        """Write a chunk; with the last one the snapshot is durable."""
        snapshot = transfer.offer.snapshot
        if transfer.sink is None:
            transfer.sink = self._snapshots.begin(snapshot.index, snapshot.term)
        transfer.sink.write(data)
        if transfer.next_number + 1 == transfer.chunks:
            transfer.sink.finish()

    def _written(self, transfer: _Transfer) -> None:
        """Go on with the next chunk, or offer the whole to the core."""
        transfer.is_writing = False
        transfer.next_number += 1
        if transfer is not self._transfer:
            self._abort(transfer)
        elif transfer.next_number < transfer.chunks:
            self._ask()
        else:
            self._transfer = None
            self._cancel_timer()
            self._complete = transfer.offer.snapshot
            self._on_complete(transfer.offer)

    def _failed(self, transfer: _Transfer, error: BaseException) -> None:
        """Give up if there is no room, and wait for the next offer."""
        if not isinstance(error, DiskFull):
            raise error
        transfer.sink = None  # Nothing is left of it.
        if transfer is self._transfer:
            self._drop()

    def on_unavailable(self, message: ChunkUnavailable) -> None:
        """Give up, for the snapshot is gone where it was; a newer one will be offered.

        Parameters
        ----------
        message : ChunkUnavailable
            Of the member that offered it.
        """
        transfer = self._transfer
        if (
            transfer is not None
            and message.sender == transfer.offer.sender
            and message.snapshot_index == transfer.offer.snapshot.index
        ):
            self._drop()

    def _drop(self) -> None:
        """Forget what is on its way."""
        transfer, self._transfer = self._transfer, None
        self._cancel_timer()
        if transfer is not None and not transfer.is_writing:
            self._abort(transfer)

    def _abort(self, transfer: _Transfer) -> None:
        """Leave nothing of a snapshot that is not complete."""
        if transfer.sink is not None and transfer.next_number < transfer.chunks:
            self._worker.run(transfer.sink.abort, lambda _: None)

    def _cancel_timer(self) -> None:
        """Don't ask by the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Ask for nothing more; what is not complete goes."""
        self._is_stopped = True
        self._drop()
