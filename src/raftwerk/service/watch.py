"""Watches: many on one stream, each told of every change once and in order.

A stream gives one answer at a time, to whoever draws them: that is all the flow control
there is. What happens meanwhile waits in `raftwerk.kv.watch`, which bounds it. The
streams of a member are woken a few at a time, so that a change which thousands watch
holds nobody up. Source: etcd's watch API, as observed on 3.5.1.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from raftwerk.host.protocol import Timer, Timers
from raftwerk.kv import CompactedRevision, Store
from raftwerk.kv.spans import span_of
from raftwerk.kv.watch import Watchers, holds_nothing
from raftwerk.kv.watcher import Batch, Watcher
from raftwerk.service.fragments import split
from raftwerk.service.watch_messages import NO_WATCH, CreateWatch, WatchAnswer

__all__ = ["WatchService", "WatchStream"]

PROGRESS_SECONDS: Final = 600.0
"""How long a watch may be idle before it is told how far the store is, as in etcd."""

STREAMS_WOKEN_PER_TURN: Final = 5
"""Streams that begin to write in one turn of the loop; about a third of a millisecond,
for a write takes several turns, and should not wait in each for many who watch."""

ANSWERS_WAITING_MAX: Final = 64
"""Answers to requests of a stream that may wait; then no request is taken."""

WATCHES_MAX: Final = 100_000
"""On one member; who wants one more is told why there is none."""

TOO_MANY: Final = f"this member has {WATCHES_MAX} watches already; try another one"
EMPTY_RANGE: Final = "mvcc: watcher range is empty"
DUPLICATE_ID: Final = "mvcc: duplicate watch ID provided on the WatchStream"


class WatchService:
    """All watches on one member.

    Parameters
    ----------
    store : Store
        The member's state machine.
    timers : Timers
        For notes of progress.
    progress_seconds : float
        How long a watch may be idle before it gets one, if it wants any.
    require_sound : callable
        Raises an error while nobody may be told what the store says.
    watches_max : int
        How many there may be.

    Attributes
    ----------
    watches : int
        How many there are now.
    watches_max : int
        As given.
    """

    def __init__(
        self,
        store: Store,
        timers: Timers,
        *,
        progress_seconds: float = PROGRESS_SECONDS,
        require_sound: Callable[[], None] = lambda: None,
        watches_max: int = WATCHES_MAX,
    ) -> None:
        self.require_sound = require_sound
        self.watches = 0
        self.watches_max = watches_max
        self.store = store
        self.timers = timers
        self.progress_seconds = progress_seconds
        self.watchers = Watchers(store)
        self._waking: deque[Callable[[], None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where they run who watch."""
        store.observe_changes(self._changed)

    def open(self) -> "WatchStream":
        """Return a stream without watches.

        Returns
        -------
        WatchStream
            To be closed by whoever draws from it.
        """
        if self._loop is None:
            self.watchers.advance()  # nobody was told of what happened until now
        self._loop = asyncio.get_running_loop()
        return WatchStream(self)

    def wake_soon(self, wake: Callable[[], None]) -> None:
        """Have a stream woken when it is its turn.

        Parameters
        ----------
        wake : callable
            Wakes it.
        """
        if not self._waking:
            asyncio.get_running_loop().call_soon(self._wake_some)
        self._waking.append(wake)

    def _wake_some(self) -> None:
        """Wake those who have waited longest, and the others in the next turn."""
        for _ in range(min(STREAMS_WOKEN_PER_TURN, len(self._waking))):
            self._waking.popleft()()
        if self._waking:
            asyncio.get_running_loop().call_soon(self._wake_some)

    def _changed(self) -> None:
        """Have those told who watch; the store calls it."""
        if self._loop is None:
            return  # nobody ever watched
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # The store was restored, beside the loop.
            self._loop.call_soon_threadsafe(self.watchers.advance)
        else:
            self.watchers.advance()


class _Watch:
    """One watch of a stream."""

    __slots__ = ("fragments", "request", "was_told", "watch_id", "watcher")

    def __init__(self, watch_id: int, request: CreateWatch) -> None:
        self.watch_id = watch_id
        self.request = request
        self.watcher: Watcher
        self.fragments: Iterator[WatchAnswer] = iter(())
        """What is left of an answer that comes in parts."""
        self.was_told = False
        """Whether something happened since the last note of progress."""


