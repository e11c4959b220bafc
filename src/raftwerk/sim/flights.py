"""Flight recorders for simulated members: what a real one keeps, on a disk apart.

The world must not notice them, or a run that is told again would be another run: they
draw nothing, write to no simulated disk, and take no time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import msgspec

from raftwerk.host.protocol import Clock, Host
from raftwerk.runtime.flight import FlightPlan, FlightRecorder
from raftwerk.storage.memory_disk import MemoryDisk

__all__ = ["make_recorder"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


def make_recorder(
    disk: MemoryDisk, folder: str, host: Host, clock: Clock, heartbeat_millis: int
) -> FlightRecorder:
    """Return a recorder for one life of a member.

    Parameters
    ----------
    disk : MemoryDisk
        Where the files are.
    folder : str
        The member's own.
    host : Host
        That of its process.
    clock : Clock
        The world's; that of the process may be wrong.
    heartbeat_millis : int
        How long a heartbeat interval is.

    Returns
    -------
    FlightRecorder
        What was noted before `FlightRecorder.flush` is in the files after it.
    """
    told = msgspec.structs.replace(host, clock=clock, threads=lambda name: _AtOnce())
    plan = FlightPlan(directory=f"/{folder}")
    return FlightRecorder(plan, told, disk, heartbeat_millis=heartbeat_millis)


class _AtOnce:
    """`Threads` that have done a call when they have been given it."""

    def run(
        self, function: Callable[[*Args], Result], *args: *Args
    ) -> Awaitable[Result]:
        """Do as `Threads.run` says."""
        outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        outcome.set_result(function(*args))
        return outcome

    def close(self) -> None:
        """Do as `Threads.close` says."""
