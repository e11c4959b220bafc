"""A group of cores in one process, all that can happen to it, and what must hold.

``run(seed)`` is a pure function of its arguments: a run that failed is told again by
``python -m tests.core.group SEED``. The members are real replicas on real stores; the
network, the disks, the clocks and the clients are drawn from the seed. What is checked,
and when, is `properties`.
"""

from collections.abc import Collection

from .calm import demand_progress
from .chaos import cause_chaos
from .properties import Property, Violation
from .shape import FAULTS
from .story import Story
from .world import World

__all__ = [
    "FAULTS",
    "Property",
    "Story",
    "Violation",
    "World",
    "cause_chaos",
    "run",
]


def run(
    seed: int,
    *,
    without: Collection[str] = (),
    leases: bool = False,
    ticks: int | None = None,
    story: Story | None = None,
) -> World:
    """Let a group run through faults, and then demand progress.

    Parameters
    ----------
    seed : int
        What decides everything.
    without : collection of str
        Faults to leave out; see `FAULTS`.
    leases : bool
        Whether reads are served by lease, whatever the seed says.
    ticks : int, optional
        How long the faults last, instead of what the seed says.
    story : Story, optional
        Where to tell what happens.

    Returns
    -------
    World
        At its end.

    Raises
    ------
    Violation
        If anything that must hold does not.
    """
    world = World(seed, without=without, leases=leases, ticks=ticks, story=story)
    cause_chaos(world)
    demand_progress(world)
    return world
