"""Append orders on their way to the disk: one sync for all that came meanwhile.

Group commit: orders are given at once to the store, and the sync that is begun next
covers all of them.
"""

from collections.abc import Callable
from typing import Final

from raftwerk.core.ready import AppendOrder
from raftwerk.errors import DiskFull
from raftwerk.host.protocol import Host, Timer
from raftwerk.runtime.log_syncs import LogSyncs
from raftwerk.runtime.sync_times import SyncTimes
from raftwerk.runtime.worker import Worker
from raftwerk.storage.protocol import LogStore, Room

__all__ = ["Syncer"]

FULL_SECONDS: Final = 1.0
"""How long a full disk is left alone before the next try."""

BUSY_SECONDS: Final = 0.005
"""How soon room is made for the next segment, if a sync is under way just now."""

QUIET_SECONDS: Final = 0.5
"""After so long without a sync the log's end is marked."""


class Syncer:
    """Carries out append orders, in order.

    A full disk is waited for: nothing is lost by that, and nothing is promised
    meanwhile. Any other error is the end. Where only the room for the next segment
    can't be made yet, what is asked is still done, and that is tried again too.

    Parameters
    ----------
    store : LogStore
        Where they go.
    host : Host
        The disk's thread, and timers.
    on_done : callable
        Takes the orders that are done, in order; called on the loop's thread.
    on_error : callable
        Takes what storage raised; nothing more is written after that.
    times : SyncTimes
        Told of each sync.

    Attributes
    ----------
    room : Room
        What the log can still take, as of its last sync.
    is_blocked : bool
        Whether orders wait for room.
    """

    def __init__(
        self,
        store: LogStore,
        host: Host,
        on_done: Callable[[list[AppendOrder]], None],
        on_error: Callable[[BaseException], None],
        times: SyncTimes,
    ) -> None:
        self._store = store
        self._clock = host.clock
        self._timers = host.timers
        self._worker = Worker(host.threads("disk"), on_error)
        self._syncs = LogSyncs(store, self._worker, host, on_error)
        self._on_done = on_done
        self._on_error = on_error
        self._waiting: list[AppendOrder] = []
        self._after: list[Callable[[], None]] = []
        self._is_busy = False
        self._quiet: Timer | None = None
        self._again: Timer | None = None
        self.times = times
        self.room = Room()
        self.is_blocked = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing is written any more.

        Returns
        -------
        bool
            After `close`.
        """
        return self._worker.is_closed

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
        if not order.must_sync and not self._is_busy:
            return True
        self._waiting.append(order)
        if not self._is_busy:
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
        if not self._is_busy:
            self._begin()

    def _begin(self) -> None:
        """Sync what waits."""
        self._is_busy = True
        self._again = None
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        orders, self._waiting = self._waiting, []
        after, self._after = self._after, []
        self.times.begin(self._clock.now())

        def _end(error: BaseException | None) -> None:
            """Go on, however it ended."""
            if error is None:
                self._synced(orders, after)
            else:
                self._failed(error, orders, after)

        self._syncs.begin(_end)

    def _synced(
        self, orders: list[AppendOrder], after: list[Callable[[], None]]
    ) -> None:
        """Say what is done, and go on with what came meanwhile."""
        self.times.end(self._clock.now())
        self.is_blocked = False
        # What came meanwhile goes to the disk before anything else is done: the disk
        # is what everybody waits for. Those who waited come next, housekeeping last.
        if self._after or any(order.must_sync for order in self._waiting):
            self._begin()
        else:
            self._is_busy = False
            orders += self._waiting
            self._waiting = []
        self._on_done(orders)
        for callback in after:
            callback()
        self._look_at_room()
        if not (self._is_busy or self.is_closed):
            self._quiet = self._timers.call_later(QUIET_SECONDS, self._mark)

    def _failed(
        self,
        error: BaseException,
        orders: list[AppendOrder],
        after: list[Callable[[], None]],
    ) -> None:
        """Try again later if there is no room; pass on all that is worse."""
        self.times.end(self._clock.now())
        if not isinstance(error, DiskFull):
            self._on_error(error)
            return
        self.room = self._store.room()
        self.is_blocked = True
        self._waiting = orders + self._waiting
        self._after = after + self._after
        self._stop_trying()
        self._again = self._timers.call_later(FULL_SECONDS, self._begin)

    def _look_at_room(self) -> None:
        """Know what room there is, and try again later if there is too little."""
        self.room = self._store.room()
        if self.room.shortage and self._again is None and not self.is_blocked:
            self._again = self._timers.call_later(FULL_SECONDS, self._make_room)

    def _make_room(self) -> None:
        """Try again to have room for the next segment."""
        self._again = None
        if self._is_busy:
            self._again = self._timers.call_later(BUSY_SECONDS, self._make_room)
        else:
            self._worker.run(self._store.make_room, lambda _: self._look_at_room())

    def _stop_trying(self) -> None:
        """Call the next try off."""
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _mark(self) -> None:
        """Have it known, in a quiet time, that all is durable."""
        self._quiet = None
        self._worker.run(self._store.mark, lambda _: None, self._not_marked)

    def _not_marked(self, error: BaseException) -> None:
        """Go on without a mark if the disk is full: the next batch brings one."""
        if not isinstance(error, DiskFull):
            self._on_error(error)

    async def close(self) -> None:
        """Wait for the sync that runs, and take no more orders."""
        if self._quiet is not None:
            self._quiet.cancel()
        self._stop_trying()
        await self._worker.close()
        await self._syncs.close()
