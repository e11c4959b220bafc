"""The virtual host: clocks, timers and workers of one `VirtualLoop`.

A `VirtualProcess` is a host together with the end of it: what it started dies with it
in the same instant, as with ``kill -9``. Its clock may be ahead of the loop's time, and
drift: then its timers fire as early or late as that clock makes them. A worker takes
the time that a function of the world says, so that a disk can be slow.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar, TypeVarTuple

from raftwerk.errors import require
from raftwerk.host.loop import OWNER, VirtualLoop, run
from raftwerk.host.protocol import Draw, Host, Timer

__all__ = [
    "VirtualClock",
    "VirtualLoop",
    "VirtualProcess",
    "VirtualThreads",
    "VirtualTimers",
    "run",
    "virtual_host",
]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

WALL_AT_START: Final = 1_577_836_800.0
"""The virtual world begins with the year 2020, in seconds since 1970."""


def _no_time(_worker: str) -> float:
    """Return the latency of a worker that needs no time."""
    return 0.0


class VirtualClock:
    """A `Clock` that follows the loop's time, not always well.

    Parameters
    ----------
    loop : VirtualLoop
        Its time is the true one.
    ahead_seconds : float
        What the clock shows when the true time is 0.
    drift : float
        Seconds that it gains in each true second; above -1.
    """

    def __init__(
        self, loop: VirtualLoop, *, ahead_seconds: float = 0.0, drift: float = 0.0
    ) -> None:
        """Show `ahead_seconds` at the loop's beginning."""
        require(drift > -1.0, f"a clock goes forward; with a drift of {drift} it can't")
        self._loop = loop
        self._ahead_seconds = ahead_seconds
        self._rate = 1.0 + drift

    def now(self) -> float:
        """Do as `Clock.now` says."""
        return self._ahead_seconds + self._loop.seconds * self._rate

    def wall(self) -> float:
        """Do as `Clock.wall` says."""
        return WALL_AT_START + self.now()

    def change(self, *, drift: float | None = None, jump_seconds: float = 0.0) -> None:
        """Go on at another rate, or from a later time; it never goes back.

        Parameters
        ----------
        drift : float, optional
            Seconds that it gains in each true second from now on; above -1.
        jump_seconds : float
            How far it jumps ahead at once.
        """
        require(jump_seconds >= 0.0, f"a clock goes forward, not {jump_seconds} s")
        if drift is not None:
            require(drift > -1.0, f"a clock goes forward; with a drift of {drift} not")
            now = self.now()
            self._rate = 1.0 + drift
            self._ahead_seconds += now - self.now()
        self._ahead_seconds += jump_seconds

    def true_seconds(self, seconds: float) -> float:
        """Return how long it takes until this clock has moved on by so much.

        Parameters
        ----------
        seconds : float
            As this clock counts them.

        Returns
        -------
        float
            As the loop counts them.
        """
        return seconds / self._rate


class VirtualTimers:
    """`Timers` on a virtual loop, as one clock counts.

    Parameters
    ----------
    loop : VirtualLoop
        Where the calls are made.
    clock : VirtualClock
        What measures the delays.
    context : contextvars.Context, optional
        In which the calls are made; without it, each in that of whoever asks for it.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        clock: VirtualClock,
        context: contextvars.Context | None = None,
    ) -> None:
        """Set no timer yet."""
        self._loop = loop
        self._clock = clock
        self._context = context

    def call_later(
        self, delay_seconds: float, callback: Callable[[*Args], object], *args: *Args
    ) -> Timer:
        """Do as `Timers.call_later` says."""
        context = self._context
        return self._loop.set_timer(
            self._clock.true_seconds(delay_seconds) if delay_seconds else 0.0,
            callback,
            args,
            None if context is None else context.copy(),
        )

    async def sleep(self, delay_seconds: float) -> None:
        """Do as `Timers.sleep` says."""
        await asyncio.sleep(self._clock.true_seconds(delay_seconds))


class VirtualThreads:
    """`Threads` that are none: each call is made on the loop, when its time is over.

    Until then it has had no effect: what a killed process was about to write is lost.

    Parameters
    ----------
    loop : VirtualLoop
        Where the calls are made.
    name : str
        The worker's name, for `latency`.
    latency : callable
        Called once for each call with the worker's name; returns the seconds that the
        call takes, from the end of the one before.
    context : contextvars.Context, optional
        In which the calls are made; without it, each in that of whoever asks for it.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        name: str,
        latency: Callable[[str], float],
        context: contextvars.Context | None = None,
    ) -> None:
        """Have nothing to do yet."""
        self._loop = loop
        self._name = name
        self._latency = latency
        self._context = context
        self._busy_until = 0.0
        self._is_closed = False

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        require(not self._is_closed, f"worker {self._name} is closed, it takes no call")
        begin = max(self._busy_until, self._loop.time())
        self._busy_until = begin + self._latency(self._name)
        outcome: asyncio.Future[Result] = self._loop.create_future()

        def finish() -> None:
            """Make the call, and tell how it went to whoever still wants to know."""
            try:
                result = function(*args)
            except Exception as error:  # pylint: disable=broad-exception-caught  # told
                if not outcome.done():
                    outcome.set_exception(error)
            else:
                if not outcome.done():
                    outcome.set_result(result)

        context = None if self._context is None else self._context.copy()
        self._loop.call_at(self._busy_until, finish, context=context)
        return outcome

    def close(self) -> None:
        """Do as `Threads.close` says."""
        self._is_closed = True


