"""Seconds into ticks: sleeps until the core's next deadline, and counts what passed."""

from collections.abc import Callable
from typing import Final

from raftwerk.core.config import NO_LIMIT
from raftwerk.host.protocol import Host, Timer

__all__ = ["Ticker", "ticks_that_count"]

_ROUNDING: Final = 1e-3
"""What may be missing of a tick, in ticks: a timer comes early by rounding errors, and
a tick that is not counted then would set it again for no time at all, without end."""


def ticks_that_count(
    passed: int, expected: int, heartbeat_ticks: int, *, is_leader: bool
) -> int:
    """Return how many ticks the core is told of, for a late turn says nothing of peers.

    Where this process did not run, messages wait in its sockets that would have moved
    its deadline. So whoever waits for a leader gives it as long again as it was late
    itself, but no longer than it takes to be heard. A leader loses no time on that: its
    heartbeats are due now. But it can't blame its followers for a stall of its own.

    Parameters
    ----------
    passed : int
        Ticks since the last turn.
    expected : int
        After how many of them the core's deadline was.
    heartbeat_ticks : int
        Within which time a leader is heard.
    is_leader : bool
        Whether this member leads.

    Returns
    -------
    int
        At least 1 if any passed: time that is forgiven for ever never ends.
    """
    late = passed - expected
    if late <= 0:
        return passed
    if is_leader:
        return passed if late <= heartbeat_ticks else expected
    return max(expected - min(late, heartbeat_ticks), 1)


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
        self._is_stopped = False

    def passed(self) -> int:
        """Return how many ticks passed since the last call.

        Returns
        -------
        int
            At least 0.
        """
        elapsed = self._clock.now() - self._counted_to
        ticks = int(elapsed / self._tick_seconds + _ROUNDING)
        # Only whole ticks are counted; the rest counts next time.
        self._counted_to += ticks * self._tick_seconds
        return ticks

    def uncounted(self) -> float:
        """Return the time that is not counted yet, and go on not to count it.

        Returns
        -------
        float
            In seconds.
        """
        return max(self._clock.now() - self._counted_to, 0.0)

    def arm(self, ticks: int) -> None:
        """Be woken at a deadline.

        Parameters
        ----------
        ticks : int
            From now; `NO_LIMIT`: there is none.
        """
        if ticks >= NO_LIMIT or self._is_stopped:
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
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
