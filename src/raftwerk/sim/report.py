"""What people and programs are told of a run: the verdict, the command, the story."""

from collections.abc import Iterable, Sequence
from typing import Final

from raftwerk.sim.plan import SORTS, Plan
from raftwerk.sim.run import Outcome

__all__ = ["command_of", "exact", "story_of", "summary_of"]

LAST_LINES: Final = 60
"""Of the story that a report shows; a file has more."""

LEGEND: Final = (
    "time in virtual seconds, who (- is the world around the members), what happened"
)


def command_of(outcome: Outcome, faults: str) -> str:
    """Return what brings a run about again.

    Parameters
    ----------
    outcome : Outcome
        Of the run.
    faults : str
        The scenario.

    Returns
    -------
    str
        For a shell.
    """
    return (
        f"raftwerk sim --seed {outcome.seed} --nodes {outcome.nodes}"
        f" --seconds {exact(outcome.seconds)} --faults {faults}"
    )


def exact(number: float) -> str:
    """Return a number so that who reads it gets the same one.

    Parameters
    ----------
    number : float
        Any.

    Returns
    -------
    str
        As short as that can be.

    Examples
    --------
    >>> exact(60.0), exact(1234567.25)
    ('60', '1234567.25')
    """
    return repr(number).removesuffix(".0")


def story_of(
    outcome: Outcome, plan: Plan, lines: Sequence[str], command: str
) -> list[str]:
    """Return what went wrong, for people.

    Parameters
    ----------
    outcome : Outcome
        Of the run.
    plan : Plan
        What happened in it.
    lines : sequence of str
        What was told.
    command : str
        What brings it about again.

    Returns
    -------
    list of str
        Lines.
    """
    clients = ", ".join(
        f"{count} {words}"
        for name, words in SORTS.items()
        if (count := getattr(plan, name))
    )
    return [
        f"seed {outcome.seed}: {outcome.violation}",
        *(f"  {line}" for line in outcome.story.splitlines()),
        "",
        f"again: {command}",
        f"{plan.nodes} nodes, {exact(plan.seconds)} s, {len(plan.faults)} faults;"
        f" {clients or 'no clients'}",
        *(
            f"  at {fault.at:g} s for {fault.seconds:g} s: {fault.kind}"
            for fault in plan.faults
        ),
        "",
        LEGEND,
        *lines,
    ]


def summary_of(outcomes: Iterable[Outcome]) -> dict[str, object]:
    """Return what became of many runs together.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Of each.

    Returns
    -------
    dict
        Sums, and the seeds of those that failed.
    """
    listed = list(outcomes)
    return {
        "runs": len(listed),
        "failed": [each.seed for each in listed if not each.holds],
        "virtual_seconds": round(sum(each.virtual_seconds for each in listed), 3),
        "commands": sum(each.commands for each in listed),
        "elections": sum(each.elections for each in listed),
        "restarts": sum(each.restarts for each in listed),
        "faults": sum(sum(each.faults.values()) for each in listed),
    }
