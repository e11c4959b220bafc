"""Checking a history whose answers carry revisions: the order is told, not looked for.

A store that numbers its writes claims an order: the writes by revision, and each read
right behind the write whose revision it answered with. The history is linearizable if
that order (1) agrees with real time, and (2) gives each operation the answer that it
got. The claim is sufficient: an order that passes is a linearization. It is also all
that the store may claim, for it was asked for these numbers; so a history that fails is
reported even if another order could be found.

A write without an answer took one revision or none. If a read found its value, that
tells which one. The other numbers that nobody is known to have are shared out among the
writes without an answer: the only choice there is, and the only search (`_Sweep`). It
is bounded; beyond the bound the verdict is unknown, which is no pass.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from raftwerk.sim.history import Action, Answer, Operation, Verdict, VerdictKind

__all__ = ["check_witnessed"]

_Found = tuple[bytes | None, int]
"""What is stored under a key: value and mod revision."""
_NOTHING: _Found = (None, 0)


class _Contradiction(Exception):
    """Two facts of a history that can't both be true."""

    def __init__(self, reason: str, *operations: Operation) -> None:
        super().__init__(reason)
        self.verdict = Verdict(VerdictKind.VIOLATION, reason, operations)


def check_witnessed(
    history: Iterable[Operation], first_revision: int = 1, steps_max: int = 200_000
) -> Verdict:
    """Check a history by the revisions that its answers carry.

    Parameters
    ----------
    history : iterable of Operation
        In any order. Each answer has a revision; values of writes are unique.
    first_revision : int
        The store's revision when the history began. The store was empty then, and all
        its writes since are in the history.
    steps_max : int
        How many ways of sharing out unclaimed revisions may be looked at.

    Returns
    -------
    Verdict
        Unknown only if the bound was hit.

    Examples
    --------
    >>> put = Operation(client=1, action=Action.PUT, key=b"k", value=b"a",
    ...     started=1.0, ended=2.0, answer=Answer(revision=2))
    >>> stale = Operation(client=2, action=Action.READ, key=b"k",
    ...     started=3.0, ended=4.0, answer=Answer(revision=1))
    >>> print(check_witnessed([put, stale]).kind.value)
    violation
    """
    operations = list(history)
    try:
        writes = _writes_by_revision(operations, first_revision)
        _check_real_time(operations, writes)
        sweep = _Sweep(operations, writes, first_revision, steps_max)
        is_explained = sweep.run()
    except _Contradiction as contradiction:
        return contradiction.verdict
    if is_explained:
        return Verdict(VerdictKind.LINEARIZABLE)
    return Verdict(
        VerdictKind.UNKNOWN,
        f"revisions that nobody claims could not be shared out in {steps_max} steps",
    )


def _told(operation: Operation) -> Answer:
    """Return the answer of an operation that has one."""
    assert operation.answer is not None  # nosec B101: for the type checker
    return operation.answer


def _revision(operation: Operation) -> int:
    """Return the revision of an operation that was answered."""
    revision = _told(operation).revision
    assert revision is not None  # nosec B101: for the type checker
    return revision


# ---- who has which number -------------------------------------------------------


def _writes_by_revision(
    operations: Sequence[Operation], first_revision: int
) -> dict[int, Operation]:
    """Return which write took which revision, as far as anybody was told."""
    writes: dict[int, Operation] = {}
    pending: dict[tuple[bytes, bytes | None], Operation] = {}
    for operation in operations:
        if operation.answer is None:
            pending[operation.key, operation.value] = operation
        elif operation.may_write:
            revision = _revision(operation)
            if revision <= first_revision:
                raise _Contradiction(
                    f"a write took revision {revision}, which was there before it",
                    operation,
                )
            if revision in writes:
                raise _Contradiction(
                    f"two writes took revision {revision}", writes[revision], operation
                )
            writes[revision] = operation
    for operation in operations:
        if operation.answer is None or operation.action is not Action.READ:
            continue
        seen = _told(operation)
        if seen.value is None or seen.mod_revision in writes:
            continue
        found = pending.pop((operation.key, seen.value), None)
        if found is None:
            raise _Contradiction(
                f"a read found a value of revision {seen.mod_revision} that nobody"
                " wrote, or that another revision has as well",
                operation,
            )
        writes[seen.mod_revision] = found
    return writes


