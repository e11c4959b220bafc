"""The host that we run on: the only place that reads its clock and its randomness."""

import asyncio
import os
import time
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from raftwerk.errors import require
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host, Timer
from raftwerk.host.ring import Ring

__all__ = ["RealClock", "RealThreads", "RealTimers", "draw_from_os", "real_host"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class RealClock:
    """The machine's own `Clock`."""

    def now(self) -> float:
        """Do as `Clock.now` says."""
        return time.monotonic()

    def wall(self) -> float:
        """Do as `Clock.wall` says."""
        return time.time()


class RealTimers:
    """The `Timers` of the running event loop."""

    def call_later(
        self, delay_seconds: float, callback: Callable[[*Args], object], *args: *Args
    ) -> Timer:
        """Do as `Timers.call_later` says."""
        return asyncio.get_running_loop().call_later(delay_seconds, callback, *args)

    async def sleep(self, delay_seconds: float) -> None:
        """Do as `Timers.sleep` says."""
        await asyncio.sleep(delay_seconds)


class _Job(NamedTuple):
    """A call, and who waits for it."""

    loop: asyncio.AbstractEventLoop
    outcome: "asyncio.Future[Any]"
    function: Callable[..., Any]
    args: tuple[Any, ...]


class RealThreads:
    """`Threads`: one thread, made with the first call.

    An executor of the standard library does the same with a lock, a condition and two
    futures for each call. A member syncs for each write of a client that writes alone,
    and there that was a sixth of all its work.

    Parameters
    ----------
    name : str
        What the thread is called where the system shows its threads.
    """

    def __init__(self, name: str) -> None:
        """Have nothing to do yet."""
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_closed = False
        # Who is forgotten without an end, or still there at the end of all, has one.
        self._end = weakref.finalize(self, self._jobs.put, None)

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        require(not self._is_closed, f"worker {self._name} is closed, it takes no call")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Result] = loop.create_future()
        self._jobs.put(_Job(loop, outcome, function, args))
        if self._thread is None:
            # A process that ends does not wait for it: what is not done then is as
            # undone as by a crash, and whoever cares closes the worker, and waits.
            self._thread = Thread(
                target=_work, args=(self._jobs,), name=self._name, daemon=True
            )
            self._thread.start()
        return outcome

    def close(self) -> None:
        """Do as `Threads.close` says."""
        self._is_closed = True
        self._end()


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    """Do jobs, in order, until there is an end."""
    while (job := jobs.get()) is not None:
        try:
            told = partial(_tell, job.outcome, job.function(*job.args))
        # pylint: disable-next=broad-exception-caught  # told to whoever asked
        except BaseException as error:
            told = partial(_tell_of, job.outcome, error)
        # Nobody listens where the loop is closed.
        with suppress(RuntimeError):
            job.loop.call_soon_threadsafe(told)
        # While it waits for the next it holds on to nothing.
        del job, told


def _tell(outcome: "asyncio.Future[Result]", result: Result) -> None:
    """Give a result to whoever still waits."""
    if not outcome.done():
        outcome.set_result(result)


def _tell_of(outcome: "asyncio.Future[Any]", error: BaseException) -> None:
    """Give an error to whoever still waits."""
    if not outcome.done():
        outcome.set_exception(error)


def draw_from_os() -> SplitMix64:
    """Return a generator whose seed nobody can guess or repeat.

    Returns
    -------
    SplitMix64
        Seeded by the operating system.
    """
    return SplitMix64(int.from_bytes(os.urandom(8), "little"))


def real_host() -> Host:
    """Return the machine we run on.

    Returns
    -------
    Host
        What a node is given in earnest.
    """
    return Host(
        clock=RealClock(),
        timers=RealTimers(),
        threads=RealThreads,
        draw=draw_from_os(),
        file_syncs=Ring(),
    )
