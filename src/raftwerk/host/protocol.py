"""What the world gives: time, timers, threads and draws, each behind a small protocol.

`real` implements them on the running machine, `virtual` on a clock that jumps from one
event to the next, so that whole clusters run in tests as in earnest. Nothing above
this package asks the event loop or the standard library for any of them.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, TypeVarTuple

import msgspec

__all__ = ["Clock", "Draw", "FileSyncs", "Host", "Threads", "Timer", "Timers"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class Clock(Protocol):
    """Time, in seconds."""

    def now(self) -> float:
        """Return a time that never goes back, from an unknown beginning, in seconds."""

    def wall(self) -> float:
        """Return the time since 1970 in seconds; it may jump: for people only."""


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Make sure that it does not come any more; nothing if it came already."""


class Timers(Protocol):
    """Calls at a later time."""

    def call_later(
        self, delay_seconds: float, callback: Callable[[*Args], object], *args: *Args
    ) -> Timer:
        """Have the loop call `callback` once, after the delay.

        Parameters
        ----------
        delay_seconds : float
            How long to wait; with 0 or less the call comes in the next turn of the
            loop, never before this method returns.
        callback : callable
            What to call.
        *args : object
            What to call it with.

        Returns
        -------
        Timer
            To call it off.
        """

    def sleep(self, delay_seconds: float) -> Awaitable[None]:
        """Return an awaitable that is done after the delay.

        Parameters
        ----------
        delay_seconds : float
            How long to wait; with 0 or less other tasks get one turn.

        Returns
        -------
        Awaitable
            To be awaited once.
        """


class Threads(Protocol):
    """A worker beside the loop, for calls that would hold it."""

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Run `function` beside the loop, after all that was given before.

        It runs even if nobody awaits the outcome, or who did was cancelled meanwhile.

        Parameters
        ----------
        function : callable
            What to run; it must not touch the loop.
        *args : object
            What to run it with.

        Returns
        -------
        Awaitable
            Gives what the function returned, or raises what it raised.

        Raises
        ------
        InvariantViolation
            If the worker is closed.
        """

    def close(self) -> None:
        """Do what was given, take nothing new; returns at once, and may be repeated."""


class FileSyncs(Protocol):
    """Syncs of open files beside the loop, without a worker."""

    def sync(self, descriptor: int, done: Callable[[OSError | None], None]) -> bool:
        """Begin to sync a file.

        Parameters
        ----------
        descriptor : int
            The system's number of the open file; it stays open until `done`.
        done : callable
            Called on the loop's thread, in a later turn, with the system's error, or
            None if all that was written to the file survives a power cut. It must not
            raise.

        Returns
        -------
        bool
            False if that can't be done here: have a worker do it.
        """


class Draw(Protocol):
    """Randomness that a seed decides."""

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to, not including, `bound`: each alike likely.

        Parameters
        ----------
        bound : int
            How many there are to choose from; at least 1.

        Returns
        -------
        int
            The one drawn.

        Raises
        ------
        InvariantViolation
            If `bound` is less than 1.
        """


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """All of the world that a node is given."""

    clock: Clock
    timers: Timers
    threads: Callable[[str], Threads]
    """Makes a worker with this name; each does its calls in order."""
    draw: Draw
    file_syncs: FileSyncs | None = None
    """Where there is something quicker than a worker for syncs."""
