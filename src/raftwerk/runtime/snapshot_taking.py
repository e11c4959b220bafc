"""Taking snapshots of the own state while entries go on being applied.

Source: Raft paper §7, thesis §5.1. The view is fixed between two batches; its chunks
are encoded and written beside the loop. When they are durable the log is compacted, and
when that is durable too, older snapshots go.
"""

import asyncio
from collections.abc import Callable, Iterable

from raftwerk.config import NodeConfig
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.host.protocol import Threads
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.syncer import Syncer
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import LogIndex, Term

__all__ = ["SnapshotTaker"]


class SnapshotTaker:
    """Decides when, and does it.

    Parameters
    ----------
    config : NodeConfig
        When to take one, and how much log stays.
    applier : Applier
        The machine, how far it is, and who the members are.
    stores : Stores
        The log is compacted, the chunks go to the snapshots.
    worker : Threads
        Encodes and writes chunks.
    syncer : Syncer
        Says when the log's record is durable.
    on_error : callable
        Takes what storage raised.
    """

    def __init__(
        self,
        config: NodeConfig,
        applier: Applier,
        stores: Stores,
        worker: Threads,
        syncer: Syncer,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._every = config.snapshot_entries
        self._keep = config.snapshot_keep_entries
        self._applier = applier
        self._log = stores.log
        self._snapshots = stores.snapshots
        self._worker = worker
        self._syncer = syncer
        self._on_error = on_error
        self._running: asyncio.Future[int] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a snapshot is being taken."""
        return self._running is not None

    def look(self, conf_state: ConfState) -> None:
        """Take a snapshot if enough was applied since the last one.

        Parameters
        ----------
        conf_state : ConfState
            The configuration as of the applied index.
        """
        last = self._log.snapshot().index
        if self._applier.applied_index - last >= self._every:
            self.take(conf_state)

    def take(self, conf_state: ConfState) -> bool:
        """Take a snapshot now.

        Parameters
        ----------
        conf_state : ConfState
            The configuration as of the applied index.

        Returns
        -------
        bool
            False if one is being taken already, or there is nothing new.
        """
        index, term = self._applier.applied_index, self._applier.applied_term
        if self._running is not None or index <= self._log.snapshot().index:
            return False
        members = self._applier.members
        manifest = Manifest(
            members=members.in_order(), removed=members.removed_in_order()
        )
        # The view is fixed by this call, between two batches; what follows may take
        # its time.
        chunks = self._applier.machine.snapshot()
        self._running = asyncio.ensure_future(
            self._worker.run(self._write, index, term, chunks)
        )
        self._running.add_done_callback(
            lambda done: self._finish(done, index, term, conf_state, manifest)
        )
        return True

    def _write(self, index: LogIndex, term: Term, chunks: Iterable[bytes]) -> int:
        """Write all chunks, beside the loop, and return how many there are."""
        sink = self._snapshots.begin(index, term)
        count = 0
        try:
            for chunk in chunks:
                sink.write(chunk)
                count += 1
        except BaseException:
            sink.abort()
            raise
        sink.finish()
        return count

    def _finish(
        self,
        done: "asyncio.Future[int]",
        index: LogIndex,
        term: Term,
        conf_state: ConfState,
        manifest: Manifest,
    ) -> None:
        """Compact the log, for the snapshot is durable."""
        self._running = None
        if done.cancelled() or self._syncer.is_closed:
            return
        error = done.exception()
        if error is not None:
            self._on_error(error)
            return
        if index <= self._log.snapshot().index:
            return  # A newer one was installed meanwhile.
        data = Manifest(
            members=manifest.members, removed=manifest.removed, chunks=done.result()
        ).encode()
        self._log.compact(Snapshot(index, term, conf_state, data), self._keep)
        self._syncer.after_sync(lambda: self._prune(index))

    def _prune(self, index: LogIndex) -> None:
        """Let older snapshots go, for nothing durable names them any more."""
        pruned = asyncio.ensure_future(self._worker.run(self._snapshots.prune, index))
        pruned.add_done_callback(self._pruned)

    def _pruned(self, done: "asyncio.Future[None]") -> None:
        """Pass on what went wrong."""
        if not done.cancelled() and (error := done.exception()) is not None:
            self._on_error(error)

    async def close(self) -> None:
        """Wait for the snapshot that is being taken; it does no harm unfinished."""
        if self._running is not None:
            await asyncio.wait([self._running])
