"""Checking a history without revisions: looking for an order that explains it.

Wing and Gong's search, with Lowe's memory of what was tried: take any operation that no
other one had ended before, let the model answer it, go on with the rest. The same set
of done operations with the same state is never tried twice. The number of steps is
bounded: beyond it the verdict is unknown, which is no pass.
Source: Wing and Gong 1993; Lowe 2017.
"""

from collections.abc import Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from raftwerk.sim.history import Operation, Verdict, VerdictKind

__all__ = ["Model", "search_order"]

State = TypeVar("State", bound=Hashable)


class Model(Protocol[State]):
    """What a right answer is."""

    def initial(self) -> State:
        """Return the state before any operation; states are values."""

    def step(self, state: State, operation: Operation) -> State | None:
        """Return the state after an operation, or None if its answer is wrong here.

        Parameters
        ----------
        state : State
            The state before.
        operation : Operation
            Without an answer: any would do.

        Returns
        -------
        State or None
            The state after.
        """


class _Search(Generic[State]):
    """One search."""

    def __init__(
        self, history: Sequence[Operation], model: Model[State], steps_max: int
    ) -> None:
        self._operations = sorted(history, key=lambda op: op.started)
        self._model = model
        self._steps_left = steps_max
        self._tried: set[tuple[int, State]] = set()
        self._must = sum(
            1 << place for place, op in enumerate(self._operations) if op.answer
        )

    def run(self) -> bool | None:
        """Return whether there is an order; None if the bound was hit."""
        stack = [(0, self._model.initial())]
        while stack:
            done, state = stack.pop()
            if done & self._must == self._must:
                return True
            if (done, state) in self._tried:
                continue
            self._tried.add((done, state))
            self._steps_left -= 1
            if self._steps_left < 0:
                return None
            stack.extend(self._next(done, state))
        return False

    def _next(self, done: int, state: State) -> list[tuple[int, State]]:
        """Return what may come next: one of those that nobody had to wait for."""
        first_end = min(
            (
                op.ended
                for place, op in enumerate(self._operations)
                if op.answer and not done >> place & 1
            ),
            default=float("inf"),
        )
        found = []
        for place, operation in enumerate(self._operations):
            if operation.started > first_end:
                break
            if done >> place & 1:
                continue
            after = self._model.step(state, operation)
            if after is not None:
                found.append((done | 1 << place, after))
        # The last is tried first: better the one that ends first than a pending one.
        found.sort(key=lambda item: self._end_of(item[0] & ~done), reverse=True)
        return found

    def _end_of(self, bit: int) -> float:
        """Return when an operation ended; one without an answer ends last."""
        operation = self._operations[bit.bit_length() - 1]
        return operation.ended if operation.answer else float("inf")


def search_order(
    history: Sequence[Operation], model: Model[State], steps_max: int = 200_000
) -> Verdict:
    """Look for an order in which each operation gets the answer that it got.

    Parameters
    ----------
    history : sequence of Operation
        In any order.
    model : Model
        What a right answer is.
    steps_max : int
        How many states may be looked at.

    Returns
    -------
    Verdict
        Unknown if the bound was hit.
    """
    result = _Search(history, model, steps_max).run()
    if result is None:
        return Verdict(
            VerdictKind.UNKNOWN,
            f"no order was found or ruled out within {steps_max} steps"
            f" ({len(history)} operations)",
        )
    if result:
        return Verdict(VerdictKind.LINEARIZABLE)
    return Verdict(
        VerdictKind.VIOLATION,
        "there is no order in which each operation gets the answer that it got",
        tuple(sorted(history, key=lambda op: op.started)),
    )
