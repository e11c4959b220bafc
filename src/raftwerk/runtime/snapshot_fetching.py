"""Fetching the state of a snapshot that a leader has offered.

The core is shown an `InstallSnapshot` only when all chunks are here and synced: for the
core a snapshot arrives whole or not at all. Source: Raft paper §7 (chunks).

A chunk is known by its hash, which the manifest names. What is here already is not
asked for: chunks of a transfer that broke off, whoever led then, and those of our own
last snapshot. When all are here they are written into one file, in order, which gets
its name in one step.
"""

from collections.abc import Callable
from typing import Final

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.records import Snapshot
from raftwerk.errors import DiskFull, StorageError
from raftwerk.host.protocol import Timer, Timers
from raftwerk.runtime.manifest import ChunkHashes, Manifest, hash_of
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import SnapshotStore
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import NodeId

__all__ = ["FETCH_AGAIN_SECONDS", "SnapshotFetcher"]

FETCH_AGAIN_SECONDS: Final = 0.5
"""After so long without a chunk it is asked for again: a message may be lost."""


class _Transfer:
    """A snapshot on its way to us."""

    def __init__(self, offer: InstallSnapshot, manifest: Manifest) -> None:
        self.offer = offer
        self.manifest = manifest
        self.chunks = manifest.chunks or ()
        self.lacking: list[int] = []
        """The numbers of chunks that are not here, the next one last."""
        self.is_working = True
        """Whether the worker is at it; then nothing is asked for."""

    def lacks(self, kept: frozenset[bytes]) -> list[int]:
        """Return the number of each chunk that is not kept, the first one last."""
        first_of: dict[bytes, int] = {}
        for number, name in enumerate(self.chunks):
            if name not in kept:
                first_of.setdefault(name, number)
        return sorted(first_of.values(), reverse=True)


