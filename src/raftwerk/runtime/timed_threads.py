"""Workers whose work is timed while somebody wants to know: how long a disk takes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

from raftwerk.host.protocol import Clock, Host, Threads
from raftwerk.runtime.meter import Meter

__all__ = ["TimedThreads", "timed_host"]

DISK_THREAD = "disk"
"""The worker of `runtime.syncer`, which does nothing but sync."""

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class TimedThreads:
    """`Threads` that tell a meter how long each call ran.

    Parameters
    ----------
    threads : Threads
        Run the calls.
    meter : Meter
        Told on the worker's thread; to add to a list needs no lock there.
    clock : Clock
        Measures.
    """

    def __init__(self, threads: Threads, meter: Meter, clock: Clock) -> None:
        self._threads = threads
        self._meter = meter
        self._clock = clock

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        if not self._meter.is_on:
            return self._threads.run(function, *args)

        def _timed() -> Result:
            """Run it between two looks at the clock."""
            began = self._clock.now()
            try:
                return function(*args)
            finally:
                self._meter.syncs.add(self._clock.now() - began)

        return self._threads.run(_timed)

    def close(self) -> None:
        """Do as `Threads.close` says."""
        self._threads.close()


def timed_host(host: Host, meter: Meter) -> Host:
    """Return the same host, the time of whose disk thread is measured.

    Parameters
    ----------
    host : Host
        What a node is given.
    meter : Meter
        What is told.

    Returns
    -------
    Host
        To be given in its place.
    """

    def _threads(name: str) -> Threads:
        """Make a worker, a timed one for the disk."""
        made = host.threads(name)
        if name != DISK_THREAD:
            return made
        return TimedThreads(made, meter, host.clock)

    return Host(clock=host.clock, timers=host.timers, threads=_threads, draw=host.draw)
