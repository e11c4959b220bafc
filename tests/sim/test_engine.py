"""A campaign on a cluster of Dask: two workers, each a process, give what one gives."""

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.main import run
from raftwerk.cli.simulate import map_in_processes
from raftwerk.errors import ConfigError
from raftwerk.sim.campaign import NOT_RUN, Told, simulate
from raftwerk.sim.engine import DaskEngine
from raftwerk.sim.faults import draw_plan
from raftwerk.sim.plan import Plan
from raftwerk.sim.trial import Trial
from raftwerk.sim.users import draw_trial
from tests.sim.bank import Bank, ClockedBank, sum_is_kept, transfers

distributed = pytest.importorskip("distributed", reason="the extra dask is missing")

pytestmark = pytest.mark.e2e


@pytest.fixture(name="cluster", scope="module")
def _cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        yield cluster


def test_two_workers_tell_of_a_user_s_machine_what_one_process_tells(
    cluster: Any,
) -> None:
    plans = [draw_trial(seed, seconds=0.5, faults="calm") for seed in range(4)]
    engine = DaskEngine(cluster.scheduler_address, ["tests.sim.bank"])
    for machine, violation in ((Bank, ""), (ClockedBank, "equal effects")):
        trial = Trial(machine=machine, client=transfers, invariants=[sum_is_kept])
        tried = partial(simulate, trial=trial)
        told = list(engine(tried, plans))
        assert told == list(map(tried, plans))
        assert [each.outcome.seed for each in told] == [0, 1, 2, 3]
        for each in told:
            assert each.outcome.violation.startswith(violation)
            assert bool(each.outcome.violation) == bool(violation)
    with distributed.Client(cluster, set_as_default=False) as client:
        done = client.run(_runs_done)
    assert len(done) == 2
    assert all(count > 0 for count in done.values()), done


def test_command_prints_the_same_bytes_from_there(
    cluster: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sim", "--seeds", "0..2", "--nodes", "1", "--seconds", "0.5", "-o", "json"]
    there = ["--engine", "dask", "--scheduler", cluster.scheduler_address]
    told = []
    for more in ([], there):
        assert run([*words, *more]) == ExitCode.OK
        told.append(capsys.readouterr())
    assert told[0].out == told[1].out
    assert json.loads(told[1].out)["summary"]["runs"] == 3
    assert "on other machines" in told[1].err


def _run_or_die(plan: Plan, place: Path, deaths: dict[int, int]) -> Told:
    """Run a plan, or end the process, so often for some seeds."""
    begun = place / f"{plan.seed}"
    with begun.open("a") as file:
        file.write(".")
    if begun.stat().st_size <= deaths.get(plan.seed, 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return simulate(plan)


def _plans() -> list[Plan]:
    return [draw_plan(seed, nodes=1, seconds=0.1, faults="calm") for seed in range(5)]


def test_seed_whose_worker_dies_runs_on_another_one_and_no_other_seed_is_lost(
    cluster: Any, tmp_path: Path
) -> None:
    engine = DaskEngine(cluster.scheduler_address, ["tests.sim.test_engine"])
    told = list(engine(partial(_run_or_die, place=tmp_path, deaths={2: 1}), _plans()))
    assert told == list(map(simulate, _plans()))
    assert (tmp_path / "2").stat().st_size == 2


@pytest.mark.long
def test_seed_that_ends_each_worker_is_told_as_not_run(
    cluster: Any, tmp_path: Path
) -> None:
    engine = DaskEngine(cluster.scheduler_address, ["tests.sim.test_engine"])
    told = list(engine(partial(_run_or_die, place=tmp_path, deaths={2: 99}), _plans()))
    _only_one_was_not_run(told)
    assert "workers died" in told[2].outcome.story


def test_seeds_without_any_worker_are_told_as_not_run(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("raftwerk.sim.engine.CONNECT_SECONDS", 3)
    engine = DaskEngine(cluster.scheduler_address, ["tests.sim.test_engine"])
    plans = [draw_plan(seed, nodes=1, seconds=1.0) for seed in range(40)]
    runs = engine(partial(_run_or_die, place=tmp_path, deaths={}), plans)
    assert next(runs).outcome.holds
    cluster.scale(0)
    try:
        told = list(runs)
    finally:
        cluster.scale(2)
        cluster.wait_for_workers(2)
    assert [each.outcome.seed for each in told] == list(range(1, 40))
    last = told[-1].outcome  # what was done by then counts
    assert last.violation == NOT_RUN and "no worker" in last.story, last


@pytest.mark.long
def test_seed_that_ends_its_process_is_told_as_not_run_and_no_other_is_lost(
    tmp_path: Path,
) -> None:
    deadly = partial(_run_or_die, place=tmp_path, deaths={2: 99})
    _only_one_was_not_run(list(map_in_processes(deadly, _plans(), 2)))


def _only_one_was_not_run(told: list[Told]) -> None:
    expected = list(map(simulate, _plans()))
    assert told[:2] + told[3:] == expected[:2] + expected[3:]
    outcome = told[2].outcome
    assert (outcome.seed, outcome.violation) == (2, NOT_RUN)
    assert not outcome.holds


@pytest.mark.long
def test_campaign_over_keys_and_values_is_the_same_there(cluster: Any) -> None:
    plans = [draw_plan(seed, nodes=3, seconds=2.0) for seed in range(20)]
    engine = DaskEngine(cluster.scheduler_address)
    assert list(engine(simulate, plans)) == list(map(simulate, plans))


def _runs_done(dask_worker: Any) -> int:
    """Return how many tasks a worker has done."""
    done: int = dask_worker.state.executed_count
    return done


@pytest.mark.parametrize("address", ["not an address", "tcp://host", "http://host:1"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigError, match=f"scheduler is {address}; it must be like"):
        DaskEngine(address)
