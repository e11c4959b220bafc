"""How messages travel between members: they may be lost, and sending never waits.

`memory` and `tcp` pass the same contract tests.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from raftwerk.core.messages import Message
from raftwerk.host.histogram import Histogram
from raftwerk.types import NodeId

__all__ = [
    "Admission",
    "Answerer",
    "Identity",
    "Objection",
    "PeerView",
    "Receiver",
    "Report",
    "Transport",
]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks, told in the handshake of every connection."""

    cluster_id: int
    node_id: NodeId
    directory_id: int = 0
    """Drawn when the data directory was made; 0: not told."""
    epoch: int = 0
    """How often the cluster has lost its quorum and gone on with what was left."""
    address: str = ""
    """Where it can be reached as ``host:port``, for whoever has not heard of it yet."""


class Receiver(Protocol):
    """Where a transport puts what it has.

    All calls are made on the loop's thread and none from within a call to the
    transport, so a receiver may send from each of them.
    """

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Take what arrived in one turn.

        Parameters
        ----------
        messages : sequence of Message
            At least one, in the order of each sender.
        """

    def on_unreachable(self, peer: NodeId) -> None:
        """Know that messages to this peer were lost.

        Once a lost connection or a first attempt that failed, and once in each turn
        in which the queue to the peer was full.

        Parameters
        ----------
        peer : NodeId
            To whom they were sent.
        """

    def on_snapshot(self, peer: NodeId, arrived: bool) -> None:
        """Know what became of an `InstallSnapshot`: one call for each that was sent.

        The core stops sending to a peer that it sent a snapshot until it is told
        (`ReportSnapshot`), so this call is never left out while the transport runs.

        Parameters
        ----------
        peer : NodeId
            To whom it was sent.
        arrived : bool
            False if it was lost, or may have been.
        """

    def on_removed(self, words: str) -> None:
        """Know that a peer says that the group has removed us; that is for good.

        Parameters
        ----------
        words : str
            For our operator.
        """


class Objection(msgspec.Struct, frozen=True):
    """Why a member is refused."""

    words: str
    """For its operator: what has happened, and what helps."""
    is_removed: bool = False
    """Whether it was a member once: no peer will ever take it back."""


Admission = Callable[[Identity], Objection | None]
"""Says why a member is refused; None admits it.

Asked in each handshake, by both sides, once versions, cluster and node ids fit.
"""

Answerer = Callable[[bytes], bytes]
"""Answers a newcomer that has no id to introduce itself with.

It raises `PeerError` with words for the newcomer's operator if it does not.
"""


class Report(Protocol):
    """Where a transport tells people what happened: the `log` of a structlog logger."""

    def __call__(self, level: int, event: str, /, **fields: object) -> object:
        """Write one line.

        Parameters
        ----------
        level : int
            One of those of `logging`.
        event : str
            What happened, the same words each time.
        **fields : object
            Whom and why.

        Returns
        -------
        object
            Nothing that anybody looks at.
        """


class PeerView(msgspec.Struct, frozen=True, kw_only=True):
    """What a transport knows of one peer at one moment."""

    is_connected: bool
    """Whether what we send now has a way to it."""
    since: float
    """When that last changed, in seconds of the host's clock."""
    round_trip_seconds: float | None
    """How long it took to answer last; None before the first answer."""
    round_trips: Histogram | None = None
    """How long all its answers took, in seconds; None where nothing is asked."""
    sent_bytes: int
    """All that was given to connections to it."""
    received_bytes: int
    """All that came on connections from it."""
    waiting_messages: int
    waiting_bytes: int
    dropped_messages: int
    """All that was lost before it was sent: no connection, or no room."""
    trouble: str
    """Why there is no connection, in words; "" if there is one."""


class Transport(Protocol):
    """One member's way to the others."""

    async def start(self, receiver: Receiver) -> None:
        """Listen, and deliver to `receiver` from now on.

        Parameters
        ----------
        receiver : Receiver
            To whom.

        Raises
        ------
        ConfigError
            If the address is taken or can't be bound; the message names it.
        """

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        """Know these peers by ``host:port`` from now on, and no others.

        Parameters
        ----------
        addresses : mapping of NodeId to str
            All peers; ourselves is passed over.

        Raises
        ------
        ConfigError
            If one is no address; then nothing has changed.
        """

    def send(self, messages: Sequence[Message]) -> None:
        """Send each to its receiver: in order, once or not at all; never waits.

        The order holds among `AppendEntries` and `ForwardProposal`, among
        `InstallSnapshot` and `SnapshotChunk`, and among all others: votes, heartbeats
        and answers overtake entries, and these overtake state. What is for an unknown
        peer, or does not fit the peer's queue, is dropped and reported as unreachable.

        Parameters
        ----------
        messages : sequence of Message
            To any receivers, in any mixture.
        """

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Return what is known of each peer now.

        Returns
        -------
        mapping of NodeId to PeerView
            Those of `set_peers`.
        """

    async def stop(self) -> None:
        """Close all connections; nothing is delivered after that."""
