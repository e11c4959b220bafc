"""How late the event loop is: what a heartbeat would have to wait.

A timer that should ring each so often rings late by as long as something else has held
the loop. The driver also says how long each of its own turns took; so one sees whether
it was a turn, or somebody else.
"""

from typing import Final

import msgspec

from raftwerk.host.protocol import Host, Timer

__all__ = ["LoopLag", "LoopView"]

WINDOW_SECONDS: Final = 10.0
"""The worst is that of this window, and of the one before."""


LATE_DIVISOR: Final = 3
"""A measurement is late beyond this part of the heartbeat interval."""


class LoopView(msgspec.Struct, frozen=True, kw_only=True):
    """How late an event loop was in the last ten to twenty seconds."""

    lag_seconds: float = 0.0
    """The last measurement."""
    worst_lag_seconds: float = 0.0
    worst_turn_seconds: float = 0.0
    """The longest piece of the driver's own work."""
    late_count: int = 0
    """Measurements since the start beyond what no work may take: a third of the
    heartbeat interval."""


class LoopLag:
    """Measures one loop.

    Parameters
    ----------
    host : Host
        What it is late by, and what rings.
    period_seconds : float
        From one measurement to the next: the heartbeat interval.
    """

    def __init__(self, host: Host, period_seconds: float) -> None:
        self._clock = host.clock
        self._timers = host.timers
        self._period_seconds = period_seconds
        self._late_seconds = period_seconds / LATE_DIVISOR
        self._timer: Timer | None = None
        self._due = 0.0
        self._window_ends = host.clock.now() + WINDOW_SECONDS
        self._lag = 0.0
        self._late_count = 0
        # The worst lag and the worst turn: of this window, and of the one before.
        self._worst = [0.0, 0.0]
        self._worst_before = [0.0, 0.0]

    def start(self) -> None:
        """Measure from now on."""
        self._due = self._clock.now() + self._period_seconds
        self._timer = self._timers.call_later(self._period_seconds, self._ring)

    def _ring(self) -> None:
        """Take a measurement, and begin the next."""
        now = self._clock.now()
        self._lag = max(now - self._due, 0.0)
        self._late_count += self._lag > self._late_seconds
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._worst_before, self._worst = self._worst, [0.0, 0.0]
        self._worst[0] = max(self._worst[0], self._lag)
        self.start()

    def turn_took(self, seconds: float) -> None:
        """Know how long a turn of the driver took.

        Parameters
        ----------
        seconds : float
            By the clock.
        """
        if seconds > self._worst[1]:
            self._worst[1] = seconds

    def view(self) -> LoopView:
        """Return what was measured.

        Returns
        -------
        LoopView
            A copy.
        """
        worst_lag, worst_turn = map(max, self._worst, self._worst_before)
        return LoopView(
            lag_seconds=self._lag,
            worst_lag_seconds=worst_lag,
            worst_turn_seconds=worst_turn,
            late_count=self._late_count,
        )

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
