"""A client port with a whole member behind it, on virtual time: a group of one."""

from raftwerk.api import ClientApp
from raftwerk.api.cluster_json import cluster_routes
from raftwerk.api.lease_json import lease_routes
from raftwerk.api.lock_json import election_routes, lock_routes
from raftwerk.api.maintenance_json import maintenance_routes
from raftwerk.api.streams import Streams
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.watch_json import watch_routes
from raftwerk.kv import Store
from raftwerk.service import KvService
from raftwerk.service.cluster import ClusterService
from raftwerk.service.election import ElectionService
from raftwerk.service.lease import LeaseService
from raftwerk.service.lock import LockService
from raftwerk.service.maintenance import MaintenanceService
from raftwerk.service.revisions import Revisions
from raftwerk.service.watch import WatchService
from tests.api.asgi_stream import Exchange
from tests.runtime.group import Group, Process

__all__ = ["WholeMember"]


class WholeMember:
    """All of one member, as a process has it."""

    def __init__(self, process: Process, store: Store) -> None:
        self.process = process
        self.store = store
        node, host = process.node, process.host
        self.kv = KvService(node, store)
        self.lease = LeaseService(
            node, store, clock=host.clock, timers=host.timers, draw=host.draw
        )
        cluster = ClusterService(node, host.timers, host.draw)
        watches = WatchService(store, host.timers)
        self.maintenance = MaintenanceService(node, store, host.threads("maintenance"))
        streams = Streams()
        self.app = ClientApp(
            ApiContext(
                node=node,
                kv=self.kv,
                sessions=node,
                cluster=cluster,
                watch=watches,
                revisions=Revisions(store, clock=host.clock, timers=host.timers),
                streams=streams,
            ),
            families=[
                cluster_routes(node, cluster, self.kv, lambda: 4096),
                lease_routes(self.lease, self.kv, streams),
                watch_routes(watches, self.kv, streams),
                maintenance_routes(self.maintenance, self.kv, streams),
                lock_routes(
                    LockService(self.kv, self.lease, watches), self.kv, streams
                ),
                election_routes(
                    ElectionService(self.kv, self.lease, watches), self.kv, streams
                ),
            ],
            streams=streams,
        )
        process.process.start(self.lease.run())
        process.process.start(cluster.run())

    @classmethod
    async def start(cls) -> "WholeMember":
        """Start a group of one, and return its member when it leads."""
        group = Group(voters=1)
        process, store = group[1], Store()
        await process.start(store)
        member = cls(process, store)
        await group.until_led()
        return member

    def open(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Exchange:
        """Begin a request."""
        exchange = Exchange(method, path, body, headers)
        exchange.answering = self.process.process.start(exchange.run(self.app))
        return exchange
