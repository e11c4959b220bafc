"""The checker finds what is wrong, and nothing else."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.sim import (
    Answer,
    Operation,
    VerdictKind,
    check_history,
    check_witnessed,
    search_order,
)
from raftwerk.sim.history import Action
from raftwerk.sim.linearizability import KeyModel

READ, PUT = Action.READ, Action.PUT
DELETE, COMPARE = Action.DELETE, Action.COMPARE_AND_PUT


def put(
    value: bytes, start: float, end: float, revision: int | None = None, **more: object
) -> Operation:
    answer = None if revision is None else Answer(revision=revision)
    return operation(PUT, start, end, answer, value=value, **more)


def read(
    value: bytes | None, start: float, end: float, revision: int, mod: int = 0
) -> Operation:
    answer = Answer(revision=revision, value=value, mod_revision=mod)
    return operation(READ, start, end, answer)


def operation(
    action: Action, start: float, end: float, answer: Answer | None, **more: object
) -> Operation:
    fields: dict[str, Any] = {"client": 1, "key": b"k", **more}
    return Operation(action=action, started=start, ended=end, answer=answer, **fields)


GOOD = {
    "nothing at all": [],
    "a read of what was never written": [read(None, 0, 1, 1)],
    "a read behind a write": [put(b"a", 0, 1, 2), read(b"a", 2, 3, 2, 2)],
    "a read beside a write may miss it": [put(b"a", 0, 9, 2), read(None, 1, 2, 1)],
    "a read beside a write may see it": [put(b"a", 0, 9, 2), read(b"a", 1, 2, 2, 2)],
    "a write without an answer that was seen": [
        put(b"a", 0, 0),
        read(b"a", 5, 6, 2, 2),
    ],
    "a write without an answer that never was": [put(b"a", 0, 0), read(None, 5, 6, 1)],
    "a number that a write without an answer took": [
        put(b"a", 0, 0),
        put(b"b", 5, 6, 3),
    ],
    "a delete that finds nothing": [
        operation(DELETE, 0, 1, Answer(revision=1, succeeded=False))
    ],
    "a compare that holds, and one that fails": [
        operation(COMPARE, 0, 1, Answer(revision=2), value=b"a"),
        operation(COMPARE, 2, 3, Answer(revision=2, succeeded=False), value=b"b"),
    ],
}

BAD = {
    "a stale read": [put(b"a", 0, 1, 2), read(None, 2, 3, 1)],
    "a read of a value that nobody wrote": [read(b"x", 0, 1, 2, 2)],
    "a lost write": [put(b"a", 0, 1, 2), read(None, 2, 3, 2)],
    "a read before the write began": [read(b"a", 0, 1, 2, 2), put(b"a", 2, 3, 2)],
    "two writes of one number": [put(b"a", 0, 1, 2), put(b"b", 0, 1, 2)],
    "numbers against real time": [put(b"a", 0, 1, 3), put(b"b", 2, 3, 2)],
    "reads that go back": [
        put(b"a", 0, 9, 2),
        read(b"a", 1, 2, 2, 2),
        read(None, 3, 4, 1),
    ],
    "a number that nobody can have taken": [put(b"a", 0, 1, 3)],
    "a number taken before the only candidate began": [
        put(b"a", 0, 1, 3),
        put(b"b", 5, 0),
    ],
    "a value of an overwritten write": [
        put(b"a", 0, 1, 2),
        put(b"b", 2, 3, 3),
        read(b"a", 4, 5, 3, 2),
    ],
    "a write that took effect twice": [
        put(b"a", 0, 0),
        put(b"b", 0, 9, 3),
        read(b"a", 1, 2, 2, 2),
        read(b"a", 10, 11, 4, 4),
    ],
    "a delete that says it found nothing": [
        put(b"a", 0, 1, 2),
        operation(DELETE, 2, 3, Answer(revision=2, succeeded=False)),
    ],
    "two owners by compare": [
        operation(COMPARE, 0, 1, Answer(revision=2), value=b"a"),
        operation(COMPARE, 0, 1, Answer(revision=3), value=b"b"),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_true_history_passes(name: str) -> None:
    verdict = check_history(GOOD[name])
    assert verdict.holds, str(verdict)


@pytest.mark.parametrize("name", BAD)
def test_a_false_history_is_a_violation_that_names_operations(name: str) -> None:
    verdict = check_history(BAD[name])
    assert verdict.kind is VerdictKind.VIOLATION
    assert verdict.reason
    assert "violation: " in str(verdict)


# ---- against brute force ------------------------------------------------------


def explains(order: Sequence[Operation]) -> bool:
    """Whether an order agrees with real time and gives each its answer."""
    for place, later in enumerate(order):
        for earlier in order[:place]:
            if later.answer is not None and later.ended < earlier.started:
                return False
    value: bytes | None = None
    for each in order:
        answer = each.answer
        if each.action is READ:
            if answer is not None and answer.value != value:
                return False
        elif each.action is PUT:
            value = each.value
        else:
            if answer is not None and answer.succeeded != (value is not None):
                return False
            value = None
    return True


def by_brute_force(history: Sequence[Operation]) -> bool:
    """Try all orders of all choices of operations without an answer."""
    sure = [op for op in history if op.answer is not None]
    unsure = [op for op in history if op.answer is None]
    return any(
        explains(order)
        for count in range(len(unsure) + 1)
        for chosen in itertools.combinations(unsure, count)
        for order in itertools.permutations([*sure, *chosen])
    )


def random_history(draw: SplitMix64, length: int) -> list[Operation]:
    """Any nonsense on one key; about half of it is linearizable."""
    history = []
    for number in range(length):
        start = draw.below(10)
        action = (READ, READ, PUT, PUT, DELETE)[draw.below(5)]
        found = (None, b"0", b"1", b"2", b"3", b"4")[draw.below(length + 1)]
        answer = Answer(value=found, succeeded=bool(draw.below(2)))
        history.append(
            operation(
                action,
                start,
                start + draw.below(6) + 0.5,
                answer if draw.below(5) else None,
                value=b"%d" % number if action is PUT else None,
            )
        )
    return history


def test_the_search_agrees_with_brute_force_on_small_histories() -> None:
    verdicts = set()
    for seed in range(1500):
        history = random_history(SplitMix64(seed), 2 + seed % 4)
        expected = by_brute_force(history)
        verdicts.add(expected)
        assert search_order(history, KeyModel()).holds == expected, f"seed {seed}"
    assert verdicts == {True, False}


def test_a_search_that_hits_its_bound_is_no_pass() -> None:
    history = [
        operation(PUT, 0, 9, Answer(), value=b"%d" % number) for number in range(12)
    ]
    verdict = search_order([*history, read(b"never", 10, 11, 1)], KeyModel(), 50)
    assert verdict.kind is VerdictKind.UNKNOWN
    assert not verdict.holds


# ---- against a store that is right by construction ------------------------------


class TrueStore:
    """A store that does one thing after the other."""

    def __init__(self) -> None:
        self.revision = 1
        self.stored: dict[bytes, tuple[bytes, int]] = {}

    def carry_out(self, operation_: Operation, is_dropped: bool) -> Answer:
        """Do one thing, unless it never arrives, and return the answer."""
        action, key = operation_.action, operation_.key
        found, mod = self.stored.get(key, (None, 0))
        if is_dropped or action is READ:
            writes = False
        elif action is COMPARE:
            writes = mod == operation_.expected_mod_revision
        else:
            writes = action is PUT or found is not None
        if writes:
            self.revision += 1
            if action is DELETE:
                del self.stored[key]
            else:
                assert operation_.value is not None
                self.stored[key] = (operation_.value, self.revision)
        return Answer(
            revision=self.revision,
            value=found if action is READ else None,
            mod_revision=mod if action is READ else 0,
            succeeded=writes or action is READ,
        )

    def mod_revision(self, key: bytes) -> int:
        """Return the revision of a key, 0 if there is none."""
        return self.stored.get(key, (b"", 0))[1]


def plan(
    draw: SplitMix64, operations: int, clients: int
) -> list[tuple[float, int, int, float, float]]:
    """When each operation takes effect: its moment, number, client, start and end."""
    free_at = [0.0] * clients
    planned = []
    for number in range(operations):
        client = draw.below(clients)
        start = free_at[client] + draw.below(1000) / 1000
        effect = start + draw.below(1000) / 1000 + 1e-6
        end = effect + draw.below(1000) / 1000 + 1e-6
        free_at[client] = end
        planned.append((effect, number, client, start, end))
    return sorted(planned)


def true_history(seed: int, operations: int, clients: int) -> list[Operation]:
    """What clients of a right store see: each operation takes effect at one moment."""
    draw = SplitMix64(seed)
    store, history = TrueStore(), []
    for _effect, number, client, start, end in plan(draw, operations, clients):
        action = (READ, READ, PUT, PUT, DELETE, COMPARE)[draw.below(6)]
        key = b"key%d" % draw.below(5)
        asked = Operation(
            client=client,
            action=action,
            key=key,
            value=b"value%d" % number if action in (PUT, COMPARE) else None,
            expected_mod_revision=(
                store.mod_revision(key) if action is COMPARE and draw.below(2) else 0
            ),
            started=start,
            ended=end,
            answer=None,
        )
        if draw.below(10) == 0:
            # Lost on the way there, or on the way back.
            store.carry_out(asked, is_dropped=bool(draw.below(2)))
            history.append(asked)
            continue
        answer = store.carry_out(asked, is_dropped=False)
        history.append(msgspec.structs.replace(asked, answer=answer))
    return history


@pytest.mark.parametrize("seed", range(40))
def test_what_a_right_store_answers_passes(seed: int) -> None:
    verdict = check_witnessed(true_history(seed, 300, 8))
    assert verdict.holds, f"seed {seed}: {verdict}"


@pytest.mark.parametrize("seed", range(40))
def test_one_changed_answer_is_found(seed: int) -> None:
    history = true_history(seed, 300, 8)
    draw = SplitMix64(seed)
    first_write_ended = min(op.ended for op in history if op.answer and op.may_write)
    reads = [
        place
        for place, op in enumerate(history)
        if op.action is READ and op.answer and op.answer.value is not None
        # Who began before any write had ended may have seen the empty store.
        and op.started > first_write_ended
    ]
    place = reads[draw.below(len(reads))]
    answer = history[place].answer
    assert answer is not None
    for changed in (
        msgspec.structs.replace(answer, value=b"never written", mod_revision=10**6),
        msgspec.structs.replace(answer, mod_revision=answer.mod_revision + 10**6),
        msgspec.structs.replace(answer, revision=1, value=None, mod_revision=0),
    ):
        broken = [*history]
        broken[place] = msgspec.structs.replace(history[place], answer=changed)
        assert not check_witnessed(broken).holds, f"seed {seed}: {changed}"


def test_ten_thousand_operations_of_ten_clients_are_checked() -> None:
    assert check_witnessed(true_history(7, 10_000, 10)).holds
