"""A user's machine is tried: a right one holds, and each sort of mistake is found."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import ClassVar

import pytest

from raftwerk.errors import ConfigError
from raftwerk.sim import Call, SimulationResult, TrialClient, simulate
from raftwerk.sim.violation import Property
from tests.sim.bank import (
    Bank,
    BatchedBank,
    ClockedBank,
    DatedBank,
    FallingBank,
    ForgetfulBank,
    HurriedBank,
    InterruptedBank,
    LosingBank,
    RandomBank,
    SteppedBank,
    everyone_was_served,
    nobody_owes,
    sum_is_kept,
    transfers,
)


def tried(
    machine: Callable[[], Bank], seed: int = 1, seconds: float = 4.0
) -> SimulationResult:
    """Try a bank, and leave it as large as it was."""
    return simulate(
        machine,
        client=transfers,
        invariants=[sum_is_kept, nobody_owes],
        judge=everyone_was_served,
        seed=seed,
        seconds=seconds,
        shrinks=False,
    )


@pytest.mark.parametrize("faults", ["calm", "membership", "all"])
def test_right_machine_holds_under_all_faults(faults: str) -> None:
    result = simulate(
        Bank,
        client=transfers,
        invariants=[sum_is_kept, nobody_owes],
        judge=everyone_was_served,
        seed=5,
        seconds=3.0,
        faults=faults,
    )
    assert result.holds, result
    assert result.outcome.commands > 30
    assert bool(result.outcome.faults) == (faults != "calm")
    assert str(result) == "seed 5: all held"


FOUND = [
    # bank           property                  what the story says
    (ClockedBank, Property.EFFECTS, "states differ after entry"),
    (HurriedBank, Property.EFFECTS, "answered ('done',"),
    (RandomBank, Property.EFFECTS, "states differ after entry"),
    (ForgetfulBank, Property.EFFECTS, "answered ["),
    (BatchedBank, Property.EFFECTS, "states differ after entry"),
    (LosingBank, Property.TRIED_INVARIANT, "sum_is_kept does not hold on n"),
    (FallingBank, Property.TRIED_CODE, "has too little"),
    (DatedBank, Property.TRIED_CODE, "date.today() reads a clock"),
]


@pytest.mark.parametrize(("bank", "kind", "words"), FOUND)
def test_mistake_is_found_and_named(
    bank: type[Bank], kind: Property, words: str
) -> None:
    results = (tried(bank, seed, 8.0) for seed in range(8))
    result = next((each for each in results if not each.holds), None)
    assert result is not None
    assert result.outcome.violation == kind.value, result
    assert words.strip("[") in result.outcome.story
    assert "entry" in result.outcome.story
    assert "again: simulate(" in str(result)


def test_machine_with_steps_is_asked_for_them_and_struck_in_between() -> None:
    class CountedBank(SteppedBank):
        """Counts what it is asked for, by all replicas."""

        ends: ClassVar[Counter[str]] = Counter()

        def apply_in_steps(
            self, index: int, commands: Sequence[bytes]
        ) -> Generator[None, None, list[object]]:
            self.ends["begun"] += 1
            results = yield from super().apply_in_steps(index, commands)
            self.ends["finished"] += 1
            return results

    for seed in range(4):
        result = simulate(
            CountedBank,
            client=transfers,
            invariants=[sum_is_kept, nobody_owes],
            seed=seed,
            seconds=4.0,
        )
        assert result.holds, result
        assert result.outcome.faults["amid"] > 1
    begun, finished = CountedBank.ends["begun"], CountedBank.ends["finished"]
    assert finished > 100
    assert begun > finished, "nothing ever struck between two steps"


def test_state_that_is_left_behind_amid_the_steps_is_found() -> None:
    InterruptedBank.on_the_way.clear()
    results = (tried(InterruptedBank, seed, 8.0) for seed in range(8))
    result = next((each for each in results if not each.holds), None)
    assert result is not None
    assert result.outcome.violation == Property.EFFECTS.value, result


def test_clock_is_found_with_entry_command_and_both_states() -> None:
    story = tried(ClockedBank).outcome.story
    first, one, other = story.splitlines()
    assert first.startswith("states differ after entry ")
    assert "command b'[\"" in first
    assert "(life 1) has " in one and "(life 1) has " in other
    assert one != other


def test_one_seed_gives_one_run_even_of_a_machine_that_draws() -> None:
    for bank in (Bank, ClockedBank, RandomBank, HurriedBank):
        assert tried(bank, 1, 2.0).outcome == tried(bank, 1, 2.0).outcome, bank


def test_nothing_is_lent_when_the_run_is_over() -> None:
    before = time.time, time.monotonic
    tried(ClockedBank, seconds=1.0)
    assert (time.time, time.monotonic) == before


def test_failing_run_is_made_small() -> None:
    result = simulate(
        LosingBank, client=transfers, invariants=[sum_is_kept], seed=1, nodes=5
    )
    assert not result.holds
    assert result.plan.faults == ()
    assert result.plan.nodes == 1
    assert result.plan.seconds < 30.0
    assert "1 nodes" in str(result)


def test_what_the_judge_says_is_the_verdict() -> None:
    def too_slow(calls: list[Call]) -> None:
        slowest = max(call.ended - call.started for call in calls if call.is_known)
        assert slowest < 1e-6, f"one took {slowest:g} s"

    result = simulate(
        Bank, client=transfers, judge=too_slow, seconds=1.0, faults="calm"
    )
    assert result.outcome.violation == Property.TRIED_HISTORY.value
    assert "too_slow finds fault" in result.outcome.story
    assert "one took" in result.outcome.story


def test_client_that_raises_is_a_finding() -> None:
    async def broken(client: TrialClient) -> None:
        async for turn in client.turns():
            assert turn < 3, "three is a crowd"

    result = simulate(Bank, client=broken, seconds=5.0, faults="calm")
    assert result.outcome.violation == Property.TRIED_CODE.value
    assert "three is a crowd" in result.outcome.story


def test_exception_that_a_machine_returns_is_raised_for_who_asked() -> None:
    class Refusing(Bank):
        """Gives refusals as results."""

        def transfer(self, source: str, target: str, amount: int) -> object:
            return KeyError(source)

    async def insist(client: TrialClient) -> None:
        with pytest.raises(KeyError, match="anna"):
            await client.propose(b'["anna", "bert", 1]')

    assert simulate(Refusing, client=insist, seconds=2.0, faults="calm").holds


def test_client_that_never_ends_is_ended() -> None:
    async def restless(client: TrialClient) -> None:
        while True:
            await client.sleep(3600.0)

    assert simulate(Bank, client=restless, seconds=1.0, faults="calm").holds


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"faults": "gremlins"}, "faults is gremlins"),
        ({"nodes": 0}, "nodes is 0"),
        ({"clients": -1}, "clients is -1"),
    ],
)
def test_option_that_can_not_work_is_refused(
    options: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        simulate(Bank, **options)  # type: ignore[arg-type]  # that is the point
