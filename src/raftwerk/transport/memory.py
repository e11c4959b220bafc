"""Messages within one process: the twin of `tcp`, on a `network.MemoryNetwork`."""

from collections.abc import Mapping, Sequence

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.host.protocol import Host
from raftwerk.transport.address import Address, others_in
from raftwerk.transport.endpoint import Endpoint
from raftwerk.transport.handshake import object_to_stranger
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.network import MemoryNetwork
from raftwerk.transport.news import News
from raftwerk.transport.protocol import (
    Admission,
    Identity,
    Objection,
    PeerView,
    Receiver,
    Report,
)
from raftwerk.transport.route import Route
from raftwerk.types import NodeId

__all__ = ["MemoryNetwork", "MemoryTransport"]


class MemoryTransport:
    """A `Transport` over a `MemoryNetwork`.

    Parameters
    ----------
    identity : Identity
        Who we are.
    listen : str
        ``host:port``; nothing but a name here.
    network : MemoryNetwork
        What we are attached to once we start.
    host : Host
        The member's own; what it receives is handed over by its timers.
    report : Report
        Where lines for the log go.
    admit : Admission, optional
        Says who is refused, of those whom cluster and ids fit. Without it, all who are
        not among the peers.
    """

    def __init__(
        self,
        identity: Identity,
        listen: str,
        *,
        network: MemoryNetwork,
        host: Host,
        report: Report,
        admit: Admission | None = None,
    ) -> None:
        """Not attached yet."""
        Address.parse(listen)
        self._network = network
        self._inbox = Inbox(host.timers)
        self._endpoint = Endpoint(
            identity,
            listen,
            clock=host.clock,
            inbox=self._inbox,
            news=News(report),
            admit=admit or self._admit_peers,
        )
        self._routes: dict[NodeId, Route] = {}
        self._endpoint.ways = self._routes

    async def start(self, receiver: Receiver) -> None:
        """Do as `Transport.start` says."""
        self._network.attach(self._endpoint)
        self._inbox.open(receiver)

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        """Do as `Transport.set_peers` says."""
        others = others_in(addresses, self._endpoint.identity)
        routes = self._routes
        for node_id, route in list(routes.items()):
            if others.get(node_id) != route.address:
                del routes[node_id]
                self._inbox.put_unreachable(node_id)
        for node_id, address in others.items():
            if node_id not in routes:
                route = Route(self._network, self._endpoint, node_id, address)
                routes[node_id] = route
        self._network.keep_only(self._endpoint, others)

    def send(self, messages: Sequence[Message]) -> None:
        """Do as `Transport.send` says."""
        if not self._inbox.is_open:
            return
        by_receiver: dict[NodeId, Sequence[Message]] = {}
        if len(messages) == 1:
            by_receiver[messages[0].receiver] = messages
        else:
            by_receiver = _by_receiver(messages)
        for receiver, group in by_receiver.items():
            route = self._routes.get(receiver)
            if route is not None:
                route.send(group)
                continue
            self._inbox.put_unreachable(receiver)
            for message in group:
                if isinstance(message, InstallSnapshot):
                    self._inbox.put_snapshot(receiver, False)

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Do as `Transport.peers` says."""
        return {node_id: route.view() for node_id, route in self._routes.items()}

    async def stop(self) -> None:
        """Do as `Transport.stop` says."""
        self._inbox.close()
        self._network.detach(self._endpoint)

    def _admit_peers(self, identity: Identity) -> Objection | None:
        """Refuse all but the peers: the `Admission` that goes without saying."""
        if identity.node_id in self._routes:
            return None
        return object_to_stranger(identity, self._endpoint.identity)


def _by_receiver(messages: Sequence[Message]) -> dict[NodeId, Sequence[Message]]:
    """Return messages by whom they go to, in their order to each."""
    by_receiver: dict[NodeId, list[Message]] = {}
    for message in messages:
        by_receiver.setdefault(message.receiver, []).append(message)
    return dict(by_receiver)
