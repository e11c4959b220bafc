"""Somebody who asks a simulated group for things.

Each draws from a seed of its own, calls one member after the other, and takes nothing
for done that nobody has said. What they remember is judged at the end (`judge`).
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from raftwerk.host.draw import SplitMix64
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.kv_machine import KvServices, kv_services
from raftwerk.sim.machine import Machine
from raftwerk.sim.records import Records
from raftwerk.sim.world import World

__all__ = ["KEYS", "Client"]

KEYS: Final = 5
"""How many single keys there are."""

STUBBORN_OF: Final = 3
"""About one client in so many stays with the member that comes and goes, while one
does."""

CALL_SECONDS: Final = 2.0
"""How long a client waits for an answer."""

Result = TypeVar("Result")


class Client:
    """Somebody who asks members for things.

    Parameters
    ----------
    world : World
        Where.
    records : Records
        What is remembered.
    number : int
        Who.
    """

    def __init__(self, world: World, records: Records, number: int) -> None:
        self.world = world
        self.records = records
        self.number = number
        self.draw: SplitMix64 = world.draw.fork(f"client {number}")
        self.is_over = False
        self.only: Machine | None = None
        """Whom it asks, if that is always the same."""
        self._caller = Caller(world, self.draw.fork("calls"))
        self._member = number
        self._values = 0
        self._is_stubborn = self.draw.fork("stubborn").below(STUBBORN_OF) == 0

    def member(self) -> Machine:
        """Return whom to ask: mostly the same as before.

        Returns
        -------
        Machine
            Perhaps down.
        """
        if self.only is not None:
            return self.only
        if self._is_stubborn and self.world.relapsing is not None:
            return self.world.relapsing
        machines = [each for each in self.world.machines.values() if not each.is_gone]
        return machines[self._member % len(machines)]

    def move(self) -> None:
        """Ask another one from now on, but for the one that comes and goes."""
        if not (self._is_stubborn and self.world.relapsing is not None):
            self._member += 1 + self.draw.below(4)

    async def ask(
        self,
        request: Callable[[KvServices], Coroutine[Any, Any, Result]],
        seconds: float = CALL_SECONDS,
    ) -> Result:
        """Ask once; whoever could not do it is not asked next time.

        Parameters
        ----------
        request : callable
            What, of a member's services.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        Unreached, Lost, RaftwerkError
            As `Caller.call`.
        """
        try:
            return await self._caller.call(
                self.member(), lambda services: request(kv_services(services)), seconds
            )
        except (Unreached, Lost):
            self.move()
            raise

    async def ask_of(
        self,
        machine: Machine,
        request: Callable[[KvServices], Coroutine[Any, Any, Result]],
        seconds: float = CALL_SECONDS,
    ) -> Result:
        """Ask a certain member once.

        Parameters
        ----------
        machine : Machine
            Whom.
        request : callable
            What, of its services.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        Unreached, Lost, RaftwerkError
            As `Caller.call`.
        """
        return await self._caller.call(
            machine, lambda services: request(kv_services(services)), seconds
        )

    async def rest(self, factor: float = 1.0) -> None:
        """Wait before the next thing, as long as the plan's pace says on average.

        Parameters
        ----------
        factor : float
            How much longer than that.
        """
        micros = round(2e6 * self.world.plan.pace_seconds * factor)
        await self.world.sleep((1 + self.draw.below(micros + 1)) / 1e6)

    def value(self) -> bytes:
        """Return a value that nobody else writes, not always a short one.

        Returns
        -------
        bytes
            Of 3 to some hundred bytes.
        """
        self._values += 1
        size = (0, 0, 0, 50, 400)[self.draw.below(5)]
        return b"%d:%d" % (self.number, self._values) + b"." * size

    def now(self) -> float:
        """Return the time that all share.

        Returns
        -------
        float
            In virtual seconds.
        """
        return self.world.now()
