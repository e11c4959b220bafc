"""Which faults a seed brings, and when: scenarios with weights, and swarm testing.

In a swarm each seed draws which kinds of fault are on at all, and how often they come:
a run with everything on seldom gets near a deep state (Groce and others, 2012).
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from raftwerk.errors import ConfigError
from raftwerk.host.draw import SplitMix64
from raftwerk.sim.plan import Fault, Plan, check_plan

__all__ = ["SCENARIOS", "draw_plan", "with_strikes"]

SCENARIOS: Final[Mapping[str, Mapping[str, int]]] = {
    "calm": {},
    "network": {
        "depose": 3,
        "stranger": 1,
        "partition": 4,
        "weather": 4,
        "transfer": 1,
        "snapshot": 1,
        "compact": 3,
    },
    "disk": {
        "crash": 3,
        "crashloop": 2,
        "cut": 4,
        "between": 1,
        "blackout": 2,
        "during": 4,
        "slow": 2,
        "full": 2,
        "fail": 3,
        "rot": 6,
        "snapshot": 3,
        "compact": 1,
    },
    "membership": {
        "member": 6,
        "transfer": 2,
        "crash": 1,
        "partition": 1,
        "snapshot": 3,
        "stop": 1,
        "between": 1,
        "during": 2,
    },
    "all": {
        "between": 3,
        "blackout": 1,
        "clock": 2,
        "compact": 2,
        "crash": 4,
        "crashloop": 2,
        "cut": 3,
        "depose": 2,
        "during": 3,
        "fail": 1,
        "full": 1,
        "kill": 2,
        "member": 3,
        "partition": 4,
        "rot": 1,
        "slow": 2,
        "snapshot": 3,
        "stall": 3,
        "stop": 1,
        "stranger": 1,
        "transfer": 2,
        "weather": 3,
    },
}
"""By name: what may happen, and how often in proportion."""

_GAPS_MILLIS: Final = (500, 1_000, 2_000, 4_000)
"""How long it is from one fault to the next on average: a run draws one."""

SWEPT_OF: Final = 4
"""In one of so many seeds somebody changes many keys at once: that takes its time."""

STRIKES_MAX: Final = 6
"""How often at most something happens amid such a change."""

_LENGTHS_MILLIS: Final = (100, 500, 1_500, 4_000)
"""How long a fault lasts at most: each draws one."""


def draw_plan(
    seed: int, *, nodes: int = 5, seconds: float = 60.0, faults: str = "all"
) -> Plan:
    """Return what a seed brings.

    Parameters
    ----------
    seed : int
        Decides everything.
    nodes : int
        Members in the beginning.
    seconds : float
        How long faults and work last.
    faults : str
        One of `SCENARIOS`, or ``swarm``: each seed has only some of ``all``.

    Returns
    -------
    Plan
        To be run.

    Raises
    ------
    ConfigError
        If there is no such scenario, or a number can't work.

    Examples
    --------
    >>> draw_plan(7, seconds=2.0, faults="calm").faults
    ()
    >>> draw_plan(7, seconds=5.0, faults="network") == draw_plan(
    ...     7, seconds=5.0, faults="network")
    True
    """
    check_plan(Plan(seed=seed, nodes=nodes, seconds=seconds))
    draw = SplitMix64(seed).fork("plan")
    if faults == "swarm":
        chosen = SCENARIOS["all"]
        weights = {kind: weight for kind, weight in chosen.items() if draw.below(2)}
    elif faults in SCENARIOS:
        weights = dict(SCENARIOS[faults])
    else:
        raise ConfigError(
            f"faults is {faults}; it must be one of {', '.join(SCENARIOS)}, swarm"
        )
    drawn = _draw_faults(draw, weights, seconds)
    sweepers = 0
    sweeping = SplitMix64(seed).fork("sweepers")
    if weights and sweeping.below(SWEPT_OF) == 0:
        sweepers = 1
        drawn = with_strikes(drawn, sweeping, seconds)
    return Plan(
        seed=seed,
        nodes=nodes,
        seconds=seconds,
        faults=drawn,
        snapshot_entries=(50, 200, 1_000)[draw.below(3)],
        sweepers=sweepers,
        wires="streams" if draw.below(3) == 0 else "messages",
    )


def _draw_faults(
    draw: SplitMix64, weights: Mapping[str, int], seconds: float
) -> tuple[Fault, ...]:
    """Return faults in order of time."""
    if not weights:
        return ()
    ends = list(zip(weights, accumulate(weights.values()), strict=True))
    total = ends[-1][1]
    gap = _GAPS_MILLIS[draw.below(len(_GAPS_MILLIS))]
    faults = []
    at = draw.below(2 * gap) / 1000
    while at < seconds:
        chosen = draw.below(total)
        kind = next(kind for kind, end in ends if chosen < end)
        length = _LENGTHS_MILLIS[draw.below(len(_LENGTHS_MILLIS))]
        faults.append(
            Fault(
                at=at,
                kind=kind,
                seconds=min((1 + draw.below(length)) / 1000, seconds - at),
                draw=draw.below(1 << 48),
            )
        )
        at = round(at + (1 + draw.below(2 * gap)) / 1000, 3)
    return tuple(faults)


def with_strikes(
    faults: tuple[Fault, ...], draw: SplitMix64, seconds: float
) -> tuple[Fault, ...]:
    """Return faults, and more that strike amid a change that is made in steps.

    Parameters
    ----------
    faults : tuple of Fault
        In order of time.
    draw : SplitMix64
        Decides how many there are, and when.
    seconds : float
        How long faults last.

    Returns
    -------
    tuple of Fault
        All, in order of time.
    """
    strikes = [
        Fault(
            at=round(seconds * draw.below(1000) / 1000, 3),
            kind="amid",
            seconds=(1 + draw.below(_LENGTHS_MILLIS[2])) / 1000,
            draw=draw.below(1 << 48),
        )
        for _ in range(2 + draw.below(STRIKES_MAX - 1))
    ]
    return tuple(sorted((*faults, *strikes), key=lambda fault: fault.at))