class SnapshotFetcher:
    """Gets the chunks that are not here, one after the other, and puts all together.

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
    own : callable
        Returns our own last snapshot.
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
        own: Callable[[], Snapshot],
        on_complete: Callable[[InstallSnapshot], None],
    ) -> None:
        self._node_id = node_id
        self._snapshots = snapshots
        self._worker = worker
        self._timers = timers
        self._send = send
        self._is_needed = is_needed
        self._own = own
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
        manifest = Manifest.decode(snapshot.data)
        if (
            not manifest.chunks
            or snapshot == self._complete
            or not self._is_needed(snapshot)
        ):
            self._on_complete(offer)
            return
        transfer = self._transfer
        if transfer is not None and transfer.offer.snapshot == snapshot:
            transfer.offer = offer
            self._ask()
            return
        self._drop()
        self._transfer = begun = _Transfer(offer, manifest)
        own = self._own()
        self._worker.run(
            lambda: self._look_for(begun, own),
            lambda lacking: self._looked(begun, lacking),
            lambda error: self._failed(begun, error),
        )

    # ---- beside the loop ----------------------------------------------------

    def _look_for(self, transfer: _Transfer, own: Snapshot) -> list[int]:
        """Keep what our own snapshot has of another one; return what is lacking."""
        kept = self._snapshots.kept
        names = set(kept.names())
        shared = set(Manifest.decode(own.data).chunks or ()) & set(transfer.chunks)
        if not shared <= names:
            try:
                for chunk in self._snapshots.read_chunks(own.index, own.term):
                    name = hash_of(chunk)
                    if name in shared:
                        kept.keep(name, chunk)
            except DiskFull:
                raise
            except StorageError:
                pass  # It is damaged, or pruned just now: then it is sent to us.
        return transfer.lacks(kept.names())

    def _keep(self, transfer: _Transfer, chunk: SnapshotChunk) -> bool:
        """Keep a chunk if it is what the manifest names."""
        name = hash_of(chunk.data)
        if name != transfer.chunks[chunk.number]:
            return False
        self._snapshots.kept.keep(name, chunk.data)
        return True

    def _put_together(self, transfer: _Transfer) -> bool:
        """Make the snapshot durable; False if what was kept is not what it was."""
        snapshot = transfer.offer.snapshot
        kept = self._snapshots.kept
        sink = self._snapshots.begin(snapshot.index, snapshot.term)
        hashes = ChunkHashes()
        try:
            for name in transfer.chunks:
                chunk = kept.get(name)
                if chunk is None or hashes.add(chunk) != name:
                    break
                sink.write(chunk)
        except BaseException:
            sink.abort()
            raise
        if hashes.complete(transfer.manifest) != transfer.manifest:
            sink.abort()
            kept.drop()
            return False
        sink.finish()
        kept.drop()
        return True

    # ---- on the loop --------------------------------------------------------

    def _looked(self, transfer: _Transfer, lacking: list[int]) -> None:
        """Ask for the first chunk that is not here."""
        transfer.lacking = lacking
        transfer.is_working = False
        self._go_on(transfer)

    def _go_on(self, transfer: _Transfer) -> None:
        """Ask for the next chunk, or put all together."""
        if transfer is not self._transfer:
            return
        if transfer.lacking:
            self._ask()
            return
        self._cancel_timer()
        transfer.is_working = True
        self._worker.run(
            lambda: self._put_together(transfer),
            lambda is_whole: self._put(transfer, is_whole),
            lambda error: self._failed(transfer, error),
        )

    def _ask(self) -> None:
        """Ask for the chunk that is next, and again if it does not come."""
        self._cancel_timer()
        transfer = self._transfer
        if self._is_stopped or transfer is None or transfer.is_working:
            return
        snapshot = transfer.offer.snapshot
        if not self._is_needed(snapshot):
            self._drop()  # The log has brought us there meanwhile.
            self._worker.run(self._snapshots.kept.drop, lambda _: None)
            return
        self._send(
            [
                FetchChunk(
                    sender=self._node_id,
                    receiver=NodeId(transfer.offer.sender),
                    snapshot_index=snapshot.index,
                    snapshot_term=snapshot.term,
                    number=transfer.lacking[-1],
                )
            ]
        )
        self._timer = self._timers.call_later(FETCH_AGAIN_SECONDS, self._ask)

    def on_chunk(self, chunk: SnapshotChunk) -> None:
        """Keep a chunk, beside the loop, if it is the one that was asked for.

        Parameters
        ----------
        chunk : SnapshotChunk
            A repeated or late one is dropped.
        """
        transfer = self._transfer
        if (
            transfer is None
            or transfer.is_working
            or chunk.number != transfer.lacking[-1]
            or chunk.snapshot_index != transfer.offer.snapshot.index
            or chunk.snapshot_term != transfer.offer.snapshot.term
        ):
            return
        transfer.is_working = True
        self._worker.run(
            lambda: self._keep(transfer, chunk),
            lambda is_right: self._kept(transfer, is_right),
            lambda error: self._failed(transfer, error),
        )

    def _kept(self, transfer: _Transfer, is_right: bool) -> None:
        """Go on with the next chunk; one that is wrong ends the transfer."""
        transfer.is_working = False
        if is_right:
            transfer.lacking.pop()
            self._go_on(transfer)
        elif transfer is self._transfer:
            self._drop()  # Whoever offers it has something else: wait for another.

    def _put(self, transfer: _Transfer, is_whole: bool) -> None:
        """Offer the whole to the core."""
        if transfer is not self._transfer:
            return
        self._drop()
        if is_whole:
            self._complete = transfer.offer.snapshot
            self._on_complete(transfer.offer)

    def _failed(self, transfer: _Transfer, error: BaseException) -> None:
        """Give up if there is no room, and wait for the next offer."""
        if not isinstance(error, DiskFull):
            raise error
        if transfer is self._transfer:
            self._drop()
        self._worker.run(self._snapshots.kept.drop, lambda _: None)

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
        """Fetch nothing; what is here is kept for another offer."""
        self._transfer = None
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        """Don't ask by the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Ask for nothing more; what is here is kept for the next start."""
        self._is_stopped = True
        self._drop()
