"""How long to wait before the next attempt to connect."""

from raftwerk.host.protocol import Draw

__all__ = ["Backoff"]


class Backoff:
    """Doubles a bound with each attempt, and draws from its upper half.

    The draw keeps members that lost a peer together from returning to it together.

    Parameters
    ----------
    first_seconds : float
        The bound of the first wait.
    longest_seconds : float
        The bound of any wait.
    draw : Draw
        Where the jitter comes from.
    """

    __slots__ = ("_draw", "_first_seconds", "_longest_seconds", "_next_seconds")

    def __init__(
        self, first_seconds: float, longest_seconds: float, draw: Draw
    ) -> None:
        """Begin at the first wait."""
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._draw = draw
        self._next_seconds = first_seconds

    def reset(self) -> None:
        """Begin again at the first wait."""
        self._next_seconds = self._first_seconds

    def next_seconds(self) -> float:
        """Return the wait before the next attempt.

        Returns
        -------
        float
            Between half and all of the bound, which is doubled for the next time.
        """
        bound = self._next_seconds
        self._next_seconds = min(2 * bound, self._longest_seconds)
        return self.jittered(bound)

    def jittered(self, bound_seconds: float) -> float:
        """Return a wait by another bound; the next attempt's is as it was.

        Parameters
        ----------
        bound_seconds : float
            The longest that it may be.

        Returns
        -------
        float
            Between half and all of it.
        """
        return bound_seconds * (1000 + self._draw.below(1001)) / 2000
