"""One run of many: plain values in, plain values out.

Seeds are independent, so whatever maps a function over values can run a campaign: a
pool of processes here, or machines elsewhere. It is given `simulate`.
"""

import traceback

import msgspec

from raftwerk.sim.plan import Plan
from raftwerk.sim.run import Outcome, run_plan

__all__ = ["UNNAMED", "Told", "simulate"]

UNNAMED = "an error that has no name"
"""What is violated where code raised what it never should."""


class Told(msgspec.Struct, frozen=True):
    """What one run gave.

    Parameters
    ----------
    outcome : Outcome
        The verdict.
    lines : list of str
        The story; empty if all held.
    """

    outcome: Outcome
    lines: list[str]


def simulate(plan: Plan) -> Told:
    """Run one plan; nothing is raised that a run may bring.

    Parameters
    ----------
    plan : Plan
        What is to happen.

    Returns
    -------
    Told
        The verdict, and the story if there is one to tell.
    """
    try:
        outcome, lines = run_plan(plan)
    # pylint: disable-next=broad-exception-caught  # whatever it is, it is a finding
    except Exception as error:
        words = traceback.format_exception(error)
        outcome = Outcome(
            seed=plan.seed,
            nodes=plan.nodes,
            seconds=plan.seconds,
            violation=UNNAMED,
            story=f"{type(error).__name__}: {error}",
        )
        return Told(outcome, "".join(words).splitlines())
    return Told(outcome, [] if outcome.holds else lines)
