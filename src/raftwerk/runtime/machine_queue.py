"""The calls to the state machine: one after the other, and none of them in the way.

A user's machine may take its time, so it is called in a thread of its own, unless it
declares itself quick. What goes around a call (who waits for its result, who the
members are) stays on the loop's thread. Both are written down in one place each, as a
generator: it yields what is to be called, and is sent what came of it. Such steps are
carried out whole, in the order in which they were given, so nothing ever comes between
two batches that belongs after them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

import msgspec

from raftwerk.errors import NotLeader
from raftwerk.host.garbage import LARGE_WORK
from raftwerk.host.protocol import Threads
from raftwerk.runtime.worker import Worker

__all__ = ["MachineCall", "MachineQueue", "MachineSteps", "is_quick"]

Result = TypeVar("Result")


def is_quick(machine: object) -> bool:
    """Tell whether a machine may be called on the loop's thread.

    Parameters
    ----------
    machine : object
        A state machine; only one that says so is quick.

    Returns
    -------
    bool
        True if its attribute `is_quick` is.
    """
    return bool(getattr(machine, "is_quick", False))


class MachineCall(msgspec.Struct, frozen=True):
    """One call of a state machine."""

    function: Callable[[], Any]
    is_long: bool = False
    """Whether it is made in the thread even if the machine is quick."""


MachineSteps = Generator[MachineCall | None, Any, Result]
"""Yields calls, and is sent their results; what is in between runs on the loop's
thread. It yields None to let others on the loop have their turn."""


class MachineQueue:
    """Carries out steps, one after the other.

    Parameters
    ----------
    threads : Threads
        The machine's own.
    quick : bool
        Whether calls are made on the loop's thread, at once if nothing is before them.
    on_error : callable
        Takes what a call in the thread raised, or a step after one; that is the end.
    """

    def __init__(
        self,
        threads: Threads,
        *,
        quick: bool,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._worker = Worker(threads, on_error)
        self._on_error = on_error
        self._is_quick = quick
        self._is_stopped = False
        self._waiting: deque[MachineSteps[Any]] = deque()
        self._running: MachineSteps[Any] | None = None
        self._asked: dict[asyncio.Future[Any], None] = {}

    def run(self, steps: MachineSteps[Any]) -> None:
        """Carry out steps after all that were given before; none after the end.

        Parameters
        ----------
        steps : MachineSteps
            What one of them raises on the way, before the first call in the thread, is
            raised here if nothing was before them.
        """
        if not self._is_stopped:
            self._waiting.append(steps)
            self._begin_next()

    def call(self, function: Callable[[], Result]) -> "asyncio.Future[Result]":
        """Call something after all that was given before; it is nobody else's error.

        Parameters
        ----------
        function : callable
            Reads the machine.

        Returns
        -------
        Future
            What it returned, or raised; `NotLeader` if the end comes before.
        """
        outcome: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def _tell() -> Callable[[], None]:
            """Call it; what it returned or raised is told on the loop's thread."""
            try:
                return partial(outcome.set_result, function())
            except Exception as error:  # pylint: disable=broad-exception-caught  # told
                return partial(outcome.set_exception, error)

        def steps() -> MachineSteps[None]:
            """Have it called, and tell whoever still wants to know."""
            told = yield MachineCall(_tell)
            if not outcome.done():
                told()

        if self._is_stopped:
            outcome.set_exception(_stopped())
            return outcome
        self._asked[outcome] = None
        outcome.add_done_callback(self._asked.pop)
        self.run(steps())
        return outcome

    def _begin_next(self) -> None:
        """Carry out what waits, up to the next call in the thread."""
        while self._waiting and self._running is None:
            self._running = self._waiting.popleft()
            self._go_on(None)

    def _go_on(self, result: object) -> None:
        """Go on with the running steps, up to the next call in the thread or pause."""
        steps = self._running
        assert steps is not None  # nosec B101: for the type checker
        try:
            call = steps.send(result)
            while call is not None and self._is_quick and not call.is_long:
                call = steps.send(call.function())
        except StopIteration:
            self._running = None
            return
        if call is None:
            LARGE_WORK.steps += 1
            asyncio.get_running_loop().call_soon(self._resume)
        else:
            self._worker.run(call.function, self._called)

    def _called(self, result: object) -> None:
        """Go on with the result of a call in the thread."""
        if not self._is_stopped:
            self._go_on(result)
            self._begin_next()

    def _resume(self) -> None:
        """Go on after a pause."""
        try:
            self._called(None)
        # pylint: disable-next=broad-exception-caught  # any ends it
        except Exception as error:
            self._on_error(error)  # Half of something is done: nobody may go on.

    # ---- the end ------------------------------------------------------------

    def stop(self) -> None:
        """Call nothing more; who asked for a call is told that."""
        self._is_stopped = True
        self._waiting.clear()
        for outcome in list(self._asked):
            if not outcome.done():
                outcome.set_exception(_stopped())

    async def close(self) -> None:
        """Wait for the call that is being made."""
        await self._worker.close()


def _stopped() -> NotLeader:
    """Return what it means for a read that nothing is called any more."""
    return NotLeader("the member stopped before its state machine was read")
