"""A disk each of whose syncs is timed, once, for all who count or look."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, TypeVarTuple

from raftwerk.host.protocol import Clock, FileSyncs, Host, Threads

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


class _TimedSyncs:
    """`FileSyncs` that tell how long each took."""

    def __init__(
        self, syncs: FileSyncs, record: Callable[[float], object], clock: Clock
    ) -> None:
        self._syncs = syncs
        self._record = record
        self._clock = clock

    def sync(self, descriptor: int, done: Callable[[OSError | None], None]) -> bool:
        """Do as `FileSyncs.sync` says."""
        began = self._clock.now()

        def _done(error: OSError | None) -> None:
            """Say how long it took, and pass it on."""
            self._record(self._clock.now() - began)
            done(error)

        return self._syncs.sync(descriptor, _done)


def timed_host(host: Host, *record: Callable[[float], object]) -> Host:
    """Return the same host, with syncs that are timed.

    Parameters
    ----------
    host : Host
        What a node is given.
    *record : callable
        Told the seconds of each, on the worker's thread or the loop's; to add to a
        list or a number needs no lock there.

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

    syncs = host.file_syncs
    return Host(
        clock=host.clock,
        timers=host.timers,
        threads=_threads,
        draw=host.draw,
        file_syncs=None if syncs is None else _TimedSyncs(syncs, _record, host.clock),
    )
