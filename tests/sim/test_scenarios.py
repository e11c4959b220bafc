"""Plans that are kept, each for what it showed or brings together, are run again."""

from pathlib import Path

import pytest

from raftwerk.errors import ConfigError
from raftwerk.sim.acts import ACTS
from raftwerk.sim.plan import decode_plan
from raftwerk.sim.run import run_plan

SCENARIOS = sorted(Path(__file__).with_name("scenarios").glob("*.json"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_kept_scenario_holds(path: Path) -> None:
    plan = decode_plan(path.read_bytes(), path.name)
    assert {fault.kind for fault in plan.faults} <= set(ACTS)
    outcome, lines = run_plan(plan)
    assert outcome.holds, "\n".join([*lines[-50:], outcome.story])
    assert outcome.commands > 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "kept.json is no scenario"),
        (b'{"seed": 1, "gremlins": 3}', "kept.json is no scenario"),
        (b'{"seed": 1, "version": 99}', "a scenario of version 99"),
    ],
)
def test_what_is_no_scenario_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        decode_plan(text, "kept.json")