class WatchStream:
    """Some watches, and the answers to all of them in one order.

    Requests and answers go on at the same time, in one task each. Nothing happens
    before the first answer is drawn that could not be forgotten again.

    Parameters
    ----------
    service : WatchService
        Whose it is.
    """

    def __init__(self, service: WatchService) -> None:
        self._service = service
        self._watches: dict[int, _Watch] = {}
        self._next_id = 0
        self._answers: deque[WatchAnswer] = deque()
        self._ready: dict[_Watch, None] = {}
        self._wants_progress = False
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_waking = False
        self._timer: Timer | None = None

    # ---- requests -----------------------------------------------------------

    async def create(self, request: CreateWatch) -> None:
        """Begin to watch; the answers tell under which id, or why not.

        Parameters
        ----------
        request : CreateWatch
            What to watch.
        """
        await self._wait_room()
        key = request.key or b"\0"
        reason = ""
        if holds_nothing(key, request.range_end):
            reason = EMPTY_RANGE
        elif request.watch_id in self._watches and request.watch_id:
            reason = DUPLICATE_ID
        elif self._service.watches >= self._service.watches_max:
            reason = TOO_MANY
        if reason:
            self._answer(NO_WATCH, created=True, canceled=True, cancel_reason=reason)
            return
        watch = _Watch(request.watch_id or self._free_id(), request)
        self._watches[watch.watch_id] = watch
        self._service.watches += 1
        self._answer(watch.watch_id, created=True)
        watch.watcher = self._service.watchers.open(
            span_of(key, request.range_end),
            # What is before the first revision has no changes.
            max(1, request.start_revision) if request.start_revision else 0,
            wants_puts=request.wants_puts,
            wants_deletes=request.wants_deletes,
            on_ready=lambda: self._is_ready(watch),
        )
        if request.progress_notify and self._timer is None:
            self._note_progress_later()

    async def cancel(self, watch_id: int) -> None:
        """End a watch; nothing happens if there is none of this id.

        Parameters
        ----------
        watch_id : int
            Which.
        """
        await self._wait_room()
        if watch_id in self._watches:
            self._end(self._watches[watch_id])
            self._answer(watch_id, canceled=True)

    async def request_progress(self) -> None:
        """Have it told how far the store is, when all that happened until then was."""
        self._wants_progress = True
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Have an error raised to whoever draws the answers.

        Parameters
        ----------
        error : Exception
            Why there is nothing more to draw.
        """
        self._failure = error
        self._changed.set()

    def close(self) -> None:
        """End all watches."""
        for watch in list(self._watches.values()):
            self._end(watch)
        if self._timer is not None:
            self._timer.cancel()

    # ---- answers ------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WatchAnswer:
        while True:
            if self._failure is not None:
                raise self._failure
            self._service.require_sound()
            if self._answers:
                self._has_room.set()
                return self._answers.popleft()
            if self._ready:
                answer = await self._next_of(next(iter(self._ready)))
                if answer is not None:
                    return answer
            elif self._wants_progress:
                self._wants_progress = False
                return WatchAnswer(revision=self._told, watch_id=NO_WATCH)
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _next_of(self, watch: _Watch) -> WatchAnswer | None:
        """Return the next answer of a watch that may have one."""
        answer = next(watch.fragments, None)
        if answer is not None:
            return answer
        del self._ready[watch]
        batch = watch.watcher.take_pending() or await self._take(watch)
        if batch is None:
            return None
        watch.was_told = True
        answer = WatchAnswer(
            revision=batch.revision,
            watch_id=watch.watch_id,
            events=batch.events,
            prev_kv=watch.request.prev_kv,
        )
        if watch.request.fragment:
            watch.fragments = split(answer)
            answer = next(watch.fragments)
        if answer.fragment or not watch.watcher.is_idle:
            # Its turn comes again behind all others'.
            self._ready[watch] = None
        return answer

    async def _take(self, watch: _Watch) -> Batch | None:
        """Return what comes next for a watch; None if there is nothing now."""
        steps = self._service.watchers.take(watch.watcher)
        while self._watches.get(watch.watch_id) is watch:
            try:
                next(steps)
            except StopIteration as end:
                batch: Batch | None = end.value
                return batch
            except CompactedRevision:
                self._end(watch)
                self._answer(
                    watch.watch_id,
                    revision=0,
                    canceled=True,
                    compact_revision=self._service.store.compact_revision,
                )
            else:
                await asyncio.sleep(0)
        return None

    # ---- within -------------------------------------------------------------

    def _free_id(self) -> int:
        """Return an id for a watch that has none."""
        while self._next_id in self._watches:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    @property
    def _told(self) -> int:
        """The revision up to which those who are idle were told of all there is."""
        return self._service.watchers.revision

    def _answer(self, watch_id: int, **fields: Any) -> None:
        """Have an answer drawn before all that happens later."""
        revision = fields.pop("revision", self._service.store.revision)
        self._answers.append(
            WatchAnswer(revision=revision, watch_id=watch_id, **fields)
        )
        self._changed.set()

    async def _wait_room(self) -> None:
        """Return when the answers to requests are not too many."""
        while len(self._answers) >= ANSWERS_WAITING_MAX:
            self._has_room.clear()
            await self._has_room.wait()

    def _is_ready(self, watch: _Watch) -> None:
        """Have a watch looked at, and whoever draws woken in turn."""
        self._ready[watch] = None
        if not self._is_waking:
            self._is_waking = True
            self._service.wake_soon(self._wake)

    def _wake(self) -> None:
        """Wake whoever draws."""
        self._is_waking = False
        self._changed.set()

    def _end(self, watch: _Watch) -> None:
        """End a watch."""
        del self._watches[watch.watch_id]
        self._service.watches -= 1
        self._ready.pop(watch, None)
        self._service.watchers.close(watch.watcher)

    def _note_progress_later(self) -> None:
        """Have idle watches told of progress in a while, and so on."""
        service = self._service
        self._timer = service.timers.call_later(
            service.progress_seconds, self._note_progress
        )

    def _note_progress(self) -> None:
        """Tell idle watches how far the store is."""
        for watch in self._watches.values():
            is_idle = watch.watcher.is_idle and watch not in self._ready
            if (
                watch.request.progress_notify
                and is_idle
                and not watch.was_told
                and len(self._answers) < ANSWERS_WAITING_MAX
            ):
                self._answer(watch.watch_id, revision=self._told)
            watch.was_told = False
        self._note_progress_later()
