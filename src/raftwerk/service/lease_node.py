"""What the service of leases wants of a node beside what all services want."""

from collections.abc import Callable, Sequence
from typing import Protocol

from raftwerk.core.events import Event
from raftwerk.service.node import CallNode, NodeLike
from raftwerk.types import Term

__all__ = ["LeaseNode"]


class LeaseNode(NodeLike, CallNode, Protocol):
    """A member that may lead; `raftwerk.runtime.Node` has all of it."""

    async def propose_as_leader(self, command: bytes, term: Term) -> object:
        """Do as `Node.propose_as_leader` says."""

    def observe(self, observer: Callable[[Sequence[Event]], None]) -> None:
        """Do as `Node.observe` says."""
