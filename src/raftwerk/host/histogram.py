"""How many of something took up to how long: counted, never kept."""

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["Histogram"]


class Histogram:
    """How many of something took up to how long.

    Parameters
    ----------
    bounds : sequence of float
        The upper bounds of the buckets, ascending.

    Examples
    --------
    >>> histogram = Histogram([0.1, 1.0])
    >>> for seconds in (0.05, 0.1, 0.5, 7.0):
    ...     histogram.add(seconds)
    >>> histogram.cumulative(), histogram.count, round(histogram.total, 2)
    ([2, 3], 4, 7.65)
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one.

        Parameters
        ----------
        value : float
            How much it was.
        """
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def cumulative(self) -> list[int]:
        """Return how many were at most each bound.

        Returns
        -------
        list of int
            One for each bound.
        """
        counts = []
        below = 0
        for count in self._counts[:-1]:
            below += count
            counts.append(below)
        return counts
