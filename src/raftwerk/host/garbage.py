"""The garbage collector, kept out of the way: what is looked through, and when.

Python frees most objects at once; its collector is for cycles. It looks at young
objects often, and now and then at all, which takes the longer the more a process holds:
a tenth of a second for a million objects, in which no heartbeat leaves and no vote is
cast. So what lives at the start is frozen, for that will live on, and the collector
never looks at everything by itself. It is asked to: at once while that takes no longer
than nobody would notice, and otherwise only where it harms nobody, and seldom enough
that it does not matter (see ``docs/decisions/0180-what-grew-is-frozen.md``).
"""

import gc
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Protocol, Self, TypeAlias

import msgspec

from raftwerk.host.protocol import Clock, Timer, Timers

__all__ = ["LARGE_WORK", "Garbage", "GarbageView", "LargeWork", "Phase"]

LOOK_SECONDS: Final = 0.2
"""How often it is asked whether everything should be looked through."""
YOUNG_CONTAINERS: Final = 50
"""So many more containers, and the young are looked at. Python's own 700 are too many
where each may be a list of a thousand keys: what takes time is what they hold."""
YOUNG_COLLECTIONS: Final = 2
"""After more of these, what is not so young any more is looked at."""
MIDDLE_COLLECTIONS: Final = 500
"""After so many of those everything is due: as many containers as Python has it."""
GROWN_SHARE: Final = 4
"""It is due as well when what has come takes this part of what nobody notices."""
KEPT_SHARE: Final = 2
"""What takes more than this part of it, and was looked at, is not looked at again."""
SHARE_MAX: Final = 1000
"""Long collections take at most this part of all time: one in a thousand."""
_MIDDLE: Final = 1  # the generation between the young and the old
_NEVER: Final = 1 << 30

Phase: TypeAlias = Literal["start", "stop"]
"""What the collector tells of itself."""


class LargeWork:
    """Knows that something large is in the making, step by step.

    Its lists grow after the collector has seen them young, so nobody knows how long it
    would take to look at them.

    Attributes
    ----------
    steps : int
        How many were made; whoever makes one adds to it, in any thread.
    """

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps = 0


LARGE_WORK: Final = LargeWork()
"""That of this process, as there is one collector in it."""


class GarbageView(msgspec.Struct, frozen=True, kw_only=True):
    """What full collections have cost since the start."""

    collections: int = 0
    last_seconds: float = 0.0
    worst_seconds: float = 0.0


class Collector(Protocol):
    """What is used of Python's own module `gc`."""

    callbacks: list[Callable[[Phase, dict[str, int]], object]]
    """As `gc.callbacks`."""

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
        self._began_at = self._ended_at
        self._grown_seconds = 0.0
        """What took as long to look at has come since everything was looked through."""
        self._large_steps = LARGE_WORK.steps
        self._is_resting = False
        self._kept_seconds = 0.0
        """How long it takes to look again at what was left then."""
        self.view = GarbageView()

    def __enter__(self) -> Self:
        self._collect()
        self.freeze()
        # Nothing but what came since will be looked at; how long that takes, is not
        # known yet.
        self.view = GarbageView(collections=1)
        self._collector.set_threshold(YOUNG_CONTAINERS, YOUNG_COLLECTIONS, _NEVER)
        self._collector.callbacks.append(self._told)
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
        self._collector.callbacks.remove(self._told)
        self._collector.set_threshold(*self._threshold)

    def rest(self) -> None:
        """Look at nothing but what is young until all is frozen, for much is made."""
        self._is_resting = True

    def freeze(self) -> None:
        """Never look again at what lives now, without looking at it now."""
        self._is_resting = False
        self._freeze()

    def _freeze(self) -> None:
        """Put what lives now out of the collector's sight."""
        self._collector.freeze()
        self._kept_seconds = self._grown_seconds = 0.0

    def _told(self, phase: Phase, info: dict[str, int]) -> None:
        """Know that the collector begins or ends; in any thread."""
        if info["generation"] != _MIDDLE:
            return
        if phase == "start":
            self._began_at = self._clock.now()
        else:
            # What has passed this will be looked at among everything: as long again.
            self._grown_seconds += self._clock.now() - self._began_at

    def _set_timer(self) -> None:
        """Look again in a while."""
        self._timer = self._timers.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Look through everything if that is due, and harms nobody."""
        self._set_timer()
        is_large = self._large_steps != LARGE_WORK.steps
        self._large_steps = LARGE_WORK.steps
        unnoticed = self._pause_max_seconds
        is_due = (
            self._collector.get_count()[2] >= MIDDLE_COLLECTIONS
            or self._grown_seconds > unnoticed / GROWN_SHARE
        )
        if not is_due:
            return
        expected = self._kept_seconds + self._grown_seconds
        passed = self._clock.now() - self._ended_at
        is_seldom = passed >= self.view.last_seconds * SHARE_MAX
        if expected > unnoticed and not (is_seldom and self._may_pause()):
            self._freeze()
            return
        if is_large or self._is_resting:
            return
        self._collect()
        if self._kept_seconds > unnoticed / KEPT_SHARE:
            # So the next time will not take longer than nobody notices, however large
            # it grows. A cycle within it that nobody needs any more stays.
            self._freeze()

    def _collect(self) -> None:
        """Look through everything that is not frozen."""
        began = self._clock.now()
        self._collector.collect()
        self._ended_at = self._clock.now()
        took = self._ended_at - began
        self._kept_seconds, self._grown_seconds = took, 0.0
        self.view = GarbageView(
            collections=self.view.collections + 1,
            last_seconds=took,
            worst_seconds=max(self.view.worst_seconds, took),
        )
