"""Groups whose members have locks and elections."""

import asyncio

from raftwerk.service.election import ElectionService
from raftwerk.service.lock import Locked, LockService
from raftwerk.service.watch import WatchService
from tests.runtime.group import Process
from tests.service.leased import Leased, leased

__all__ = ["Recipes", "recipes", "settle"]


class Recipes:
    """A group whose members have locks and elections."""

    def __init__(self, members: Leased) -> None:
        self.members = members
        self.locks: dict[int, LockService] = {}
        self.elections: dict[int, ElectionService] = {}
        for process in members.group:
            self.serve(process)

    def serve(self, process: Process) -> None:
        """Give a member the services, in its present life."""
        served = self.members.of(process)
        watches = WatchService(served.store, process.host.timers)
        self.locks[process.node_id] = LockService(served.kv, served.lease, watches)
        self.elections[process.node_id] = ElectionService(
            served.kv, served.lease, watches
        )

    def lock(self, process: Process, name: bytes, lease: int) -> "asyncio.Task[Locked]":
        """Begin to wait for a lock."""
        return process.process.start(self.locks[process.node_id].lock(name, lease))

    def unlock(self, process: Process, key: bytes) -> "asyncio.Task[int]":
        """Let go of a lock."""
        return process.process.start(self.locks[process.node_id].unlock(key))

    def election(self, process: Process) -> ElectionService:
        """Return a member's elections."""
        return self.elections[process.node_id]


async def recipes(voters: int = 3) -> Recipes:
    """Start a group."""
    return Recipes(await leased(voters))


async def settle() -> None:
    """Let everything happen that does not wait for time to pass."""
    await asyncio.sleep(0.3)
