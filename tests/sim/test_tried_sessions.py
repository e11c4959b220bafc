"""A user's clients have sessions: what is asked for again is applied once."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.runtime.answered import Answers
from raftwerk.sim import Call, SimulationResult, TrialClient, simulate
from raftwerk.sim.violation import Property


class Tally:
    """Counts how often each command was applied."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}

    def apply(self, _index: int, commands: Sequence[bytes]) -> list[object]:
        return [self.count(command.decode()) for command in commands]

    def count(self, command: str) -> object:
        self.times[command] = self.times.get(command, 0) + 1
        return sum(self.times.values())

    def snapshot(self) -> list[bytes]:
        return [json.dumps(self.times).encode()]

    def restore(self, chunks: Iterable[bytes]) -> None:
        self.times = json.loads(b"".join(chunks))


def each_is_applied_once(tally: Tally) -> bool:
    return set(tally.times.values()) <= {1}


async def insist(client: TrialClient) -> None:
    """Ask until answered, and some times once more."""
    while True:
        try:
            session = await client.open_session()
            break
        except (NotProposed, OutcomeUnknown):
            await client.sleep(0.1)
    async for turn in client.turns(0.05):
        number, command = session.next_sequence, b"%d/%d" % (client.number, turn)
        session.next_sequence += 1
        answers: list[object] = []
        while len(answers) < 1 + (turn % 3 == 0):
            try:
                answers.append(await session.propose(command, sequence=number))
            except (NotProposed, OutcomeUnknown):
                await client.sleep(0.05)
        assert len(set(answers)) == 1, answers


async def hope(client: TrialClient) -> None:
    """Ask again without a session."""
    async for turn in client.turns(0.05):
        for _ in range(20):
            try:
                await client.propose(b"%d/%d" % (client.number, turn))
                break
            except (NotProposed, OutcomeUnknown):
                await client.sleep(0.05)


def each_is_one_call(calls: list[Call]) -> None:
    counted = Counter(call.asked for call in calls)
    assert set(counted.values()) == {1}, counted.most_common(1)
    known = [call for call in calls if call.is_known]
    assert len(known) > 20
    # An answer counts what was applied when it was: two have never the same.
    assert len({call.result for call in known}) == len(known)
    for one in known:
        for other in known:
            if one.ended < other.started:
                assert isinstance(one.result, int) and isinstance(other.result, int)
                assert one.result < other.result, (one, other)


def tried(seed: int) -> SimulationResult:
    return simulate(
        Tally,
        client=insist,
        invariants=[each_is_applied_once],
        judge=each_is_one_call,
        seed=seed,
        seconds=4.0,
        shrinks=False,
    )


def test_retry_in_a_session_is_applied_once_and_is_one_call() -> None:
    lost = 0
    for seed in range(8):
        result = tried(seed)
        assert result.holds, result
        lost += result.outcome.outcomes.get("unknown", 0)
    assert lost > 3, "no answer was lost, so nothing was shown"


def test_without_a_session_some_retry_is_applied_twice() -> None:
    results = (
        simulate(
            Tally,
            client=hope,
            invariants=[each_is_applied_once],
            seed=seed,
            seconds=8.0,
            shrinks=False,
        )
        for seed in range(8)
    )
    found = next((each for each in results if not each.holds), None)
    assert found is not None
    assert "each_is_applied_once does not hold" in found.outcome.story


def test_sessions_that_forget_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Answers.begin

    def forget(self: Answers, *arguments: object) -> object:
        """Begin as if no answer had been kept."""
        # pylint: disable-next=protected-access  # what goes wrong is inside
        for kept in self._sessions.values():
            kept.answers.clear()
        return begin(self, *arguments)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(Answers, "begin", forget)
    found = next((each for each in map(tried, range(4)) if not each.holds), None)
    assert found is not None
    assert found.outcome.violation == Property.ONCE.value, found
