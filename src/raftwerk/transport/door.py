"""Who has come in: the incoming connections of one transport, counted and bounded."""

from collections.abc import Callable, Collection

from raftwerk.transport.inbound import Inbound
from raftwerk.types import NodeId

__all__ = ["Doorkeeper"]


class Doorkeeper:
    """Keeps the incoming connections: of each peer only the newest; a `Door`.

    Parameters
    ----------
    handshakes_max : int
        How many may be in their handshake at a time.
    on_welcomed : callable
        Called with each peer that has come in.
    """

    def __init__(
        self, handshakes_max: int, on_welcomed: Callable[[NodeId], None]
    ) -> None:
        """Nobody is here."""
        self._handshakes_max = handshakes_max
        self._on_welcomed = on_welcomed
        self._sessions: dict[Inbound, None] = {}
        self._received_bytes: dict[NodeId, int] = {}

    def came(self, session: Inbound) -> bool:
        """Do as `Door.came` says."""
        in_handshake = sum(other.node_id is None for other in self._sessions)
        self._sessions[session] = None
        return in_handshake < self._handshakes_max

    def welcomed(self, session: Inbound, node_id: NodeId) -> None:
        """Do as `Door.welcomed` says."""
        # A peer has one connection to us. If it made another one it has lost the first,
        # though we may not know it yet; and no message of the old one may come late.
        for other in list(self._sessions):
            if other.node_id == node_id and other is not session:
                other.close()
        self._on_welcomed(node_id)

    def left(self, session: Inbound) -> None:
        """Do as `Door.left` says."""
        if session in self._sessions:
            del self._sessions[session]
            if session.node_id is not None:
                total = self.received_bytes(session.node_id) + session.received_bytes
                self._received_bytes[session.node_id] = total

    def received_bytes(self, node_id: NodeId) -> int:
        """Return how much came from a peer, on all its connections.

        Parameters
        ----------
        node_id : NodeId
            The peer.

        Returns
        -------
        int
            In bytes, handshakes and frame headers included.
        """
        return self._received_bytes.get(node_id, 0) + sum(
            session.received_bytes
            for session in self._sessions
            if session.node_id == node_id
        )

    def keep_only(self, peers: Collection[NodeId]) -> None:
        """Close the connections of all who have been let in and are not among these.

        Parameters
        ----------
        peers : collection of NodeId
            Who may stay.
        """
        for session in list(self._sessions):
            if session.node_id is not None and session.node_id not in peers:
                session.close()
        for node_id in list(self._received_bytes):
            if node_id not in peers:
                del self._received_bytes[node_id]

    def close_all(self) -> None:
        """Close all connections."""
        for session in list(self._sessions):
            session.close()
