"""A lock goes on when its owner falls asleep, and what the sleeper writes is refused.

A group of one on virtual time. Nobody keeps the first owner's lease alive, so its key
goes after three seconds and the next in line owns the lock. What the lock protects is
written by a transaction that holds only for the key that was created at that revision.
"""

import asyncio

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.kv import Compare, CompareTarget, Put, Range, Store, Txn
from raftwerk.runtime import Member, Node, NodeConfig, bootstrap_snapshot
from raftwerk.service import KvService
from raftwerk.service.lease import LeaseService
from raftwerk.service.lock import LockService
from raftwerk.service.watch import WatchService
from raftwerk.storage.memory import MemoryLog
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

loop = VirtualLoop()
host = virtual_host(loop, SplitMix64(1))
me = Member(node_id=NodeId(1), name="n1", peer_urls=("http://n1:2380",))
store = Store()
node = Node(
    NodeConfig(node_id=me.node_id, name=me.name),
    store,
    host=host,
    store=MemoryLog(bootstrap_snapshot([me])),
    transport=MemoryTransport(
        Identity(cluster_id=1, node_id=me.node_id, address="n1:2380"),
        "n1:2380",
        network=MemoryNetwork(host.timers, SplitMix64(2)),
        host=host,
        report=lambda *_, **__: None,
    ),
)
kv = KvService(node, store)
leases = LeaseService(node, store, clock=host.clock, timers=host.timers, draw=host.draw)
locks = LockService(kv, leases, WatchService(store, host.timers))


async def own(name: str, sleep_seconds: float) -> None:
    """Own the lock, sleep at the worst moment, then write."""
    lease = await leases.grant(ttl_seconds=3)
    locked = await locks.lock(b"account", lease.lease_id)
    (key,) = (await kv.range(Range(locked.key))).kvs
    number = key.create_revision
    print(f"{host.clock.now():4.1f} s  {name} owns the lock")
    await host.timers.sleep(sleep_seconds)
    still_mine = Compare(locked.key, target=CompareTarget.CREATE, number=number)
    write = Put(b"balance", name.encode())
    done = await kv.txn(Txn((still_mine,), (write,)))
    print(f"{host.clock.now():4.1f} s  {name} writes:", done.succeeded)
    await locks.unlock(locked.key)


async def story() -> None:
    """Have one who sleeps, and one who waits behind it."""
    counting = asyncio.ensure_future(leases.run())
    async with node:
        sleeper = asyncio.ensure_future(own("the sleeper", 10.0))
        await host.timers.sleep(1.0)
        await asyncio.gather(sleeper, own("the next one", 0.5))
    counting.cancel()


loop.run_until_complete(story())

# It prints:
#  0.3 s  the sleeper owns the lock
#  3.3 s  the next one owns the lock
#  3.8 s  the next one writes: True
# 10.3 s  the sleeper writes: False
