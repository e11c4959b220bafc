"""The host that we run on: the only place that reads its clock and its randomness."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from raftwerk.errors import require
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host, Timer

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


class RealThreads:
    """`Threads`: one thread, made with the first call.

    Parameters
    ----------
    name : str
        What the thread is called where the system shows its threads.
    """

    def __init__(self, name: str) -> None:
        """Have nothing to do yet."""
        self._name = name
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._is_closed = False

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        require(not self._is_closed, f"worker {self._name} is closed, it takes no call")
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, function, *args)

    def close(self) -> None:
        """Do as `Threads.close` says."""
        self._is_closed = True
        self._executor.shutdown(wait=False)


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
        clock=RealClock(), timers=RealTimers(), threads=RealThreads, draw=draw_from_os()
    )
