"""A flight that is flown again is the same flight, from each file on."""

import pytest

from raftwerk.runtime.flight import FlightPlan

from .flights import flights_on, fly_again, recorded_group

SEEDS = range(6)


@pytest.mark.parametrize("is_shape", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_file_replays_to_the_same_state_at_each_step(
    seed: int, is_shape: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b"secret" if is_shape else None
    plan = FlightPlan(directory="", shape_key=key, files_max=1_000, file_bytes=6_000)
    disk, recorders = recorded_group(seed, plan, monkeypatch)
    files = records = 0
    for recorder in recorders:
        flights = flights_on(disk, recorder.plan.directory)
        for flight in flights:
            records += fly_again(flight, recorder)
        files += len(flights)
    print(files, records, len(recorders))
    assert files > len(recorders), "some lives must have several files"
    assert records > 1_000
