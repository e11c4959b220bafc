"""What a replica says of itself when another one asks: durable facts, and no others."""

import msgspec

from raftwerk.discovery.bootstrap.proposal import Proposal, Void
from raftwerk.discovery.protocol import Roster
from raftwerk.errors import PeerError
from raftwerk.types import NodeId

__all__ = ["View", "decode_view", "encode_view"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a replica, in a cluster or not.

    Parameters
    ----------
    node_id : NodeId
        Who answers.
    name : str
        For people.
    app_name : str
        The name it was told; empty if it looks for nobody.
    replicas : int
        The number it was told; 0 if it looks for nobody.
    peer_urls : tuple of str
        Where it is reached, if it was told; else where it answers.
    promise : Proposal, optional
        What it has promised itself to.
    voids : tuple of Void
        What it refuses for ever.
    cluster_id : int
        In which cluster it has started; 0: in none.
    former : NodeId
        The id that it had drawn before it joined that cluster under another; 0: none.
        What it refuses, it refused as that one.
    roster : Roster, optional
        Who belongs to that cluster, as far as it knows.
    """

    node_id: NodeId
    name: str = ""
    app_name: str = ""
    replicas: int = 0
    peer_urls: tuple[str, ...] = ()
    promise: Proposal | None = None
    voids: tuple[Void, ...] = ()
    cluster_id: int = 0
    former: NodeId = NodeId(0)
    roster: Roster | None = None

    def refuses(self, proposal: Proposal) -> bool:
        """Tell whether who answers has voided a proposal.

        Parameters
        ----------
        proposal : Proposal
            Any.

        Returns
        -------
        bool
            Whether it never starts it.
        """
        return any(void.covers(proposal) for void in self.voids)


def encode_view(view: View) -> bytes:
    """Return the bytes of an answer.

    Parameters
    ----------
    view : View
        Any.

    Returns
    -------
    bytes
        What `decode_view` reads.
    """
    return msgspec.msgpack.encode(view)


def decode_view(data: bytes) -> View:
    """Return the answer that another replica has sent.

    Parameters
    ----------
    data : bytes
        Made by `encode_view`, or by a stranger.

    Returns
    -------
    View
        The answer; its promise is sound.

    Raises
    ------
    PeerError
        If it is none.
    """
    try:
        view = msgspec.msgpack.decode(data, type=View)
    except msgspec.DecodeError as error:
        raise PeerError(f"this is no answer about a first start: {error}") from None
    if view.node_id < 1 or (view.promise is not None and not view.promise.is_sound):
        raise PeerError("this is no answer about a first start: it contradicts itself")
    return view
