"""Groups whose members count leases: what the stories about them are made of."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from raftwerk.kv import Put, Range, Store
from raftwerk.runtime import Node
from raftwerk.service import KvService
from raftwerk.service.lease import LeaseService
from raftwerk.service.lease_node import LeaseNode
from tests.runtime.group import Group, Process

__all__ = ["Leased", "leased"]

Answer = TypeVar("Answer")

EVERYTHING = Range(b"\0", b"\0", serializable=True)


def as_lease_node(node: Node) -> LeaseNode:
    """Have the type checker look whether it is one."""
    return node


class Served:
    """One member's services, in one of its lives."""

    def __init__(self, process: Process, store: Store) -> None:
        self.process = process
        self.store = store
        host = process.host
        self.kv = KvService(process.node, store)
        self.lease = LeaseService(
            as_lease_node(process.node),
            store,
            clock=host.clock,
            timers=host.timers,
            draw=host.draw,
        )
        self.counting = process.process.start(self.lease.run())


class Leased:
    """A group whose members have the service."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.served: dict[int, Served] = {}

    async def boot(self, process: Process, **settings: Any) -> None:
        """Start a member, or start it again."""
        store = Store()
        process.make(store, **settings)
        self.served[process.node_id] = Served(process, store)
        process.is_up = True
        await process.process.start(process.node.start())

    def begin(
        self, process: Process, call: Coroutine[Any, Any, Answer]
    ) -> "asyncio.Task[Answer]":
        """Begin a call in a member's process."""
        return process.process.start(call)

    def of(self, process: Process) -> Served:
        """Return a member's services."""
        return self.served[process.node_id]

    @property
    def leader(self) -> Served:
        """The services of who leads in the newest term."""
        return self.of(self.group.leader)

    @property
    def follower(self) -> Served:
        """Those of a member that does not."""
        return self.of(self.group.followers[0])

    async def grant(self, lease: int, seconds: int, key: bytes = b"") -> None:
        """Grant a lease somewhere, and attach a key to it."""
        served = self.follower if len(self.group.members) > 1 else self.leader
        await self.begin(served.process, served.lease.grant(seconds, lease))
        if key:
            put = served.kv.put(Put(key, lease=lease))
            await self.begin(served.process, put)

    async def keep_alive(self, served: Served, lease: int) -> int:
        """Keep a lease alive through a member; return its time."""
        call = served.lease.keep_alive(lease)
        return (await self.begin(served.process, call)).ttl_seconds

    async def left(self, served: Served, lease: int) -> int:
        """Return how long a lease lasts, as a member says."""
        call = served.lease.time_to_live(lease)
        return (await self.begin(served.process, call)).left_seconds

    def keys(self, served: Served) -> list[bytes]:
        """Return the keys that a member has."""
        return [kv.key for kv in served.store.range(EVERYTHING).kvs]


async def leased(voters: int = 3, **settings: Any) -> Leased:
    """Start a group whose members have the service."""
    group = Group(voters, **settings)
    made = Leased(group)
    for process in group:
        await made.boot(process)
    await group.until_led()
    await group.until(lambda: made.leader.store.lease_term > 0)
    return made
