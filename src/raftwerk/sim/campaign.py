"""One run of many: plain values in, plain values out.

Seeds are independent, so whatever maps a function over values can run a campaign: a
pool of processes here, or machines elsewhere. It is given `simulate`.
"""

import traceback
from collections.abc import Callable

import msgspec

from raftwerk.sim.plan import Plan
from raftwerk.sim.run import Outcome, run_plan
from raftwerk.sim.shrink import shrink
from raftwerk.sim.trial import Trial
from raftwerk.sim.tried_run import run_trial

__all__ = ["NOT_RUN", "UNNAMED", "Told", "not_run", "simulate", "smallest"]

UNNAMED = "an error that has no name"
"""What is violated where code raised what it never should."""

NOT_RUN = "not run"
"""What stands in the place of a violated property where there was no verdict."""


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


def simulate(plan: Plan, trial: Trial | None = None) -> Told:
    """Run one plan; nothing is raised that a run may bring.

    Parameters
    ----------
    plan : Plan
        What is to happen.
    trial : Trial, optional
        What a user brought; without it, the group keeps keys and values.

    Returns
    -------
    Told
        The verdict, and the story if there is one to tell.
    """
    try:
        if trial is None:
            outcome, lines = run_plan(plan)
        else:
            outcome, lines = run_trial(trial, plan)
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


def not_run(plan: Plan, why: str) -> Told:
    """Return what is told of a plan whose process died each time, or never began.

    Parameters
    ----------
    plan : Plan
        Which.
    why : str
        In words.

    Returns
    -------
    Told
        No pass: nobody knows what the run would have shown.
    """
    outcome = Outcome(
        seed=plan.seed,
        nodes=plan.nodes,
        seconds=plan.seconds,
        violation=NOT_RUN,
        story=why,
    )
    return Told(outcome, [])


def smallest(
    plan: Plan, told: Told, run: Callable[[Plan], Told] = simulate
) -> tuple[Plan, Told]:
    """Return the smallest plan that violates the same property as one that failed.

    Parameters
    ----------
    plan : Plan
        One that failed.
    told : Told
        How it did.
    run : callable
        Runs a plan.

    Returns
    -------
    tuple of Plan and Told
        Perhaps the same.
    """
    violation = told.outcome.violation
    found = told

    def _fails(candidate: Plan) -> bool:
        """Tell whether a plan fails in the same way, and keep how."""
        nonlocal found
        attempt = run(candidate)
        if attempt.outcome.violation != violation:
            return False
        found = attempt
        return True

    small = shrink(plan, _fails)
    return small, found
