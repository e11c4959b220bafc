"""A client's call of a member: it travels, may be lost, and ends in one of two worlds.

Either the member answered, or it said that nothing happened, or nobody knows. What
comes back is what the service returned or raised in the member's own process.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from raftwerk.errors import (
    InvariantViolation,
    NotProposed,
    OutcomeUnknown,
    RaftwerkError,
)
from raftwerk.host.draw import SplitMix64
from raftwerk.sim.machine import Machine, Services
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.world import World
from raftwerk.transport.conditions import happens

__all__ = ["Caller", "Lost", "Unreached"]

Result = TypeVar("Result")


class Unreached(Exception):
    """Nothing happened, and nothing will."""


class Lost(Exception):
    """Nobody knows what happened."""


class Caller:
    """Calls members on behalf of one client.

    Parameters
    ----------
    world : World
        Where.
    draw : SplitMix64
        Decides how long calls travel, and whether they are lost.
    """

    def __init__(self, world: World, draw: SplitMix64) -> None:
        self._world = world
        self._draw = draw

    async def call(
        self,
        machine: Machine,
        ask: Callable[[Services], Coroutine[Any, Any, Result]],
        seconds: float,
    ) -> Result:
        """Ask a member for something.

        Parameters
        ----------
        machine : Machine
            On which it runs.
        ask : callable
            What is asked, of its services; awaited in the member's process.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        Unreached
            If nothing happened.
        Lost
            If nobody knows.
        RaftwerkError
            What else the member refused with.
        """
        return await _Call(self._world, self._draw, machine, ask).made(seconds)


class _Call(Generic[Result]):
    """One call: the way there, and the way back."""

    def __init__(
        self,
        world: World,
        draw: SplitMix64,
        machine: Machine,
        ask: Callable[[Services], Coroutine[Any, Any, Result]],
    ) -> None:
        self._world = world
        self._draw = draw
        self._machine = machine
        self._ask = ask
        self._conditions = world.ways.conditions
        self._number = world.next_number()
        self._is_answer_lost = happens(self._conditions.drop_rate / 2, draw)
        self._future: asyncio.Future[Result] = world.loop.create_future()
        self._task: asyncio.Task[Any] | None = None

    async def made(self, seconds: float) -> Result:
        """Make it, and wait for so long."""
        world, draw, conditions = self._world, self._draw, self._conditions
        if not happens(conditions.drop_rate / 2, draw):
            latency = conditions.latency_seconds(draw)
            world.timers.call_later(latency, self._arrive)
        late = Lost("no answer in time")
        patience = world.timers.call_later(seconds, self._settle, late)
        try:
            return await self._future
        finally:
            patience.cancel()
            self._machine.calls.pop(self._number, None)
            task = self._task
            if task is not None and not task.done() and self._machine.is_up:
                task.cancel()

    def _arrive(self) -> None:
        """Reach the member, or nobody."""
        machine = self._machine
        if self._future.done():
            return
        if not machine.is_ready:
            self._answer(Unreached("connection refused"))
            return
        self._task = task = machine.run(self._ask(machine.services))
        machine.calls[self._number] = lambda: self._answer(Lost("connection reset"))
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """Take what the service returned."""
        self._machine.calls.pop(self._number, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._answer(None, task.result())
        else:
            self._answer(self._told(error))

    def _answer(self, error: BaseException | None, result: Any = None) -> None:
        """Send an answer."""
        latency = self._conditions.latency_seconds(self._draw)
        self._world.timers.call_later(latency, self._settle, error, result)

    def _settle(self, error: BaseException | None, result: Any = None) -> None:
        """Have it known how it ended."""
        if self._future.done():
            return
        if self._is_answer_lost and not isinstance(error, Lost):
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)

    def _told(self, error: BaseException) -> BaseException:
        """Return what a client is told of an error."""
        if isinstance(error, NotProposed):
            return Unreached(str(error))
        if isinstance(error, OutcomeUnknown):
            return Lost(str(error))
        if isinstance(error, InvariantViolation):
            self._world.violated(Violation(Property.INVARIANT, str(error)))
            return Lost(str(error))
        if not isinstance(error, RaftwerkError):
            self._world.broke(error)
            return Lost(str(error))
        return error
