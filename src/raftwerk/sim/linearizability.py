"""Whether what clients saw can be the work of one store that does one thing at a time.

Where all answers carry revisions these are the witness (`witness`). Else an order is
searched for (`search`), key by key: operations that touch one key each are linearizable
together if they are for each key alone (Herlihy and Wing 1990, locality).
"""

from collections import defaultdict
from collections.abc import Iterable

from raftwerk.sim.history import Action, Operation, Verdict, VerdictKind
from raftwerk.sim.search import search_order
from raftwerk.sim.witness import check_witnessed

__all__ = ["KeyModel", "check_history"]


class KeyModel:
    """One key: its value, or None; compares of revisions can't be modelled."""

    def initial(self) -> tuple[bytes | None]:
        """Return the state in which there is no such key.

        Returns
        -------
        tuple of bytes or None
            The value.
        """
        return (None,)

    def step(
        self, state: tuple[bytes | None], operation: Operation
    ) -> tuple[bytes | None] | None:
        """Do as `Model.step` says."""
        answer = operation.answer
        if operation.action is Action.READ:
            return state if answer is None or answer.value == state[0] else None
        if operation.action is Action.PUT:
            return (operation.value,)
        if answer is not None and answer.succeeded != (state[0] is not None):
            return None
        return (None,)


def check_history(
    history: Iterable[Operation], first_revision: int = 1, steps_max: int = 200_000
) -> Verdict:
    """Check a history of reads, puts, deletes and compares, each on one key.

    Parameters
    ----------
    history : iterable of Operation
        In any order; the store was empty when it began, and nobody else wrote.
    first_revision : int
        The store's revision when it began.
    steps_max : int
        The bound of a search, for each key.

    Returns
    -------
    Verdict
        The first violation, else the first unknown, else linearizable.

    Raises
    ------
    ValueError
        If it has compares of revisions, but not all answers carry one.

    Examples
    --------
    A read that sees nothing, though a write was answered before it began:

    >>> from raftwerk.sim import Action, Answer, Operation
    >>> put = Operation(client=1, action=Action.PUT, key=b"k", value=b"v", started=0.0,
    ...     ended=1.0, answer=Answer(revision=2))
    >>> read = Operation(client=2, action=Action.READ, key=b"k", started=2.0,
    ...     ended=3.0, answer=Answer(revision=1))
    >>> check_history([put, read]).holds
    False
    """
    operations = list(history)
    if all(op.answer is None or op.answer.revision is not None for op in operations):
        return check_witnessed(operations, first_revision)
    if any(op.action is Action.COMPARE_AND_PUT for op in operations):
        raise ValueError("compares of revisions need answers that carry revisions")
    by_key: dict[bytes, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_key[operation.key].append(operation)
    unknown: Verdict | None = None
    for key in sorted(by_key):
        verdict = search_order(by_key[key], KeyModel(), steps_max)
        if verdict.kind is VerdictKind.VIOLATION:
            return verdict
        if verdict.kind is VerdictKind.UNKNOWN and unknown is None:
            unknown = verdict
    return unknown or Verdict(VerdictKind.LINEARIZABLE)
