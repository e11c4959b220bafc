"""Which runs the options of ``raftwerk sim`` ask for."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from raftwerk.cli.trial import NamedTrial
from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError
from raftwerk.sim.faults import draw_plan
from raftwerk.sim.plan import SECONDS_MAX, SEED_MAX, SORTS, Plan, decode_plan
from raftwerk.sim.report import exact
from raftwerk.sim.users import CLIENTS, KV_KINDS, draw_trial

__all__ = ["draw_plans", "read_scenario", "read_seeds", "virtual_seconds"]

SECONDS: Final = 60.0

SEEDS_MAX: Final = 100_000
"""Of one command: their plans are in memory, 10 KB each for a minute of faults."""


def draw_plans(
    seeds: Sequence[int],
    *,
    nodes: int,
    seconds: float,
    faults: str,
    clients: int | None,
    tried: NamedTrial,
) -> list[Plan]:
    """Return what each seed brings.

    Parameters
    ----------
    seeds : sequence of int
        Each decides everything in its run.
    nodes : int
        Members in the beginning.
    seconds : float
        How long faults and work last, of virtual time.
    faults : str
        As `draw_plan` has it.
    clients : int or None
        Of a user's machine; None: as many as usual.
    tried : NamedTrial
        What is tried of a user's, if anything.

    Returns
    -------
    list of Plan
        One a seed, in their order.

    Raises
    ------
    ConfigError
        If there is no such scenario, or a number can't work.
    """
    draw = draw_plan
    if tried.trial is not None:
        count = CLIENTS if clients is None else clients
        draw = partial(draw_trial, clients=count, machine=tried.trial.machine)
    words = tried.words.strip()
    return [
        replace(draw(seed, nodes=nodes, seconds=seconds, faults=faults), machine=words)
        for seed in seeds
    ]


def read_seeds(seed: int | None, seeds: str | None) -> range:
    """Return which seeds are wanted.

    Parameters
    ----------
    seed : int or None
        One.
    seeds : str or None
        Many: ``A..B``, both ends included.

    Returns
    -------
    range
        All of them; without either, 0.

    Raises
    ------
    ConfigError
        If it can't be understood.
    """
    if seeds is None:
        one = 0 if seed is None else seed
        if not 0 <= one <= SEED_MAX:
            raise bad_setting("seed", str(one), f"0 to {SEED_MAX}")
        return range(one, one + 1)
    if seed is not None:
        raise ConfigError("seed and seeds are both given; one of them is enough")
    match = re.fullmatch(r"([0-9]{1,20})\.\.([0-9]{1,20})", seeds)
    if match is None or not int(match[1]) <= int(match[2]) <= SEED_MAX:
        allowed = f"A..B, with A at most B and B at most {SEED_MAX}"
        raise bad_setting("seeds", seeds, allowed)
    found = range(int(match[1]), int(match[2]) + 1)
    if len(found[:SEEDS_MAX]) < found.stop - found.start:
        raise bad_setting("seeds", seeds, f"no more than {SEEDS_MAX} at a time")
    return found


def virtual_seconds(
    seconds: float | None, minutes: float | None, hours: float | None
) -> float:
    """Return how long a run is to last.

    Parameters
    ----------
    seconds, minutes, hours : float or None
        One of them, or none.

    Returns
    -------
    float
        In seconds.

    Raises
    ------
    ConfigError
        If more than one is given, or it is no time.
    """
    units = (("seconds", seconds, 1), ("minutes", minutes, 60), ("hours", hours, 3600))
    given = [(name, value, unit) for name, value, unit in units if value is not None]
    if len(given) > 1:
        names = " and ".join(name for name, _, _ in given)
        raise ConfigError(f"{names} are both given; one of them is enough")
    for name, value, unit in given:
        if not 0 < value * unit <= SECONDS_MAX:
            allowed = f"more than 0, and no more than {exact(SECONDS_MAX)} s in all"
            raise bad_setting(name, exact(value), allowed)
        return value * unit
    return SECONDS


def read_scenario(path: str, *, is_tried: bool = False) -> Plan:
    """Return the plan that a file holds.

    Parameters
    ----------
    path : str
        The file.
    is_tried : bool
        Whether it is to be run with a machine of a user's.

    Returns
    -------
    Plan
        To be run again.

    Raises
    ------
    ConfigError
        If it can't be read, or is of keys and values where a user's machine is tried,
        or of such a machine and there is none.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        allowed = f"a file that can be read ({error.strerror})"
        raise bad_setting("scenario", path, allowed) from error
    plan = decode_plan(data, path)
    if plan.machine and not is_tried:
        raise ConfigError(
            f"scenario is {path}, of a machine of yours, without which it means"
            f" nothing; give it beside: {plan.machine}"
        )
    if is_tried:
        sorts = [name for name in SORTS if name != "writers" and getattr(plan, name)]
        kinds = [each.kind for each in plan.faults if each.kind in KV_KINDS]
        if found := [*sorts, *kinds]:
            raise ConfigError(
                f"scenario is {path}, of keys and values: it has {found[0]}, which no"
                " machine of yours knows"
            )
    return plan
