"""How long syncs take: the one that runs, and the slowest of late.

The thread that syncs can't tell that it hangs, so it is watched from outside: whoever
looks now and then counts the time between two looks. Time in which nobody could look,
for the whole process stood still, is no fault of the disk and is hardly counted.
"""

__all__ = ["SyncTimes"]


class SyncTimes:
    """Measures one syncing thread, by looks.

    Parameters
    ----------
    gap_max_seconds : float
        What is counted at most between two looks.
    window_seconds : float
        The slowest sync is remembered for so long at least, and at most for twice that.

    Examples
    --------
    >>> times = SyncTimes(gap_max_seconds=0.1, window_seconds=1.0)
    >>> times.begin(0.0)
    >>> for tenth in range(1, 6):
    ...     times.look(tenth / 10)
    >>> round(times.outstanding_seconds, 3)
    0.5
    >>> times.end(0.6)
    >>> times.outstanding_seconds, round(times.slowest_seconds, 3)
    (0.0, 0.6)
    """

    __slots__ = (
        "_gap_max_seconds",
        "_is_running",
        "_looked_at",
        "_slowest",
        "_slowest_before",
        "_window_ends",
        "_window_seconds",
        "outstanding_seconds",
    )

    def __init__(self, gap_max_seconds: float, window_seconds: float) -> None:
        """Have measured nothing."""
        self._gap_max_seconds = gap_max_seconds
        self._window_seconds = window_seconds
        self._window_ends = 0.0
        self._slowest = 0.0
        self._slowest_before = 0.0
        self._is_running = False
        self._looked_at = 0.0
        self.outstanding_seconds = 0.0
        """How long the sync that runs has taken so far; 0 if none runs."""

    @property
    def slowest_seconds(self) -> float:
        """How long the slowest sync of late took, or has taken so far.

        Returns
        -------
        float
            0 if there was none.
        """
        return max(self._slowest, self._slowest_before, self.outstanding_seconds)

    def begin(self, now_seconds: float) -> None:
        """Know that a sync begins.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self._is_running = True
        self._looked_at = now_seconds
        self.outstanding_seconds = 0.0

    def end(self, now_seconds: float) -> None:
        """Know that the sync has returned, whatever came of it.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self.look(now_seconds)
        self._slowest = max(self._slowest, self.outstanding_seconds)
        self._is_running = False
        self.outstanding_seconds = 0.0

    def look(self, now_seconds: float) -> None:
        """Count the time since the last look.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        if self._is_running:
            passed = min(now_seconds - self._looked_at, self._gap_max_seconds)
            self._looked_at = now_seconds
            self.outstanding_seconds += passed
        if now_seconds >= self._window_ends:
            self._window_ends = now_seconds + self._window_seconds
            self._slowest_before, self._slowest = self._slowest, 0.0
