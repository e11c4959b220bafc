"""The gateway's calls beyond keys and members, with what has to run behind them.

One place for whoever starts a member: a service that has duties of its own is started
here, and ends with the member.
"""

import asyncio
from contextlib import AsyncExitStack

from raftwerk.api.lease_json import lease_routes
from raftwerk.api.lock_json import election_routes, lock_routes
from raftwerk.api.maintenance_json import maintenance_routes
from raftwerk.api.route import Routes
from raftwerk.api.streams import Streams
from raftwerk.api.watch_json import watch_routes
from raftwerk.host.protocol import Host
from raftwerk.kv import Store
from raftwerk.runtime import Node
from raftwerk.service import KvService
from raftwerk.service.election import ElectionService
from raftwerk.service.lease import LeaseService
from raftwerk.service.lock import LockService
from raftwerk.service.maintenance import MaintenanceService
from raftwerk.service.watch import WatchService

__all__ = ["start_families"]


def start_families(
    node: Node,
    store: Store,
    kv: KvService,
    *,
    host: Host,
    watches: WatchService,
    streams: Streams,
    stack: AsyncExitStack,
) -> list[Routes]:
    """Start services, and return the calls that they answer.

    Parameters
    ----------
    node : Node
        The member; it runs.
    store : Store
        Its state machine.
    kv : KvService
        Its key-value calls.
    host : Host
        Time and draws.
    watches : WatchService
        Its watches.
    streams : Streams
        What streams are made with.
    stack : AsyncExitStack
        The services end when it is closed.

    Returns
    -------
    list of Routes
        For the gateway.
    """
    lease = LeaseService(
        node, store, clock=host.clock, timers=host.timers, draw=host.draw
    )
    duties = asyncio.ensure_future(lease.run())
    stack.callback(duties.cancel)
    worker = host.threads("maintenance")
    stack.callback(worker.close)
    maintenance = MaintenanceService(node, store, worker)
    return [
        watch_routes(watches, kv, streams),
        maintenance_routes(maintenance, kv, streams),
        lease_routes(lease, kv, streams),
        lock_routes(LockService(kv, lease, watches), kv, streams),
        election_routes(ElectionService(kv, lease, watches), kv, streams),
    ]
