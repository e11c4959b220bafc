"""A member as its network sees it, and how two of them come to talk.

`network` owns the endpoints, `route` carries between two of them; here is what each
asks of the other.
"""

from collections.abc import Mapping
from typing import Protocol

from raftwerk.host.protocol import Clock, Draw, Timers
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.handshake import (
    VERSION_MAX,
    VERSION_MIN,
    Hello,
    Refusal,
    answer,
    check_welcome,
)
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.transport.protocol import Admission, Identity
from raftwerk.types import NodeId

__all__ = ["Endpoint", "Way", "World", "meet"]


class World(Protocol):
    """What a route asks of its network."""

    timers: Timers
    draw: Draw
    config: TransportConfig
    is_encoded: bool

    def is_cut(self, sender: NodeId, receiver: NodeId) -> bool:
        """Tell whether all from one to the other is lost.

        Parameters
        ----------
        sender : NodeId
            From whom.
        receiver : NodeId
            To whom.

        Returns
        -------
        bool
            True: it is.
        """

    def conditions_of(self, sender: NodeId, receiver: NodeId) -> Conditions:
        """Return what happens to messages from one to the other.

        Parameters
        ----------
        sender : NodeId
            From whom.
        receiver : NodeId
            To whom.

        Returns
        -------
        Conditions
            At this moment.
        """

    def endpoint_at(self, address: str) -> "Endpoint | None":
        """Return who listens somewhere.

        Parameters
        ----------
        address : str
            Where.

        Returns
        -------
        Endpoint or None
            None if nobody does.
        """


class Way(Protocol):
    """What a network does to a route."""

    def leads_to(self, target: "Endpoint") -> bool:
        """Tell whether there is a connection to this endpoint.

        Parameters
        ----------
        target : Endpoint
            A member, as it is running now.

        Returns
        -------
        bool
            Whether it is at the other end.
        """

    def notice_cut(self) -> None:
        """Lose the connection if nothing is heard on it for too long from now on."""

    def disconnect(self, reason: str) -> None:
        """Have no connection, and say so, once and a little later.

        Parameters
        ----------
        reason : str
            Why, in words.
        """


class Endpoint:
    """A member's plug: all that the network has to know of it.

    Parameters
    ----------
    identity : Identity
        Who it is.
    address : str
        Where it listens.
    clock : Clock
        Its own.
    inbox : Inbox
        Where messages for it go.
    news : News
        Where its lines for the log go.
    admit : Admission
        Whom it talks to.

    Attributes
    ----------
    ways : mapping of NodeId to Way
        To its peers.
    received_bytes : dict of NodeId to int
        How much came from whom.
    """

    def __init__(
        self,
        identity: Identity,
        address: str,
        *,
        clock: Clock,
        inbox: Inbox,
        news: News,
        admit: Admission,
    ) -> None:
        """Not plugged in yet."""
        self.identity = identity
        self.node_id = identity.node_id
        self.address = address
        self.clock = clock
        self.inbox = inbox
        self.news = news
        self.admit = admit
        self.ways: Mapping[NodeId, Way] = {}
        self.received_bytes: dict[NodeId, int] = {}


def meet(sender: Endpoint, receiver: NodeId, target: Endpoint) -> Refusal | None:
    """Let two members look at each other, as on a new connection.

    Parameters
    ----------
    sender : Endpoint
        Who dials.
    receiver : NodeId
        Whom it wants.
    target : Endpoint
        Who is there.

    Returns
    -------
    Refusal or None
        Why they can't talk; the target has logged it if it is its own reason.
    """
    hello = Hello(
        version_min=VERSION_MIN,
        version_max=VERSION_MAX,
        receiver=receiver,
        identity=sender.identity,
    )
    verdict = answer(hello, target.identity, target.admit)
    if isinstance(verdict, Refusal):
        who = f"node {sender.node_id:x} at {sender.address}"
        target.news.trouble(who, "connection refused", verdict.words)
        return verdict
    return check_welcome(verdict, sender.identity, receiver, sender.admit)
