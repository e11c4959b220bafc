"""How far long work is, on a terminal; nothing where nobody looks."""

import sys

__all__ = ["Progress"]


class Progress:
    """One line on standard error that is written over and over.

    Parameters
    ----------
    what : str
        What is being done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = 0
        self._shown = -1
        self._is_seen = sys.stderr.isatty()

    def advance(self, done: int, remaining: int) -> None:
        """Say how far it is.

        Parameters
        ----------
        done : int
            What was done since the last time.
        remaining : int
            What is still to be done, in the same unit.
        """
        self._done += done
        percent = 100 * self._done // max(1, self._done + remaining)
        if self._is_seen and percent != self._shown:
            self._shown = percent
            print(f"\r{self._what} {percent:3} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave nothing of the line."""
        if self._shown >= 0:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