# ---- (1) real time ----------------------------------------------------------------


def _check_real_time(
    operations: Sequence[Operation], writes: dict[int, Operation]
) -> None:
    """Check that who began after another had ended comes behind it."""
    placed = [(_place(op, _revision(op)), op) for op in operations if op.answer]
    placed += [
        (_place(op, revision), op)
        for revision, op in writes.items()
        if op.answer is None
    ]
    by_end = sorted(
        ((op.ended, place, op) for place, op in placed if op.answer),
        key=lambda item: item[:2],
    )
    # The latest place among those that had ended before the one that is looked at.
    latest_place, latest = (0, 0), placed[0][1] if placed else None
    position = 0
    for place, operation in sorted(placed, key=lambda item: item[1].started):
        while position < len(by_end) and by_end[position][0] < operation.started:
            _, ended_place, ended = by_end[position]
            if ended_place > latest_place:
                latest_place, latest = ended_place, ended
            position += 1
        if latest is not None and place < latest_place:
            raise _Contradiction(
                f"an operation at revision {place[0]} began after one at revision"
                f" {latest_place[0]} had ended",
                latest,
                operation,
            )


def _place(operation: Operation, revision: int) -> tuple[int, int]:
    """Return the place in the claimed order: reads behind the write they saw last."""
    return (revision, 0 if operation.may_write else 1)


# ---- (2) answers ------------------------------------------------------------------


def _effect(operation: Operation, found: _Found, revision: int) -> _Found | None:
    """Return what a write leaves of its key; None if it can't have taken a revision."""
    if operation.action is Action.DELETE:
        return _NOTHING if found[1] else None
    if operation.action is Action.COMPARE_AND_PUT:
        if found[1] != operation.expected_mod_revision:
            return None
    return (operation.value, revision)


def _is_explained(operation: Operation, found: _Found) -> bool:
    """Return whether an answer that changed nothing is right where it stands."""
    answer = _told(operation)
    if operation.action is Action.READ:
        told = (answer.value, answer.mod_revision if answer.value is not None else 0)
        return told == found
    if operation.action is Action.DELETE:
        return not found[1]
    return found[1] != operation.expected_mod_revision


