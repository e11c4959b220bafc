"""The syncs of a log, each in the quickest way that there is for it.

Mostly there is little to do: one batch to write, into a file that is there. The loop's
thread does that, since the system only takes it into memory, and what waits for the
disk is then the host's `FileSyncs`, or a thread that does nothing else. For all more
(the next segment, an old one to remove, a large batch) the thread does the whole.
"""

import asyncio
from collections.abc import Callable

from raftwerk.errors import StorageError
from raftwerk.host.protocol import Host
from raftwerk.runtime.worker import Worker
from raftwerk.storage.protocol import LogStore, SyncsInPlace, Written

__all__ = ["LogSyncs"]

End = Callable[[BaseException | None], None]


class LogSyncs:
    """Syncs a log, one time after the other.

    Parameters
    ----------
    store : LogStore
        The log.
    worker : Worker
        Its thread; what else it is given waits for a sync there, and the other way
        round, and nothing is to be given to it while a sync runs.
    host : Host
        What is quicker than a thread, if anything, and timers.
    on_error : callable
        Takes what was raised when a sync had ended.
    """

    def __init__(
        self,
        store: LogStore,
        worker: Worker,
        host: Host,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._in_place = store if isinstance(store, SyncsInPlace) else None
        self._worker = worker
        self._file_syncs = host.file_syncs
        self._timers = host.timers
        self._on_error = on_error
        self._beside: asyncio.Future[None] | None = None

    def begin(self, end: End) -> None:
        """Have all that the store was given made durable.

        Parameters
        ----------
        end : callable
            Called on the loop's thread, in a later turn, with what storage raised, or
            None; not called once the worker is closed.
        """
        in_place, written = self._in_place, None
        if in_place is not None and self._worker.is_idle:
            try:
                written = in_place.begin_sync()
            except StorageError as error:
                self._timers.call_later(0.0, self._tell, end, error)
                return
        if in_place is None or written is None:
            self._worker.run(self._store.sync, lambda _: end(None), end)
            return

        if self._begin_beside(in_place, written, end):
            return

        def _sync() -> None:
            """Do in the thread all that it takes: we may close meanwhile."""
            try:
                written.sync()
            except StorageError as error:
                in_place.end_sync(error)
                raise
            in_place.end_sync(None)

        self._worker.run(_sync, lambda _: end(None), end)

    def _begin_beside(self, in_place: SyncsInPlace, written: Written, end: End) -> bool:
        """Have the host sync a file without a thread; return whether it does."""
        if self._file_syncs is None or written.descriptor is None:
            return False
        ended = asyncio.get_running_loop().create_future()

        def _done(error: OSError | None) -> None:
            """Tell the store in any case, and then go on as after a job."""
            self._beside = None
            ended.set_result(None)
            failure = None if error is None else written.sync_failure(error)
            in_place.end_sync(failure)
            self._tell(end, failure)

        if not self._file_syncs.sync(written.descriptor, _done):
            return False
        self._beside = ended
        return True

    def _tell(self, end: End, error: BaseException | None) -> None:
        """Say how it ended, if anybody still wants to know."""
        if self._worker.is_closed:
            return
        try:
            end(error)
        # pylint: disable-next=broad-exception-caught  # any ends it
        except Exception as failure:
            self._on_error(failure)  # As in `Worker`: half of something is done.

    async def close(self) -> None:
        """Wait for the sync that runs; the worker is closed, so nobody is told."""
        if self._beside is not None:
            await self._beside
