"""Append orders on their way to the disk: one sync for all that came meanwhile.

Group commit: orders are written at once into the store's buffer, and the sync that is
begun next covers all of them. The disk's thread does nothing but that sync.
"""

import asyncio
from collections.abc import Callable

from raftwerk.core.ready import AppendOrder
from raftwerk.host.protocol import Threads
from raftwerk.storage.protocol import LogStore

__all__ = ["Syncer"]


class Syncer:
    """Carries out append orders, in order.

    Parameters
    ----------
    store : LogStore
        Where they go.
    threads : Threads
        The disk's worker.
    on_done : callable
        Takes the orders that are done, in order; called on the loop's thread.
    on_error : callable
        Takes what storage raised; nothing more is written after that.
    """

    def __init__(
        self,
        store: LogStore,
        threads: Threads,
        on_done: Callable[[list[AppendOrder]], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._threads = threads
        self._on_done = on_done
        self._on_error = on_error
        self._waiting: list[AppendOrder] = []
        self._running: asyncio.Future[None] | None = None
        self._after: list[Callable[[], None]] = []
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing is written any more."""
        return self._is_closed

    def give(self, order: AppendOrder) -> bool:
        """Carry out an order.

        Parameters
        ----------
        order : AppendOrder
            The next one.

        Returns
        -------
        bool
            True if it is done already: there was nothing to sync, and nothing before
            it that waits for a sync. `on_done` is not called for it then.
        """
        if order.snapshot is not None:
            self._store.install(order.snapshot)
        if order.entries or order.hard_state is not None:
            self._store.append(order.hard_state, order.entries)
        if not order.must_sync and self._running is None:
            return True
        self._waiting.append(order)
        if self._running is None:
            self._begin()
        return False

    def after_sync(self, callback: Callable[[], None]) -> None:
        """Call back once all that the store was given until now is durable.

        Parameters
        ----------
        callback : callable
            Called on the loop's thread, unless the disk fails.
        """
        self._after.append(callback)
        if self._running is None:
            self._begin()

    def _begin(self) -> None:
        """Sync what waits."""
        orders, self._waiting = self._waiting, []
        after, self._after = self._after, []
        self._running = asyncio.ensure_future(self._threads.run(self._store.sync))
        self._running.add_done_callback(lambda sync: self._end(sync, orders, after))

    def _end(
        self,
        sync: "asyncio.Future[None]",
        orders: list[AppendOrder],
        after: list[Callable[[], None]],
    ) -> None:
        """Say what is done, and go on with what came meanwhile."""
        self._running = None
        if sync.cancelled() or self._is_closed:
            return
        error = sync.exception()
        if error is not None:
            self._is_closed = True
            self._on_error(error)
            return
        # What came meanwhile goes to the disk before anything else is done: the disk
        # is what everybody waits for.
        if self._after or any(order.must_sync for order in self._waiting):
            self._begin()
        else:
            orders += self._waiting
            self._waiting = []
        self._on_done(orders)
        for callback in after:
            callback()

    async def close(self) -> None:
        """Wait for the sync that runs, and take no more orders."""
        self._is_closed = True
        if self._running is not None:
            await asyncio.wait([self._running])
        self._threads.close()
