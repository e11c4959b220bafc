"""Who is there: the group is told of us, and the transport of the group.

Both follow from the record of members, so both are looked at whenever that may have
changed, and whenever somebody was met or seen.
"""

import asyncio
from collections.abc import Callable, Mapping

from raftwerk.config import NodeConfig
from raftwerk.host.protocol import Timers
from raftwerk.runtime.address_book import AddressBook
from raftwerk.runtime.members import Members
from raftwerk.runtime.publisher import Publisher
from raftwerk.transport.protocol import Identity, Transport
from raftwerk.types import NodeId

__all__ = ["Presence"]


class Presence:
    """Keeps the transport's peers, and the group's record of us, as they should be.

    Parameters
    ----------
    config : NodeConfig
        Who we are.
    transport : Transport
        Told of all peers.
    timers : Timers
        For another try to be known.
    members : callable
        Returns who the members are.
    propose : callable
        Proposes a record of us.
    """

    def __init__(
        self,
        config: NodeConfig,
        transport: Transport,
        timers: Timers,
        members: Callable[[], Members],
        propose: Callable[[bytes], "asyncio.Future[object]"],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._addresses = AddressBook(config.node_id, transport, members)
        self._publisher = Publisher(config, timers, members, propose)
        self._is_stopped = False

    def look(self) -> None:
        """Tell the transport who the peers are now, and the peers who we are."""
        if not self._is_stopped:
            self._publisher.look()
            self._addresses.tell()

    def meet(self, peer: Identity) -> None:
        """Know of a peer that was admitted.

        Parameters
        ----------
        peer : Identity
            What it says of itself.
        """
        if self._addresses.meet(peer):
            # Not from within a handshake: whoever asked may not be done with it.
            self._loop.call_soon(self.look)

    def sight(self, addresses: Mapping[NodeId, str]) -> None:
        """Do as `Node.sight` says."""
        if not self._is_stopped and self._addresses.sight(addresses):
            self._addresses.tell()

    def move(self, peer_urls: tuple[str, ...]) -> None:
        """Do as `Node.move` says."""
        if not self._is_stopped:
            self._publisher.move(peer_urls)

    def stop(self) -> None:
        """Tell nobody anything more."""
        self._is_stopped = True
        self._publisher.stop()
