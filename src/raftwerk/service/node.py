"""What a service wants of a node; `raftwerk.runtime.Node` has it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from raftwerk.runtime.status import NodeStatus
from raftwerk.types import LogIndex, Term

__all__ = ["CallNode", "NodeLike"]


class NodeLike(Protocol):
    """A member of a group whose state machine is the service's store."""

    async def propose(self, command: bytes) -> object:
        """Have a command applied by all members, and return its result.

        It takes no longer than a request may.

        Parameters
        ----------
        command : bytes
            Made by `raftwerk.kv.encode`.

        Returns
        -------
        object
            What the store made of it here; a refusal is raised.

        Raises
        ------
        KvError
            If the store refused it.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be applied.
        """

    async def read_barrier(self) -> LogIndex:
        """Return once a read of the store is linearizable.

        It takes no longer than a request may.

        Returns
        -------
        LogIndex
            What the store has applied at least.

        Raises
        ------
        NotProposed
            If no leader confirmed it in time, or too many reads wait.
        """

    def require_sound(self) -> None:
        """Refuse to have the store read where nobody may be told what it says.

        Raises
        ------
        Quarantined
            If its state differs from that of a majority.
        NotLeader
            If the member does not run.
        """

    def term(self) -> Term:
        """Return the member's term: all of its status that changes and each answer has.

        Returns
        -------
        Term
            At this moment.

        Raises
        ------
        NotLeader
            If it does not run.
        """

    def status(self) -> NodeStatus:
        """Return the member's own view at this moment.

        Returns
        -------
        NodeStatus
            A copy.

        Raises
        ------
        NotLeader
            If it does not run.
        """


class CallNode(Protocol):
    """A member that asks its leader, and answers as the leader (decision 71)."""

    def serve_calls(
        self, topic: str, answer: Callable[[bytes], Awaitable[bytes]]
    ) -> None:
        """Do as `Node.serve_calls` says."""

    async def ask_leader(
        self, topic: str, content: bytes, timeout_seconds: float | None = None
    ) -> bytes:
        """Do as `Node.ask_leader` says."""
