"""The garbage collector, kept out of the way: when everything is looked through.

Python frees most objects at once; its collector is for cycles. It looks at young
objects often, which is quick, and now and then at all, which takes the longer the more
a process holds: a tenth of a second for a million objects, in which no heartbeat leaves
and no vote is cast. So what lives at the start is frozen, for that will live on, and
the collector never looks at everything by itself. It is asked to: at once while that
takes no longer than nobody would notice, and otherwise only where it harms nobody, and
seldom enough that it does not matter (see ``docs/decisions/0052-full-collections.md``).
"""

import gc
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from raftwerk.host.protocol import Clock, Timer, Timers

__all__ = ["Garbage", "GarbageView"]

LOOK_SECONDS: Final = 1.0
"""How often it is asked whether everything should be looked through."""
MIDDLE_COLLECTIONS: Final = 10
"""After so many collections of what is not so young any more, as Python has it."""
SHARE_MAX: Final = 1000
"""Long collections take at most this part of all time: one in a thousand."""
_NEVER: Final = 1 << 30


class GarbageView(msgspec.Struct, frozen=True, kw_only=True):
    """What full collections have cost since the start."""

    collections: int = 0
    last_seconds: float = 0.0
    worst_seconds: float = 0.0


class Collector(Protocol):
    """What is used of Python's own module `gc`."""

    def collect(self) -> int:
        """Do as `gc.collect` says."""

    def freeze(self) -> None:
        """Do as `gc.freeze` says."""

    def get_count(self) -> tuple[int, int, int]:
        """Do as `gc.get_count` says."""

    def get_threshold(self) -> tuple[int, int, int]:
        """Do as `gc.get_threshold` says."""

    def set_threshold(self, young: int, middle: int, old: int, /) -> None:
        """Do as `gc.set_threshold` says."""


class Garbage:
    """Says when everything is looked through; there is one in a process.

    Parameters
    ----------
    clock : Clock
        Measures how long it takes.
    timers : Timers
        For looking now and then.
    pause_max_seconds : float
        How long nobody notices that nothing else is done.
    may_pause : callable
        Whether a longer pause harms nobody now.
    collector : Collector
        Python's, or in tests another.

    Examples
    --------
    >>> from raftwerk.host.draw import SplitMix64
    >>> from raftwerk.host.virtual import VirtualLoop, virtual_host
    >>> loop = VirtualLoop()
    >>> host = virtual_host(loop, SplitMix64(1))
    >>> async def work() -> int:
    ...     with Garbage(host.clock, host.timers, 0.016, lambda: False) as garbage:
    ...         await host.timers.sleep(3600)
    ...         return garbage.view.collections
    >>> loop.run_until_complete(work())
    1
    >>> loop.close()
    """

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        pause_max_seconds: float,
        may_pause: Callable[[], bool],
        collector: Collector = gc,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._pause_max_seconds = pause_max_seconds
        self._may_pause = may_pause
        self._collector = collector
        self._timer: Timer | None = None
        self._threshold = collector.get_threshold()
        self._ended_at = clock.now()
        self.view = GarbageView()

    def __enter__(self) -> Self:
        self._collect()
        self._collector.freeze()
        # Nothing but what came since will be looked at; how long that takes, is not
        # known yet.
        self.view = GarbageView(collections=1)
        young, middle, _ = self._threshold
        self._collector.set_threshold(young, middle, _NEVER)
        self._set_timer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._collector.set_threshold(*self._threshold)

    def freeze(self) -> None:
        """Never look again at what lives now, without looking at it now."""
        self._collector.freeze()

    def _set_timer(self) -> None:
        """Look again in a while."""
        self._timer = self._timers.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Look through everything if that is due, and harms nobody."""
        self._set_timer()
        if self._collector.get_count()[2] < MIDDLE_COLLECTIONS:
            return
        last = self.view.last_seconds
        is_unnoticed = last <= self._pause_max_seconds
        is_seldom = self._clock.now() - self._ended_at >= last * SHARE_MAX
        if is_unnoticed or (is_seldom and self._may_pause()):
            self._collect()

    def _collect(self) -> None:
        """Look through everything that is not frozen."""
        began = self._clock.now()
        self._collector.collect()
        self._ended_at = self._clock.now()
        took = self._ended_at - began
        self.view = GarbageView(
            collections=self.view.collections + 1,
            last_seconds=took,
            worst_seconds=max(self.view.worst_seconds, took),
        )