class _Sweep:
    """Goes through the revisions in order, and answers each operation again.

    Where nobody is known to have taken a revision, each write without an answer that
    can have taken it is tried in turn: first those without which the next answer of
    their key would be wrong.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        writes: dict[int, Operation],
        first_revision: int,
        steps_max: int,
    ) -> None:
        self._writes = writes
        self._first = first_revision
        self._steps_left = steps_max
        answered = [op for op in operations if op.answer is not None]
        self._highest = max(
            [first_revision, *writes, *(_revision(op) for op in answered)]
        )
        self._quiet: dict[int, list[Operation]] = defaultdict(list)
        self._evidence: dict[bytes, list[tuple[int, Operation]]] = defaultdict(list)
        for operation in answered:
            if not operation.may_write:
                self._quiet[_revision(operation)].append(operation)
        known = list(writes.items())
        known += [(number, op) for number, ops in self._quiet.items() for op in ops]
        for number, operation in sorted(
            known, key=lambda item: _place(item[1], item[0])
        ):
            self._evidence[operation.key].append((number, operation))
        claimed = {id(operation) for operation in writes.values()}
        self._free = [
            op
            for op in sorted(operations, key=lambda op: op.started)
            if op.answer is None and op.may_write and id(op) not in claimed
        ]
        self._deadlines = self._latest_starts(answered)

    def _latest_starts(self, answered: Sequence[Operation]) -> dict[int, float]:
        """Return by when the write of each unclaimed revision must have begun."""
        by_revision = sorted(answered, key=_revision)
        deadlines: dict[int, float] = {}
        latest = float("inf")
        for number in range(self._highest, self._first, -1):
            while by_revision and _revision(by_revision[-1]) >= number:
                latest = min(latest, by_revision.pop().ended)
            if number not in self._writes:
                deadlines[number] = latest
        return deadlines

    def run(self) -> bool:
        """Return whether all is explained; false if the bound was hit first."""
        stored: dict[bytes, _Found] = {}
        used: frozenset[int] = frozenset()
        choices: list[_Choice] = []
        failure: _Contradiction | None = None
        revision = self._first
        while True:
            try:
                number = self._go_on(revision, stored)
                if number > self._highest:
                    return True
                candidates = iter(self._candidates(number, stored, used))
                choices.append(_Choice(number, candidates, dict(stored), used))
            except _Contradiction as contradiction:
                failure = failure or contradiction
            while choices:
                choice = choices[-1]
                self._steps_left -= 1
                if self._steps_left < 0:
                    return False
                chosen = next(choice.candidates, None)
                if chosen is not None:
                    break
                choices.pop()
                failure = failure or _Contradiction(
                    f"revision {choice.number} was taken, and by nobody who can have"
                    " taken it"
                )
            else:
                assert failure is not None  # nosec B101: for the type checker
                raise failure
            revision, stored = choice.number, dict(choice.stored)
            used = choice.used | {id(chosen)}
            before = stored.get(chosen.key, _NOTHING)
            stored[chosen.key] = _effect(chosen, before, revision) or _NOTHING

    def _go_on(self, revision: int, stored: dict[bytes, _Found]) -> int:
        """Answer all from a revision on, and return the next that nobody claims."""
        while True:
            self._check_quiet(revision, stored)
            revision += 1
            write = self._writes.get(revision)
            if write is None:
                return revision
            found = stored.get(write.key, _NOTHING)
            effect = _effect(write, found, revision)
            if effect is None:
                raise self._wrong(write, revision, found)
            stored[write.key] = effect

    def _check_quiet(self, revision: int, stored: dict[bytes, _Found]) -> None:
        """Answer what changed nothing at this revision."""
        for operation in self._quiet.get(revision, ()):
            found = stored.get(operation.key, _NOTHING)
            if not _is_explained(operation, found):
                raise self._wrong(operation, revision, found)

    def _wrong(
        self, operation: Operation, revision: int, found: _Found
    ) -> _Contradiction:
        """Say what an operation must have found."""
        last = self._writes.get(found[1])
        return _Contradiction(
            f"at revision {revision} the key holds {found[0]!r} of revision {found[1]},"
            " which the answer contradicts",
            *((operation,) if last is None else (last, operation)),
        )

    def _candidates(
        self, number: int, stored: dict[bytes, _Found], used: frozenset[int]
    ) -> list[Operation]:
        """Return who can have taken a revision, the most likely first."""
        ranked: list[tuple[int, int, Operation]] = []
        deletes_seen: set[bytes] = set()
        for place, operation in enumerate(self._free):
            if operation.started > self._deadlines[number]:
                break
            if id(operation) in used:
                continue
            found = stored.get(operation.key, _NOTHING)
            effect = _effect(operation, found, number)
            if effect is None:
                continue
            if operation.action is Action.DELETE:
                # All deletes of a key do the same: the earliest stands for all.
                if operation.key in deletes_seen:
                    continue
                deletes_seen.add(operation.key)
            rank = self._rank(operation.key, number, found, effect)
            if rank is not None:
                ranked.append((rank, place, operation))
        return [operation for _, _, operation in sorted(ranked, key=lambda r: r[:2])]

    def _rank(
        self, key: bytes, number: int, found: _Found, effect: _Found
    ) -> int | None:
        """Return how likely a write is by its key's next answer; None: not at all."""
        evidence = self._evidence[key]
        position = bisect_left(evidence, number, key=lambda item: item[0])
        if position == len(evidence):
            return 1
        revision, operation = evidence[position]
        if not self._fits(operation, revision, effect):
            # Another write of the key may come in between, if a revision is free there.
            has_room = any(
                n not in self._writes for n in range(number + 1, revision + 1)
            )
            return 2 if has_room else None
        return 1 if self._fits(operation, revision, found) else 0

    @staticmethod
    def _fits(operation: Operation, revision: int, found: _Found) -> bool:
        """Return whether an answered operation can have found this."""
        if operation.may_write:
            return _effect(operation, found, revision) is not None
        return _is_explained(operation, found)


class _Choice(NamedTuple):
    """Who took an unclaimed revision: who is left to try, and what was before it."""

    number: int
    candidates: Iterator[Operation]
    stored: dict[bytes, _Found]
    used: frozenset[int]
