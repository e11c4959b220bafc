"""A client's call of a member: it travels, may be lost, and ends in one of two worlds.

Either the member answered, or it said that nothing happened, or nobody knows. What
comes back is what the service returned or raised in the member's own process.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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

    # pylint: disable-next=too-many-locals  # the steps of one way, there and back
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
        world, draw = self._world, self._draw
        conditions = world.conditions
        future: asyncio.Future[Result] = world.loop.create_future()
        asked: list[asyncio.Task[Any]] = []
        number = world.next_number()
        is_answer_lost = happens(conditions.drop_rate / 2, draw)

        def _settle(error: BaseException | None, result: Any = None) -> None:
            """Have it known how it ended."""
            if future.done() or (is_answer_lost and not isinstance(error, Lost)):
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def _back(error: BaseException | None, result: Any = None) -> None:
            """Send an answer."""
            latency = conditions.latency_seconds(draw)
            world.timers.call_later(latency, _settle, error, result)

        def _answered(task: "asyncio.Task[Any]") -> None:
            """Take what the service returned."""
            machine.calls.pop(number, None)
            if task.cancelled():
                return
            error = task.exception()
            if error is None:
                _back(None, task.result())
            else:
                _back(self._told(error))

        def _arrive() -> None:
            """Reach the member, or nobody."""
            if future.done():
                return
            if not machine.is_ready:
                _back(Unreached("connection refused"))
                return
            task = machine.run(ask(machine.services))
            asked.append(task)
            machine.calls[number] = lambda: _back(Lost("connection reset"))
            task.add_done_callback(_answered)

        if not happens(conditions.drop_rate / 2, draw):
            world.timers.call_later(conditions.latency_seconds(draw), _arrive)
        patience = world.timers.call_later(seconds, _settle, Lost("no answer in time"))
        try:
            return await future
        finally:
            patience.cancel()
            machine.calls.pop(number, None)
            for task in asked:
                if not task.done() and machine.is_up:
                    task.cancel()

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
