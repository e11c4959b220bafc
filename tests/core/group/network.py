"""Messages on their way: lost, late, twice, out of order, cut off in one direction."""

from typing import TYPE_CHECKING

from raftwerk.core.inputs import ReportSnapshot
from raftwerk.core.messages import InstallSnapshot, PeerMessage
from raftwerk.types import NodeId

from .shape import TICK

if TYPE_CHECKING:
    from .world import World

__all__ = ["Network"]

_LATE_MAX = 20 * TICK
"""How late the latest message is."""


class Network:
    """What lies between the members.

    Parameters
    ----------
    world : World
        Where it is.

    Attributes
    ----------
    cut : set of pair of NodeId
        From whom to whom nothing gets through.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.cut: set[tuple[NodeId, NodeId]] = set()
        self.is_whole = False

    def send(self, message: PeerMessage, incarnation: int) -> None:
        """Send a message; it arrives once, twice or never."""
        world = self._world
        shape = world.shape
        if (message.sender, message.receiver) in self.cut or (
            not self.is_whole and world.chance(shape.loss)
        ):
            self._lose(message, incarnation)
            return
        if self.is_whole:
            world.at(
                1 + world.draw.below(min(shape.delay_max, 200)),
                self._arrive,
                message,
                incarnation,
            )
            return
        for _ in range(2 if world.chance(shape.duplication) else 1):
            delay = 1 + world.draw.below(shape.delay_max)
            if world.chance(shape.late):
                delay += world.draw.below(_LATE_MAX)
            world.at(delay, self._arrive, message, incarnation)

    def _arrive(self, message: PeerMessage, incarnation: int) -> None:
        """Hand a message to its receiver, if that lives."""
        world = self._world
        receiver = world.members[message.receiver]
        if not receiver.is_up:
            self._lose(message, incarnation)
            return
        if world.story is not None:
            world.story.arrival(message)
        if isinstance(message, InstallSnapshot):
            self._report(message, incarnation, succeeded=True)
        receiver.step(message)

    def _lose(self, message: PeerMessage, incarnation: int) -> None:
        """Lose a message; only of snapshots a driver is told."""
        if isinstance(message, InstallSnapshot):
            self._report(message, incarnation, succeeded=False)

    # ---- reports ------------------------------------------------------------

    def _report(
        self, message: InstallSnapshot, incarnation: int, *, succeeded: bool
    ) -> None:
        """Tell the sender what became of a snapshot: soon, late, or never."""
        world = self._world
        if not self.is_whole and world.draw.below(3) == 0:
            return
        world.at(
            1 + world.draw.below(3 * TICK),
            self._tell,
            message.sender,
            incarnation,
            ReportSnapshot(message.receiver, succeeded),
        )

    def _tell(self, node_id: NodeId, incarnation: int, report: ReportSnapshot) -> None:
        """Report to the driver that sent the snapshot, not to a later one."""
        member = self._world.members[node_id]
        if member.is_up and member.incarnation == incarnation:
            member.step(report)

    def make_whole(self) -> None:
        """Lose nothing from now on."""
        self.cut.clear()
        self.is_whole = True
