"""What is between the machines of a world: ways that can be cut, slowed and healed.

Messages and byte streams take the same ways: a cut, or bad conditions, meet both.
"""

from typing import TYPE_CHECKING, Final

from raftwerk.sim.machine import Machine
from raftwerk.sim.streams import Streams
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.memory import MemoryNetwork
from raftwerk.types import NodeId

if TYPE_CHECKING:
    from raftwerk.sim.world import World

__all__ = ["CALM", "Ways"]

CALM: Final = Conditions(latency_min_seconds=0.000_3, latency_max_seconds=0.001_5)
"""A network within one room."""


class Ways:
    """All ways between the machines of a world.

    Parameters
    ----------
    world : World
        Whose; it has its timers and its draw already.

    Attributes
    ----------
    network : MemoryNetwork
        What messages travel on.
    streams : Streams
        What bytes travel on.
    conditions : Conditions
        What happens to all that travels, but where a member has its own.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.network = MemoryNetwork(
            world.timers, world.draw.fork("network"), conditions=CALM
        )
        self.conditions = CALM
        self.streams = Streams(
            world.timers,
            world.draw.fork("streams"),
            self._conditions_of,
            self._is_cut,
        )
        self._ids: dict[str, NodeId] = {}
        self._cuts: dict[tuple[NodeId, NodeId], int] = {}

    def cut(self, sender: NodeId, receiver: NodeId) -> None:
        """Cut a way once more; it is healed when each who cut it has healed it.

        Parameters
        ----------
        sender : NodeId
            From whom.
        receiver : NodeId
            To whom.
        """
        self._cuts[sender, receiver] = self._cuts.get((sender, receiver), 0) + 1
        self.network.cut(sender, receiver)

    def heal(self, sender: NodeId, receiver: NodeId) -> None:
        """Heal a way as often as it was cut.

        Parameters
        ----------
        sender : NodeId
            From whom.
        receiver : NodeId
            To whom.
        """
        left = self._cuts.get((sender, receiver), 1) - 1
        self._cuts[sender, receiver] = left
        if left <= 0:
            self._cuts.pop((sender, receiver), None)
            self.network.heal(sender, receiver)

    def set_conditions(self, conditions: Conditions) -> None:
        """Change what happens to all messages from now on.

        Parameters
        ----------
        conditions : Conditions
            What happens.
        """
        self.conditions = conditions
        self.network.set_conditions(conditions)
        self._world.tell(None, f"network: {conditions}")

    def set_conditions_of(self, machine: Machine, conditions: Conditions) -> None:
        """Change what happens to the messages of one member from now on.

        Parameters
        ----------
        machine : Machine
            Whose; to it and from it.
        conditions : Conditions
            What happens.
        """
        for other in self._world.machines.values():
            if other is not machine:
                one, two = machine.node_id, other.node_id
                self.network.set_conditions(conditions, one, two)
                self.network.set_conditions(conditions, two, one)
        self._world.tell(machine, f"its lines: {conditions}")

    def calm_down(self) -> None:
        """Heal all ways, for all members."""
        self._cuts.clear()
        self.network.heal_all()
        self.set_conditions(CALM)

    def _is_cut(self, sender: str, receiver: str) -> bool:
        """Tell whether a way between two machines is cut."""
        if not self._cuts:
            return False
        ids = self._ids_of(sender, receiver)
        return ids is not None and self.network.is_cut(ids[0], ids[1])

    def _conditions_of(self, sender: str, receiver: str) -> Conditions:
        """Return what happens on a way between two machines."""
        ids = self._ids_of(sender, receiver)
        if ids is None:
            return self.conditions
        return self.network.conditions_of(ids[0], ids[1])

    def _ids_of(self, sender: str, receiver: str) -> tuple[NodeId, NodeId] | None:
        """Return the ids of two members; None if one is no member's machine."""
        if len(self._ids) < len(self._world.machines):
            self._ids = {
                each.name: each.node_id for each in self._world.machines.values()
            }
        if sender in self._ids and receiver in self._ids:
            return self._ids[sender], self._ids[receiver]
        return None
