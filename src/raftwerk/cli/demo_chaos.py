"""Chaos: everything that can be done to a demo, at random, decided by one integer.

The seed decides what is tried and when. What comes of it, the machine has a say in, so
two runs of one seed are alike and not equal; for runs that are, there is the simulator.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Timers

__all__ = ["Breakable", "Chaos"]

PAUSE_MILLIS: Final = (800, 2600)
"""From one act to the next, at least and at most."""


class Breakable(Protocol):
    """What chaos needs of a demo's cluster; any act may raise `DemoRefusal`."""

    @property
    def names(self) -> Sequence[str]:
        """The names of all nodes."""

    @property
    def has_cuts(self) -> bool:
        """Whether any line is cut."""

    def kill(self, name: str) -> None:
        """Kill a node; it comes back by itself.

        Parameters
        ----------
        name : str
            The node's.
        """

    def pause(self, name: str) -> None:
        """Pause a node.

        Parameters
        ----------
        name : str
            The node's.
        """

    def resume(self, name: str) -> None:
        """Let a paused node go on.

        Parameters
        ----------
        name : str
            The node's.
        """

    def cut_off(self, name: str) -> None:
        """Cut a node off from all others.

        Parameters
        ----------
        name : str
            The node's.
        """

    def cut_way(self, sender: str, receiver: str) -> None:
        """Cut one direction.

        Parameters
        ----------
        sender, receiver : str
            Their names.
        """

    def heal(self) -> None:
        """Make all lines whole."""

    async def transfer(self, name: str) -> None:
        """Let a node lead.

        Parameters
        ----------
        name : str
            The node's.
        """


class Chaos:
    """One run of chaos.

    Parameters
    ----------
    cluster : Breakable
        What is broken.
    seed : int
        Decides.
    timers : Timers
        Waits between two acts.
    """

    def __init__(self, cluster: Breakable, seed: int, *, timers: Timers) -> None:
        self._cluster = cluster
        self._draw = SplitMix64(seed)
        self._timers = timers
        self._paused: list[str] = []

    async def run(self) -> None:
        """Break and mend until cancelled; then mend."""
        try:
            while True:
                least, most = PAUSE_MILLIS
                millis = least + self._draw.below(most - least)
                await self._timers.sleep(millis / 1000)
                try:
                    await self._act()
                except DemoRefusal:
                    continue  # it was not possible just now: something else is next
        finally:
            self._mend()

    async def _act(self) -> None:
        """Do one thing; breaking and mending take turns, more or less."""
        acts: tuple[Callable[[], object], ...] = (
            self._kill,
            self._pause,
            self._cut_off,
            self._cut_way,
            self._mend,
            self._mend,
        )
        number = self._draw.below(len(acts) + 1)
        if number == len(acts):
            await self._cluster.transfer(self._one())
        else:
            acts[number]()

    def _one(self) -> str:
        """Return some node."""
        names = self._cluster.names
        return names[self._draw.below(len(names))]

    def _kill(self) -> None:
        """Kill one; it comes back by itself."""
        self._cluster.kill(self._one())

    def _pause(self) -> None:
        """Pause one."""
        name = self._one()
        self._cluster.pause(name)
        self._paused.append(name)

    def _cut_off(self) -> None:
        """Cut one off."""
        self._cluster.cut_off(self._one())

    def _cut_way(self) -> None:
        """Cut one direction."""
        self._cluster.cut_way(self._one(), self._one())

    def _mend(self) -> None:
        """Undo what does not end by itself."""
        paused, self._paused = self._paused, []
        for name in paused:
            if name in self._cluster.names:
                self._cluster.resume(name)
        if self._cluster.has_cuts:
            self._cluster.heal()
