"""A flight that is flown again is the same flight, from each file on."""

from collections.abc import Iterable

import pytest

from raftwerk.runtime.flight import FlightPlan

from .flights import flights_on, fly_again, recorded_group

KEY = b"nobody knows"


def check(
    seeds: Iterable[int], key: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record groups, and hold each moment of each file against what it was."""
    most = records = 0
    for seed in seeds:
        print(f"seed {seed}")
        plan = FlightPlan(directory="", shape_key=key, files_max=999, file_bytes=2_500)
        disk, recorders = recorded_group(seed, plan, monkeypatch)
        for recorder in recorders:
            flights = flights_on(disk, recorder.plan.directory)
            records += sum(fly_again(flight, recorder) for flight in flights)
            most = max(most, len(flights))
    assert most > 3, "a long life has several files, each with a beginning of its own"
    assert records > 500


@pytest.mark.parametrize("seed", [0, 3])
def test_each_file_replays_to_the_same_state_at_each_step(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check([seed], None, monkeypatch)


@pytest.mark.parametrize("seed", [0, 3])
def test_sizes_and_hashes_lead_to_the_same_run(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check([seed], KEY, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 40, 10))
@pytest.mark.parametrize("key", [None, KEY])
def test_many_more_groups_replay(
    start: int, key: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(range(start, start + 10), key, monkeypatch)
