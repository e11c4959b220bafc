"""Whole runs: a seed decides them, much happens in them, and all of it is right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raftwerk.runtime.flight_form import read_flight
from raftwerk.runtime.flight_replay import FlightReplay
from raftwerk.sim.faults import SCENARIOS, draw_plan
from raftwerk.sim.plan import Fault, Plan
from raftwerk.sim.run import Outcome, record_plan, run_plan
from raftwerk.storage.memory_disk import MemoryDisk

ROOT = Path(__file__).parents[2]


def outcome_of(plan: Plan) -> Outcome:
    """Run a plan; show its story if something did not hold."""
    outcome, lines = run_plan(plan)
    assert outcome.holds, "\n".join([str(plan), *lines[-50:], outcome.story])
    return outcome


def test_calm_group_does_what_its_clients_ask() -> None:
    outcome = outcome_of(draw_plan(1, nodes=3, seconds=3.0, faults="calm"))
    assert outcome.elections == 1
    assert outcome.restarts == 0
    assert outcome.commands > 100
    for what in ("answered", "done once", "locked", "leased", "watched"):
        assert outcome.outcomes[what] > 0, what


@pytest.mark.parametrize("faults", [name for name in SCENARIOS if name != "calm"])
def test_group_survives_each_scenario(faults: str) -> None:
    outcome = outcome_of(draw_plan(5, nodes=3, seconds=4.0, faults=faults))
    assert outcome.commands > 50
    assert outcome.faults


def test_group_on_byte_streams_survives_damage_strangers_and_cuts() -> None:
    kinds = ("weather", "stranger", "partition", "crash", "stranger")
    faults = tuple(
        Fault(at=0.3 + number / 2, kind=kind, seconds=0.4, draw=7 + number)
        for number, kind in enumerate(kinds)
    )
    plan = Plan(seed=4, nodes=3, seconds=3.0, faults=faults, wires="streams")
    outcome = outcome_of(plan)
    assert outcome.commands > 50
    assert outcome.restarts == 1


@pytest.mark.e2e
def test_one_seed_gives_the_same_bytes_in_any_process() -> None:
    command = [sys.executable, "-m", "raftwerk", "sim", "--seed", "11", "--nodes", "3"]
    command += ["--seconds", "4", "--faults", "all", "-o", "json"]
    told = [
        subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "4711")
    ]
    assert told[0] == told[1]
    (run,) = json.loads(told[0])["runs"]
    assert run["digest"] and run["commands"] > 50


@pytest.mark.long
@pytest.mark.parametrize("faults", [*SCENARIOS, "swarm"])
def test_campaign(faults: str) -> None:
    for seed in range(10):
        outcome_of(draw_plan(seed, seconds=20.0, faults=faults))


def check_flights(disk: MemoryDisk) -> None:
    """Demand that what members kept is there, up to the end, and replays."""
    for member in ("n1", "n2", "n3"):
        names = disk.list_directory(f"/{member}")
        assert names, member
        for name in names:
            path = f"/{member}/{name}"
            replay = FlightReplay(read_flight(disk.read_file(path), path))
            while (moment := replay.next()) is not None:
                assert not moment.divergence and not moment.broken, (path, moment)
            assert replay.number > 0, path


def test_who_watches_changes_nothing_and_can_play_it() -> None:
    plan = draw_plan(8, nodes=3, seconds=3.0, faults="all")
    flights = MemoryDisk()
    watched, lines = record_plan(plan, flights)
    assert watched == outcome_of(plan)
    check_flights(flights)
    records = [json.loads(line) for line in lines]
    assert records[0]["type"] == "header"
    assert records[0]["source"] == "simulator"
    kinds = {record["type"] for record in records}
    assert {"state", "members", "event", "message", "process"} <= kinds
    times = [record["t"] for record in records]
    assert times == sorted(times)
    seen = {record["name"] for record in records if record["type"] == "state"}
    assert {"n1", "n2", "n3"} <= seen
