"""A campaign on a cluster of Dask: two workers, each a process, give what one gives."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.main import run
from raftwerk.errors import ConfigError
from raftwerk.sim.campaign import simulate
from raftwerk.sim.engine import DaskEngine
from raftwerk.sim.faults import draw_plan
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
