"""What the nodes of a script live in: a bag of messages, and one output for all."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Final

from raftwerk.core.records import Snapshot
from raftwerk.errors import NotProposed, PeerError, UnknownPeer
from raftwerk.types import NodeId

from .member import Member
from .options import bootstrap_snapshot, configuration
from .output import Output
from .script import Argument, ScriptError
from .wire import Wire

__all__ = ["Environment"]

ROUNDS_MAX: Final = 1000
"""Far more rounds than any script needs, so that a broken core ends a run too."""


class Environment:
    """Nodes with the ids 1, 2, 3, ... and what is on its way between them.

    Parameters
    ----------
    draw : callable
        Where all election timeouts come from; no output depends on it.
    """

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw
        self._messages: list[Wire] = []
        self.output = Output()
        self.members: list[Member] = []

    # ---- nodes --------------------------------------------------------------

    def add(self, count: int, options: dict[str, Argument]) -> None:
        """Make nodes with the next free ids."""
        snapshot: Snapshot = bootstrap_snapshot(options)
        for _ in range(count):
            node_id = NodeId(len(self.members) + 1)
            config = configuration(node_id, options, snapshot.index)
            self.members.append(Member(config, snapshot, self._draw, self.output))

    def member(self, number: int) -> Member:
        """Return a node by its id."""
        if not 1 <= number <= len(self.members):
            raise ScriptError(f"there is no node {number}")
        return self.members[number - 1]

    def section(self, member: Member, does: str) -> AbstractContextManager[None]:
        """Begin a section about one node."""
        self.output.write(f"> {member.id} {does}\n")
        return self.output.indented()

    # ---- messages -----------------------------------------------------------

    def send(self, message: Wire) -> None:
        """Put a message into the bag."""
        self._messages.append(message)

    def deliver(self, receiver: NodeId, wire_type: str | None, drop: bool) -> int:
        """Deliver or drop the messages to one node; return how many there were."""
        taken = self._take(receiver, wire_type, drop)
        for message in taken:
            if drop:
                self.output.write(f"dropped: {message.describe()}\n")
                continue
            self.output.write(f"{message.describe()}\n")
            if message.input is None:
                raise ScriptError(f"{message.type} is no message for a node")
            try:
                self.member(receiver).step(message.input)
            except NotProposed:
                self.output.write("raft proposal dropped\n")
            except UnknownPeer:
                self.output.write("raft: cannot step as peer not found\n")
            except PeerError:
                pass  # refused at the door, which etcd does in silence, or too late
        return len(taken)

    def _take(self, receiver: NodeId, wire_type: str | None, drop: bool) -> list[Wire]:
        """Take messages to one node out of the bag, all at once and in order."""

        def is_meant(message: Wire) -> bool:
            return (
                message.receiver == receiver
                and not (drop and message.is_local)
                and wire_type in (None, message.type)
            )

        taken = [message for message in self._messages if is_meant(message)]
        self._messages = [one for one in self._messages if not is_meant(one)]
        return taken

    # ---- until quiet --------------------------------------------------------

    def stabilize(self, members: Collection[Member]) -> None:
        """Let nodes work until none has anything to do."""
        for _ in range(ROUNDS_MAX):
            if not self._round(members):
                return
        raise ScriptError(
            f"no rest after {ROUNDS_MAX} rounds: somebody goes in circles"
        )

    def _round(self, members: Collection[Member]) -> bool:
        """Let each node do each kind of work once; return whether there was any."""
        worked = False
        for member in members:
            if member.replica.has_ready():
                worked = True
                with self.section(member, "handling Ready"):
                    member.process_ready(self.send)
        for member in members:
            if any(message.receiver == member.id for message in self._messages):
                worked = True
                with self.section(member, "receiving messages"):
                    self.deliver(member.id, None, drop=False)
        for member in members:
            if member.append_work:
                worked = True
                self.output.write(f"> {member.id} processing append thread\n")
                while member.append_work:
                    with self.output.indented():
                        member.process_append_thread(self.send)
        for member in members:
            if member.apply_work:
                worked = True
                self.output.write(f"> {member.id} processing apply thread\n")
                while member.apply_work:
                    with self.output.indented():
                        member.process_apply_thread(self.send)
        return worked
