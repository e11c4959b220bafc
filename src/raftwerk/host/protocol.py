"""What the world gives: time, timers, threads and draws, each behind a small protocol.

`real` implements them on the running machine, `virtual` on a clock that jumps from one
event to the next, so that whole clusters run in tests as in earnest. Nothing above
this package asks the event loop or the standard library for any of them.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVarTuple, TypeVar

import msgspec

__all__ = ["Clock", "Draw", "Host", "Threads", "Timer", "Timers"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class Clock(Protocol):
    """Time, in seconds."""

    def now(self) -> float:
        """Return a time that only grows, from an unknown beginning, in seconds."""

    def wall(self) -> float:
        """Return the time since 1970 in seconds; it may jump: for people only."""


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Make sure that it does not come any more."""


class Timers(Protocol):
    """Calls at a later time."""

    def call_later(
        self, delay_seconds: float, callback: Callable[[*Args], object], *args: *Args
    ) -> Timer:
        """Have the loop call `callback` once, after the delay."""

    def sleep(self, delay_seconds: float) -> Awaitable[None]:
        """Return an awaitable that is done after the delay."""


class Threads(Protocol):
    """Work that would hold the loop."""

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Run `function` beside the loop; the awaitable gives or raises its outcome.

        Calls with one `Threads` object are done one after the other, in their order.
        """

    def close(self) -> None:
        """Let what runs end, and take nothing new."""


class Draw(Protocol):
    """Randomness that a seed decides."""

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to but not including `bound`, all alike likely."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """All of the world that a node is given."""

    clock: Clock
    timers: Timers
    threads: Callable[[str], Threads]
    """Makes a worker with this name; each does its calls in order."""
    draw: Draw
