"""A network within one process that breaks on order; `memory` is a member's face of it.

Between each two members, each way apart, messages take a drawn time, and may be lost,
doubled or overtaken; a way can be cut and healed. All of that follows from one `Draw`
and the calls made, so a run can be had again. Identities are checked as on a real
connection, and messages pass through real frames unless that is switched off.

It is crueller than TCP where that costs a simulated group nothing but its comfort: what
is on its way when a way is cut is lost, and a single lost message is told to nobody.
Requests are never doubled: no connection does that, and nobody could tell two of them.
"""

from collections.abc import Collection

from raftwerk.errors import ConfigError
from raftwerk.host.protocol import Draw, Timers
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.endpoint import Endpoint
from raftwerk.types import NodeId

__all__ = ["MemoryNetwork"]


class MemoryNetwork:
    """All ways between the members of one process.

    Parameters
    ----------
    timers : Timers
        The network's own: not those of a member, which die with it.
    draw : Draw
        Decides latencies and faults.
    conditions : Conditions
        Those of every way that has none of its own.
    config : TransportConfig
        Bounds of messages, and when silence is noticed.
    is_encoded : bool
        Whether messages pass through frames, as between machines; otherwise the
        receiver is given the sender's objects.

    Examples
    --------
    >>> from raftwerk.host.draw import SplitMix64
    >>> from raftwerk.host.virtual import VirtualLoop, virtual_host
    >>> loop = VirtualLoop()
    >>> timers = virtual_host(loop, SplitMix64(1)).timers
    >>> network = MemoryNetwork(timers, SplitMix64(1).fork("network"))
    >>> network.cut(NodeId(1), NodeId(3))
    >>> network.is_cut(NodeId(1), NodeId(3)), network.is_cut(NodeId(3), NodeId(1))
    (True, False)
    >>> loop.close()
    """

    def __init__(
        self,
        timers: Timers,
        draw: Draw,
        *,
        conditions: Conditions = Conditions(),
        config: TransportConfig = TransportConfig(),
        is_encoded: bool = True,
    ) -> None:
        """Be whole, with nobody there."""
        self.timers = timers
        self.draw = draw
        self.config = config
        self.is_encoded = is_encoded
        self._conditions = conditions
        self._endpoints: dict[str, Endpoint] = {}
        self._conditions_of: dict[tuple[NodeId, NodeId], Conditions] = {}
        self._cuts: dict[tuple[NodeId, NodeId], None] = {}

    # -- What a story does to it -------------------------------------------------------

    def set_conditions(
        self,
        conditions: Conditions,
        sender: NodeId | None = None,
        receiver: NodeId | None = None,
    ) -> None:
        """Change what happens to messages sent from now on.

        Parameters
        ----------
        conditions : Conditions
            What happens.
        sender : NodeId, optional
            Whose messages; with `receiver` left out as well, everybody's, and what was
            set for single ways is forgotten.
        receiver : NodeId, optional
            To whom.
        """
        if sender is None or receiver is None:
            self._conditions = conditions
            self._conditions_of.clear()
        else:
            self._conditions_of[sender, receiver] = conditions

    def cut(self, sender: NodeId, receiver: NodeId) -> None:
        """Lose all from one member to another, also what is under way.

        Parameters
        ----------
        sender : NodeId
            Whose messages are lost; what it is sent still arrives.
        receiver : NodeId
            To whom.
        """
        self._cuts[sender, receiver] = None
        for endpoint in self._endpoints.values():
            if endpoint.node_id == sender and receiver in endpoint.ways:
                endpoint.ways[receiver].notice_cut()

    def heal(self, sender: NodeId, receiver: NodeId) -> None:
        """Let messages pass again.

        Parameters
        ----------
        sender : NodeId
            Whose.
        receiver : NodeId
            To whom.
        """
        self._cuts.pop((sender, receiver), None)

    def partition(self, *groups: Collection[NodeId]) -> None:
        """Cut every way, in both directions, between members of different groups.

        Parameters
        ----------
        *groups : collection of NodeId
            Who can still talk to each other; cuts made before stay.
        """
        for group in groups:
            for other in groups:
                if group is not other:
                    for sender in group:
                        for receiver in other:
                            self.cut(sender, receiver)

    def heal_all(self) -> None:
        """Let all messages pass again."""
        self._cuts.clear()

    def is_cut(self, sender: NodeId, receiver: NodeId) -> bool:
        """Do as `World.is_cut` says."""
        return (sender, receiver) in self._cuts

    def crash(self, node_id: NodeId) -> None:
        """Take a member off the network without a word to it.

        What it sent before may still arrive; what is under way to it is lost.

        Parameters
        ----------
        node_id : NodeId
            Whom; nothing happens if it is not there.
        """
        for endpoint in list(self._endpoints.values()):
            if endpoint.node_id == node_id:
                endpoint.inbox.close()
                self.detach(endpoint)

    # -- What members do ---------------------------------------------------------------

    def attach(self, endpoint: Endpoint) -> None:
        """Take a member in.

        Parameters
        ----------
        endpoint : Endpoint
            Reached at its address from now on.

        Raises
        ------
        ConfigError
            If somebody else listens there.
        """
        holder = self._endpoints.get(endpoint.address)
        if holder is not None:
            raise ConfigError(
                f"cannot listen on {endpoint.address} for peers: node"
                f" {holder.node_id:x} has this port; stop it or choose another"
            )
        self._endpoints[endpoint.address] = endpoint

    def detach(self, endpoint: Endpoint) -> None:
        """Part with a member; those who had a connection to it notice that.

        Parameters
        ----------
        endpoint : Endpoint
            Nothing happens if it is not there.
        """
        if self._endpoints.get(endpoint.address) is not endpoint:
            return
        del self._endpoints[endpoint.address]
        self.keep_only(endpoint, ())

    def keep_only(self, endpoint: Endpoint, peers: Collection[NodeId]) -> None:
        """End all connections to a member but those of its peers.

        Parameters
        ----------
        endpoint : Endpoint
            The member.
        peers : collection of NodeId
            Who may stay connected.
        """
        for other in self._endpoints.values():
            way = other.ways.get(endpoint.node_id)
            if way is not None and way.leads_to(endpoint):
                if other.node_id not in peers:
                    way.disconnect("the other side closed it")

    # -- What routes ask ---------------------------------------------------------------

    def conditions_of(self, sender: NodeId, receiver: NodeId) -> Conditions:
        """Do as `World.conditions_of` says."""
        return self._conditions_of.get((sender, receiver), self._conditions)

    def endpoint_at(self, address: str) -> Endpoint | None:
        """Do as `World.endpoint_at` says."""
        return self._endpoints.get(address)