def virtual_host(
    loop: VirtualLoop,
    draw: Draw,
    *,
    clock: VirtualClock | None = None,
    latency: Callable[[str], float] = _no_time,
    context: contextvars.Context | None = None,
) -> Host:
    """Return a host on virtual time.

    Parameters
    ----------
    loop : VirtualLoop
        Where everything runs.
    draw : Draw
        Its randomness; give each host a fork of its own.
    clock : VirtualClock, optional
        A clock that is wrong; without it, one that shows the loop's time.
    latency : callable, optional
        Called with a worker's name for each call that it is given; returns how many
        seconds the call takes. Without it, none takes any time.
    context : contextvars.Context, optional
        In which timers and workers make their calls; see `VirtualProcess`.

    Returns
    -------
    Host
        What a node is given.

    Examples
    --------
    >>> from raftwerk.host.draw import SplitMix64
    >>> loop = VirtualLoop()
    >>> host = virtual_host(loop, SplitMix64(1), latency=lambda worker: 0.25)
    >>> async def twice() -> tuple[int, float]:
    ...     disk = host.threads("disk")
    ...     first, second = disk.run(len, "one"), disk.run(len, "seven")
    ...     return (await first + await second, host.clock.now())
    >>> loop.run_until_complete(twice())
    (8, 0.5)
    >>> loop.close()
    """
    clock = VirtualClock(loop) if clock is None else clock
    return Host(
        clock=clock,
        timers=VirtualTimers(loop, clock, context),
        threads=lambda name: VirtualThreads(loop, name, latency, context),
        draw=draw,
    )


class VirtualProcess:
    """One process of the virtual world, which can be killed.

    Parameters
    ----------
    loop : VirtualLoop
        Where everything runs.
    draw : Draw
        As `virtual_host` has it.
    clock : VirtualClock, optional
        As `virtual_host` has it.
    latency : callable, optional
        As `virtual_host` has it.

    Attributes
    ----------
    host : Host
        To be given to what runs in this process.

    Examples
    --------
    >>> from raftwerk.host.draw import SplitMix64
    >>> loop = VirtualLoop()
    >>> process = VirtualProcess(loop, SplitMix64(1))
    >>> async def talk() -> None:
    ...     while True:
    ...         print("still here at", process.host.clock.now())
    ...         await process.host.timers.sleep(1.0)
    >>> async def story() -> None:
    ...     process.start(talk())
    ...     await asyncio.sleep(1.5)
    ...     process.kill()
    ...     await asyncio.sleep(60.0)
    >>> loop.run_until_complete(story())
    still here at 0.0
    still here at 1.0
    >>> loop.close()
    """

    def __init__(
        self,
        loop: VirtualLoop,
        draw: Draw,
        *,
        clock: VirtualClock | None = None,
        latency: Callable[[str], float] = _no_time,
    ) -> None:
        """Begin with nothing that runs."""
        self._loop = loop
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, self)
        self.host = virtual_host(
            loop, draw, clock=clock, latency=latency, context=self._context
        )

    def start(
        self, coroutine: Coroutine[Any, Any, Result], name: str | None = None
    ) -> "asyncio.Task[Result]":
        """Run a coroutine in this process.

        Parameters
        ----------
        coroutine : Coroutine
            All that it starts belongs to this process too.
        name : str, optional
            The task's name.

        Returns
        -------
        asyncio.Task
            It is never done if the process is killed before.
        """
        return self._loop.create_task(
            coroutine, name=name, context=self._context.copy()
        )

    def call(self, function: Callable[[*Args], Result], *args: *Args) -> Result:
        """Call a function at once, in this process.

        So a network that belongs to no process hands over what arrived.

        Parameters
        ----------
        function : callable
            All that it starts belongs to this process.
        *args : object
            What to call it with.

        Returns
        -------
        object
            What the function returned.
        """
        return self._context.copy().run(function, *args)

    def kill(self) -> None:
        """Never run any of its code again; see `VirtualLoop.abandon`.

        Whoever waits for one of its tasks waits for ever.
        """
        self._loop.resume(self)
        self._loop.abandon(self)

    def strike_after(self, turns: int, strike: Callable[[], None]) -> None:
        """Have something happen between two turns of its code.

        Parameters
        ----------
        turns : int
            How many more there are before; from 1.
        strike : callable
            What happens: `kill`, mostly. See `VirtualLoop.strike_after`.
        """
        self._loop.strike_after(self, turns, strike)

    def suspend(self) -> None:
        """Run none of its code until `resume`; its timers go off then, all at once."""
        self._loop.suspend(self)

    def resume(self) -> None:
        """Go on; nothing happens if it was not suspended."""
        self._loop.resume(self)
