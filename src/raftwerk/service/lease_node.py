"""What the service of leases wants of a node beside what all services want."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from raftwerk.core.events import Event
from raftwerk.service.node import NodeLike
from raftwerk.types import Term

__all__ = ["LeaseNode"]


class LeaseNode(NodeLike, Protocol):
    """A member that may lead; `raftwerk.runtime.Node` has all of it."""

    async def propose_as_leader(self, command: bytes, term: Term) -> object:
        """Do as `Node.propose_as_leader` says."""

    def observe(self, observer: Callable[[Sequence[Event]], None]) -> None:
        """Do as `Node.observe` says."""

    def serve_calls(
        self, topic: str, answer: Callable[[bytes], Awaitable[bytes]]
    ) -> None:
        """Do as `Node.serve_calls` says."""

    async def ask_leader(
        self, topic: str, content: bytes, timeout_seconds: float | None = None
    ) -> bytes:
        """Do as `Node.ask_leader` says."""
