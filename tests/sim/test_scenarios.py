"""Plans that are kept, each for what it showed or brings together, are run again."""

from pathlib import Path

import pytest

from raftwerk.errors import ConfigError
from raftwerk.sim.acts import ACTS
from raftwerk.sim.plan import KINDS, decode_plan
from raftwerk.sim.run import run_plan

SCENARIOS = sorted(Path(__file__).with_name("scenarios").glob("*.json"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_kept_scenario_holds(path: Path) -> None:
    plan = decode_plan(path.read_bytes(), path.name)
    outcome, lines = run_plan(plan)
    assert outcome.holds, "\n".join([*lines[-50:], outcome.story])
    assert outcome.commands > 100


def test_each_kind_of_fault_has_its_act() -> None:
    assert set(ACTS) == KINDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "kept.json is no scenario"),
        (b'{"seed": 1, "gremlins": 3}', "kept.json is no scenario"),
        (b'{"seed": 1, "version": 99}', "a scenario of version 99"),
        (b'{"seed": -1}', "seed is -1; it must be 0 to 18446744073709551615"),
        (b'{"seed": 18446744073709551616}', "seed is 18446744073709551616"),
        (b'{"seed": 1, "version": 0}', "version is 0"),
        (b'{"seed": 1, "nodes": 0}', "nodes is 0; it must be 1 to 9"),
        (b'{"seed": 1, "nodes": 1000000}', "nodes is 1000000"),
        (b'{"seed": 1, "seconds": 0}', "seconds is 0.0; it must be more than 0"),
        (b'{"seed": 1, "seconds": 1e9}', "seconds is 1000000000.0"),
        (b'{"seed": 1, "writers": -3}', "writers is -3"),
        (b'{"seed": 1, "pace_seconds": 0}', "pace_seconds is 0.0"),
        (b'{"seed": 1, "snapshot_entries": 0}', "snapshot_entries is 0"),
        (
            b'{"seed": 1, "faults": [{"at": 1, "kind": "gremlin"}]}',
            r"faults\[0\].kind is gremlin; it must be one of amid, between",
        ),
        (
            b'{"seed": 1, "faults": [{"at": 2, "kind": "cut"},'
            b' {"at": 1, "kind": "cut"}]}',
            r"faults\[1\].at is 1.0; it must be 2.0 to",
        ),
        (
            b'{"seed": 1, "faults": [{"at": 2, "kind": "cut", "draw": -1}]}',
            r"faults\[0\].draw is -1",
        ),
    ],
)
def test_what_is_no_scenario_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        decode_plan(text, "kept.json")
