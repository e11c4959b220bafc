"""Which runs the options of ``raftwerk sim`` ask for."""

import pytest
from msgspec.structs import replace

from raftwerk.cli.sim_plans import draw_plans, read_seeds, virtual_seconds
from raftwerk.cli.trial import NamedTrial, read_trial
from raftwerk.errors import ConfigError
from raftwerk.sim.faults import draw_plan
from raftwerk.sim.users import CLIENTS, draw_trial

BANK = read_trial("tests.sim.bank:Bank", None, (), None)


def test_seeds_include_both_ends() -> None:
    assert list(read_seeds(None, "3..5")) == [3, 4, 5]
    assert list(read_seeds(7, None)) == [7]
    assert list(read_seeds(None, None)) == [0]


def test_length_has_three_units() -> None:
    assert virtual_seconds(None, None, None) == 60.0
    assert virtual_seconds(None, 1.5, None) == 90.0
    assert virtual_seconds(None, None, 2.0) == 7200.0
    with pytest.raises(ConfigError):
        virtual_seconds(None, None, 1e9)


def test_each_seed_brings_a_plan_of_its_own() -> None:
    plans = draw_plans(
        [3, 4], nodes=3, seconds=2.0, faults="all", clients=None, tried=NamedTrial()
    )
    assert plans == [draw_plan(seed, nodes=3, seconds=2.0) for seed in (3, 4)]


@pytest.mark.parametrize(("clients", "drawn"), [(None, CLIENTS), (2, 2), (0, 0)])
def test_a_machine_of_a_user_has_as_many_clients_as_asked_for(
    clients: int | None, drawn: int
) -> None:
    (plan,) = draw_plans(
        [5], nodes=3, seconds=2.0, faults="calm", clients=clients, tried=BANK
    )
    expected = draw_trial(5, nodes=3, seconds=2.0, faults="calm", clients=drawn)
    assert plan == replace(expected, machine="--machine tests.sim.bank:Bank")
