"""How messages travel between members: they may be lost, and sending never waits.

`memory` and `tcp` pass the same contract tests.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from raftwerk.core.messages import Message
from raftwerk.types import NodeId

__all__ = ["Identity", "Receiver", "Transport"]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks, told in the handshake of every connection."""

    cluster_id: int
    node_id: NodeId
    directory_id: int = 0
    """Drawn when the data directory was made; 0: not told."""


class Receiver(Protocol):
    """Where a transport puts what it has; all calls are made on the loop's thread."""

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Take what arrived in one turn, in the order of each sender."""

    def on_unreachable(self, peer: NodeId) -> None:
        """Know that messages to this peer were lost; at most once a lost connection."""


class Transport(Protocol):
    """One member's way to the others."""

    async def start(self, receiver: Receiver) -> None:
        """Listen, and deliver to `receiver` from now on.

        Raises `ConfigError` if the address is taken or can't be bound, naming it.
        """

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        """Know these peers by ``host:port`` from now on, and no others."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send each to its receiver: in order, or not at all; never waits.

        What is for an unknown peer, or does not fit the peer's queue, is dropped and
        reported as unreachable.
        """

    async def stop(self) -> None:
        """Close all connections; nothing is delivered after that."""
