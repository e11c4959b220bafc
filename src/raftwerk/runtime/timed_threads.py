"""A disk thread each of whose calls is timed, once, for all who count or look."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, TypeVarTuple

from raftwerk.host.protocol import Clock, Host, Threads

__all__ = ["timed_host"]

DISK_THREAD: Final = "disk"
"""The worker of `runtime.syncer`, which does nothing but sync."""

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class _TimedThreads:
    """`Threads` that tell how long each call ran."""

    def __init__(
        self, threads: Threads, record: Callable[[float], object], clock: Clock
    ) -> None:
        self._threads = threads
        self._record = record
        self._clock = clock

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        return self._threads.run(self._timed, function, *args)

    def close(self) -> None:
        """Do as `Threads.close` says."""
        self._threads.close()

    def _timed(self, function: Callable[[*Args], Result], *args: *Args) -> Result:
        """Call a function between two looks at the clock."""
        began = self._clock.now()
        try:
            return function(*args)
        finally:
            self._record(self._clock.now() - began)


def timed_host(host: Host, *record: Callable[[float], object]) -> Host:
    """Return the same host, the calls of whose disk thread are timed.

    Parameters
    ----------
    host : Host
        What a node is given.
    *record : callable
        Told the seconds of each call, on the worker's thread; to add to a list or a
        number needs no lock there.

    Returns
    -------
    Host
        To be given in its place.
    """

    def _record(seconds: float) -> None:
        """Tell all."""
        for each in record:
            each(seconds)

    def _threads(name: str) -> Threads:
        """Make a worker, a timed one for the disk."""
        made = host.threads(name)
        return _TimedThreads(made, _record, host.clock) if name == DISK_THREAD else made

    return Host(clock=host.clock, timers=host.timers, threads=_threads, draw=host.draw)
