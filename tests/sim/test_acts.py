"""Each thing that can go wrong does go wrong, and the group gets over it."""

from functools import cache

import pytest

from raftwerk.sim.acts import ACTS
from raftwerk.sim.disk import SimDisk
from raftwerk.sim.plan import Fault, Plan
from raftwerk.sim.run import run_plan

SEEN = {
    # act         what the story has of it
    "amid": "is amid a change of many keys",
    "between": "is struck between two turns",
    "blackout": "n3   loses its power",
    "clock": "its clock ",
    "compact": "compact to ",
    "crash": "loses its power",
    "crashloop": "is up, life 3",
    "cut": "loses its power",
    "depose": "BecameLeader (term 3",
    "during": "stops: ",
    "fail": "stops: ",
    "full": "its disk has room",
    "kill": "is killed",
    "member": "is put up for the new member",
    "partition": "healed: ",
    "rot": "/data/",
    "slow": " s for a sync",
    "snapshot": "take a snapshot: done",
    "stall": "goes on",
    "stop": "is asked to stop",
    "stranger": "a stranger knocks",
    "transfer": " lead: done",
    "weather": "damage_rate=0.",
}


def test_table_has_each_act() -> None:
    assert set(SEEN) == set(ACTS)


@cache
def story_of(seed: int, kind: str) -> str:
    """Return what happens where an act comes again and again."""
    faults = tuple(
        Fault(at=number * 0.6, kind=kind, seconds=0.5, draw=100 * seed + number)
        for number in range(5)
    )
    wires = "streams" if kind == "stranger" else "messages"
    seconds = 5.0 if kind in ("amid", "depose") else 3.0
    sweepers = 1 if kind == "amid" else 0
    plan = Plan(
        seed=seed,
        nodes=3,
        seconds=seconds,
        faults=faults,
        wires=wires,  # type: ignore[arg-type]  # one of both
        sweepers=sweepers,
        snapshot_entries=20,
        writers=3,
        bankers=1,
        holders=0,
        leaseholders=0,
        readers=0,
        repeaters=1,
        watchers=1,
    )
    outcome, lines = run_plan(plan)
    assert outcome.holds, "\n".join([str(plan), *lines[-50:], outcome.story])
    assert outcome.commands > 30, plan
    return "\n".join(lines)


@pytest.mark.parametrize("kind", sorted(SEEN))
def test_each_act_happens_and_the_group_gets_over_it(kind: str) -> None:
    assert any(SEEN[kind] in story_of(seed, kind) for seed in range(4))


@pytest.mark.parametrize("operation", ["create", "rename", "remove"])
def test_power_that_goes_amid_any_operation_is_noticed(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(SimDisk, operation)
    struck: list[SimDisk] = []
    calls = 0

    def cut_off(disk: SimDisk, *paths: str) -> object:
        nonlocal calls
        calls += 1
        if calls > 15 and not struck:
            struck.append(disk)
            disk.cut_power_after(0)
        return original(disk, *paths)

    monkeypatch.setattr(SimDisk, operation, cut_off)
    outcome, story = run_plan(
        Plan(seed=1, nodes=3, seconds=3.0, snapshot_entries=20, writers=3)
    )
    assert outcome.holds, "\n".join(story)
    assert struck, f"{operation} was called {calls} times"
    assert any("loses its power" in line for line in story)
