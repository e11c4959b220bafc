"""When a leader makes its next batch of what waits: not one for each turn of the loop.

Each batch costs the same handful of messages, syncs and turns on each member, however
many entries it has. So while two are on their way to a quorum, one on the wires and
one behind it, what comes meanwhile waits to be one batch with what comes after it. This
is Nagle's idea (RFC 896), with a bound on the wait where the way is long: the answer of
a far quorum takes tens of milliseconds, and there a batch more costs nothing.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from raftwerk.host.protocol import Host, Timer
from raftwerk.types import LogIndex

__all__ = ["Pace"]

UNDER_WAY_MAX: Final = 2
"""Batches on their way, with which the next one waits for a commit."""

WAIT_SECONDS: Final = 0.004
"""It waits no longer than this after the last one, whatever is committed."""


class Pace:
    """Knows which of a leader's batches are not committed yet.

    Parameters
    ----------
    host : Host
        Time.
    wake : callable
        Makes a turn come.
    """

    def __init__(self, host: Host, wake: Callable[[], None]) -> None:
        self._clock = host.clock
        self._timers = host.timers
        self._wake = wake
        self._ends: deque[LogIndex] = deque()
        self._last_at = 0.0
        self._is_over = False
        self._timer: Timer | None = None

    def may_propose(self, commit_index: LogIndex) -> bool:
        """Tell whether the next batch may be made now; if not, a turn comes for it.

        Parameters
        ----------
        commit_index : LogIndex
            The leader's; when it moves there is a turn anyway.

        Returns
        -------
        bool
            False: what waits is better off with what comes soon.
        """
        ends = self._ends
        while ends and ends[0] <= commit_index:
            ends.popleft()
        if len(ends) < UNDER_WAY_MAX or self._is_over:
            return True
        if self._timer is None:
            rest = max(self._last_at + WAIT_SECONDS - self._clock.now(), 0.0)
            self._timer = self._timers.call_later(rest, self._ring)
        return False

    def _ring(self) -> None:
        """Have it asked again; now, if not by its clock: timers are coarser."""
        self._timer = None
        self._is_over = True
        self._wake()

    def proposed(self, last_index: LogIndex) -> None:
        """Know of a batch that was made.

        Parameters
        ----------
        last_index : LogIndex
            Of its last entry.
        """
        self._ends.append(last_index)
        self._last_at = self._clock.now()
        self._is_over = False

    def forget(self) -> None:
        """Know of none: another one leads, or we do so anew, and entries may be gone."""
        self._ends.clear()

    def stop(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
