"""Transactions that only read, in steps, as `ranges` reads one range.

All of it sees the revision of the beginning, compares as well as ranges, so it answers
as `txn.run` would have answered then, whatever is written between two steps.
"""

from collections import deque
from collections.abc import Generator
from typing import TypeAlias

from raftwerk.kv import ranges
from raftwerk.kv.commands import Compare, Range, Txn
from raftwerk.kv.results import RangeResult, TxnResult
from raftwerk.kv.spans import span_of
from raftwerk.kv.state import State
from raftwerk.kv.txn import (
    Plan,
    check_revision,
    is_true_of,
    is_true_of_none,
    operations_of,
)

__all__ = ["Reading", "read_in_steps"]

_Begun: TypeAlias = deque[tuple[Range, Generator[None, None, RangeResult]]]
"""The ranges of a transaction that are still to be read, in order."""


def read_in_steps(state: State, txn: Txn) -> Generator[None, None, TxnResult]:
    """Do a transaction that writes nothing; the store may change between two steps.

    Parameters
    ----------
    state : State
        The store.
    txn : Txn
        One that `txn.is_read_only`, and that `checks.check_txn` has let pass.

    Returns
    -------
    TxnResult
        The answer, as it was when the first step was made.

    Yields
    ------
    None
        After each `ranges.KEYS_PER_STEP` keys or so; never in a short transaction.

    Raises
    ------
    FutureRevision
        If the store has not come to the revision of a chosen range yet.
    CompactedRevision
        If such a revision is forgotten, or what is read was forgotten meanwhile.
    """
    return (yield from Reading(state).run(txn))


class Reading:
    """One such transaction: its revision, and what it did since others had a turn.

    Parameters
    ----------
    state : State
        The store.

    Attributes
    ----------
    keys_seen : int
        About how many, since the last step ended.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._newest = state.revision
        self.keys_seen = 0

    def run(self, txn: Txn) -> Generator[None, None, TxnResult]:
        """Return the answer, in steps.

        Parameters
        ----------
        txn : Txn
            As in `read_in_steps`.

        Returns
        -------
        TxnResult
            The answer.

        Yields
        ------
        None
            When enough was done.
        """
        plan = yield from self.choose(txn)
        # All ranges are begun at once: while nothing was written since the beginning,
        # the index knows how many keys each has, and else one must look at them all.
        begun: _Begun = deque()
        for operation in operations_of(plan):
            if isinstance(operation, Range):  # as all are
                check_revision(self._state, operation.revision, self._newest)
                steps = ranges.read_in_steps(self._state, operation, self._newest)
                begun.append((operation, steps))
        return (yield from self._answer(plan, begun))

    def choose(self, txn: Txn) -> Generator[None, None, Plan]:
        """Return what is to be done by what the store was like at the beginning.

        Parameters
        ----------
        txn : Txn
            Any.

        Returns
        -------
        Plan
            As `txn.run` makes one.

        Yields
        ------
        None
            When enough was done.
        """
        succeeded = True
        for compare in txn.compare:
            yield from self.pause_if_due()
            if not (yield from self._holds(compare)):
                succeeded = False
                break
        chosen: Plan = (succeeded, [])
        for operation in txn.success if succeeded else txn.failure:
            nested = None
            if isinstance(operation, Txn):
                nested = yield from self.choose(operation)
            chosen[1].append((operation, nested))
        return chosen

    def _holds(self, compare: Compare) -> Generator[None, None, bool]:
        """Tell whether a compare is true of all keys that it names."""
        self.keys_seen += 1
        if not compare.range_end:
            kv = self._state.index.at(compare.key, self._newest)
            return is_true_of_none(compare) if kv is None else is_true_of(compare, kv)
        exists = False
        span = span_of(compare.key, compare.range_end)
        for kvs, is_last in ranges.slices(self._state, span, self._newest):
            if not all(is_true_of(compare, kv) for kv in kvs):
                return False
            exists = exists or bool(kvs)
            self.keys_seen += len(kvs)
            if not is_last:
                yield
                self.keys_seen = 0
        return exists or is_true_of_none(compare)

    def _answer(self, plan: Plan, begun: _Begun) -> Generator[None, None, TxnResult]:
        """Return the answer to a plan, whose ranges are the next that were begun."""
        result = TxnResult(self._newest, plan[0], [])
        for _, nested in plan[1]:
            if nested is not None:
                result.responses.append((yield from self._answer(nested, begun)))
                continue
            yield from self.pause_if_due()
            request, steps = begun.popleft()
            found = yield from steps
            result.responses.append(found)
            # Of an older revision we can't tell how many deleted keys were looked at.
            is_old = request.revision > 0
            self.keys_seen += ranges.KEYS_PER_STEP if is_old else found.count + 1
        return result

    def pause_if_due(self) -> Generator[None, None, None]:
        """End the step if enough was done in it.

        Yields
        ------
        None
            Then.
        """
        if self.keys_seen >= ranges.KEYS_PER_STEP:
            yield
            self.keys_seen = 0
            ranges.check_revision(self._state, self._newest, self._newest)
