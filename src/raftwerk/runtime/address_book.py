"""Whom the transport is told of: members as the log has them, strangers by their word.

A member that has just joined knows nobody, and a leader that was added while we lagged
is nobody to us; both must be answered, or the log never gets here that would tell. So
an address that was said in a handshake is believed until the log knows better. It can
do no harm: who comes with it decides nothing, for only members have a vote.
"""

from collections.abc import Callable, Mapping
from typing import Final

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.runtime.members import Member, Members
from raftwerk.transport.address import Address
from raftwerk.transport.protocol import Identity, Transport
from raftwerk.types import NodeId

__all__ = ["AddressBook", "peer_address"]

_STRANGERS_MAX: Final = 32
"""How many strangers are remembered; the oldest is forgotten for the next."""


def peer_address(member: Member) -> str | None:
    """Return where a member is reached.

    Parameters
    ----------
    member : Member
        Any.

    Returns
    -------
    str or None
        ``host:port`` of the first peer URL that can be read.
    """
    for url in member.peer_urls:
        try:
            return Url.parse("peer URL", url).host_port
        except ConfigError:
            continue  # It came through the log: to stop for it would stop everybody.
    return None


class AddressBook:
    """Keeps a transport's peers as they should be.

    Parameters
    ----------
    node_id : NodeId
        Who we are.
    transport : Transport
        Told of all peers.
    members : callable
        Returns who the members are.
    """

    def __init__(
        self, node_id: NodeId, transport: Transport, members: Callable[[], Members]
    ) -> None:
        self._node_id = node_id
        self._transport = transport
        self._members = members
        self._strangers: dict[NodeId, str] = {}
        self._sighted: dict[NodeId, str] = {}
        self._directories: dict[NodeId, int] = {}

    def meet(self, peer: Identity) -> bool:
        """Remember who came by, and from which data directory.

        His address is remembered if nothing better is known of him. The directory may
        turn out to be another than the group knows, when we hear of that: he was let
        in for we did not know better, and is parted with then (see `tell`).

        Parameters
        ----------
        peer : Identity
            As he says.

        Returns
        -------
        bool
            Whether `tell` has something new to tell.
        """
        was_impostor = self._is_impostor(peer.node_id)
        self._directories[peer.node_id] = peer.directory_id
        if was_impostor:
            return True  # It is he himself this time: he would not be admitted else.
        if (
            peer.node_id in self._members().by_id
            or not peer.address
            or self._strangers.get(peer.node_id) == peer.address
        ):
            return False
        try:
            Address.parse(peer.address)
        except ConfigError:
            return False
        self._strangers.pop(peer.node_id, None)
        if len(self._strangers) >= _STRANGERS_MAX:
            del self._strangers[next(iter(self._strangers))]
        self._strangers[peer.node_id] = peer.address
        return True

    def sight(self, addresses: Mapping[NodeId, str]) -> bool:
        """Remember where members were found that can't be reached where the log says.

        Parameters
        ----------
        addresses : mapping of NodeId to str
            Each ``host:port``; who was found before and is not among them stays there.

        Returns
        -------
        bool
            Whether `tell` has something new to tell.
        """
        before = dict(self._sighted)
        self._sighted.update(addresses)
        return before != self._sighted

    def _is_impostor(self, node_id: NodeId) -> bool:
        """Tell whether who came last under an id has another directory than it has."""
        known = self._members().by_id.get(node_id)
        came_from = self._directories.get(node_id, 0)
        return (
            known is not None
            and 0 not in (known.directory_id, came_from)
            and known.directory_id != came_from
        )

    def tell(self) -> None:
        """Tell the transport who the peers are now."""
        members = self._members()
        for node_id in list(self._strangers):
            if node_id in members.by_id or node_id in members.removed:
                del self._strangers[node_id]
        for node_id in list(self._directories):
            if node_id not in members.by_id and node_id not in self._strangers:
                del self._directories[node_id]
        addresses = dict(self._strangers)
        for node_id, member in members.by_id.items():
            address = peer_address(member)
            if self._is_impostor(node_id):
                continue  # What connections there are end; the next is refused.
            if node_id != self._node_id and address is not None:
                if self._sighted.get(node_id) == address:
                    del self._sighted[node_id]  # the log knows by now
                addresses[node_id] = self._sighted.get(node_id, address)
        self._transport.set_peers(addresses)
