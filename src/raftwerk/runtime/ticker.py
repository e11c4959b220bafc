"""Seconds into ticks: sleeps until the core's next deadline, and counts what passed."""

from collections.abc import Callable
from typing import Final

from raftwerk.core.config import NO_LIMIT
from raftwerk.host.protocol import Host, Timer

__all__ = ["Ticker"]

_ROUNDING_TICKS: Final = 1e-6
"""A deadline that is met to the last bit may yet be an ulp less than a whole tick."""


class Ticker:
    """The core's clock.

    Parameters
    ----------
    host : Host
        Clock and timers.
    tick_seconds : float
        The length of a tick.
    wake : callable
        Called when a deadline has come.
    """

    def __init__(
        self, host: Host, tick_seconds: float, wake: Callable[[], None]
    ) -> None:
        self._clock = host.clock
        self._timers = host.timers
        self._tick_seconds = tick_seconds
        self._wake = wake
        self._counted_to = host.clock.now()
        self._timer: Timer | None = None
        self._due = 0.0

    def passed(self, expected_ticks: int, slack_ticks: int) -> tuple[int, bool]:
        """Return how many ticks passed since the last call.

        Parameters
        ----------
        expected_ticks : int
            When the next deadline was expected.
        slack_ticks : int
            How much later than that we may be without anything being wrong.

        Returns
        -------
        ticks : int
            At least 0.
        is_stalled : bool
            Whether this process did not run for a while.
        """
        elapsed = self._clock.now() - self._counted_to
        ticks = int(elapsed / self._tick_seconds + _ROUNDING_TICKS)
        # Only whole ticks are counted; the rest counts next time.
        self._counted_to += ticks * self._tick_seconds
        return ticks, ticks > expected_ticks + slack_ticks

    def arm(self, ticks: int) -> None:
        """Be woken at a deadline.

        Parameters
        ----------
        ticks : int
            From now; `NO_LIMIT`: there is none.
        """
        if ticks >= NO_LIMIT:
            return
        due = self._counted_to + ticks * self._tick_seconds
        if self._timer is not None:
            # Deadlines mostly move on, with each sign of the leader: the timer that is
            # set then comes too early, and is set again. That is cheaper than to move
            # it each time.
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        delay = due - self._clock.now()
        self._timer = self._timers.call_later(max(delay, 0.0), self._ring)

    def _ring(self) -> None:
        """Wake whoever waits."""
        self._timer = None
        self._wake()

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
