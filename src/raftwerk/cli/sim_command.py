"""The words of ``raftwerk sim``; the simulator is imported once they make sense."""

# pylint: disable=import-outside-toplevel  # see above

from pathlib import Path
from shlex import quote
from typing import Annotated, Final

import typer

from raftwerk.cli.ctl import Form
from raftwerk.cli.output import is_json
from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError

__all__ = ["add_commands"]

JOBS_MAX: Final = 256

NODES: Final = 5

FAULTS: Final = "all"


def add_commands(app: typer.Typer) -> None:
    """Give an application the command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("sim")(_sim)


# pylint: disable-next=too-many-locals,too-many-arguments  # each is a flag
def _sim(
    *,
    seed: Annotated[int | None, typer.Option(help="Decides everything.")] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="A..B", help="Many, both ends included.")
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(help="Members in the beginning, 1 to 9; without it 5.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Virtual length; without any, 60 seconds.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="The same.")] = None,
    hours: Annotated[float | None, typer.Option(help="The same.")] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="calm, network, disk, membership, all, or swarm: some of all; without"
            " it all.",
        ),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="FILE", help="Run this again instead.")
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="Try this state machine of yours."),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="What each client of it does."),
    ] = None,
    invariant: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:NAME", help="What must hold of it; repeatable."),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="Judges what clients were told."),
    ] = None,
    clients: Annotated[
        int | None,
        typer.Option(help="How many, of a machine of yours; without it 3."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes at a time; without it one.")
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="processes, or dask: machines.")
    ] = "processes",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of the engine dask.")
    ] = None,
    evidence: Annotated[
        str, typer.Option(metavar="DIR", help="Where stories of failures go.")
    ] = "sim-evidence",
    shrink: Annotated[bool, typer.Option(help="Make a failing run small.")] = True,
    output: Form = "text",
) -> None:
    """Run a whole cluster on virtual time, under faults; check it.

    What is checked is all that Raft and raftwerk promise.
    """
    as_json = is_json(output)
    _check_engine(engine, scheduler, jobs)
    if scenario is not None:
        _refuse_beside_scenario(
            seed=seed,
            seeds=seeds,
            nodes=nodes,
            seconds=seconds,
            minutes=minutes,
            hours=hours,
            faults=faults,
            clients=clients,
        )
    place = _place_of(evidence)
    from raftwerk.cli.sim_plans import (
        draw_plans,
        read_scenario,
        read_seeds,
        virtual_seconds,
    )
    from raftwerk.cli.simulate import sim
    from raftwerk.cli.trial import read_trial
    from raftwerk.sim.engine import DaskEngine
    from raftwerk.sim.report import command_of
    from raftwerk.sim.run import Outcome

    named = read_trial(machine, client, invariant or [], judge, clients)
    if scenario is not None:
        plans = [read_scenario(scenario, is_tried=named.trial is not None)]
    else:
        length = virtual_seconds(seconds, minutes, hours)
        plans = draw_plans(
            read_seeds(seed, seeds),
            nodes=NODES if nodes is None else nodes,
            seconds=length,
            faults=FAULTS if faults is None else faults,
            clients=clients,
            tried=named,
        )

    def _again(outcome: Outcome) -> str:
        """Return the command that brings a run about again."""
        if scenario is not None:
            return f"raftwerk sim --scenario {quote(scenario)}"
        told = "" if clients is None else f" --clients {clients}"
        return command_of(outcome, FAULTS if faults is None else faults) + told

    raise typer.Exit(
        sim(
            plans,
            again=_again,
            jobs=min(jobs or 1, len(plans)),
            as_json=as_json,
            evidence=place,
            shrinks=shrink,
            tried=named,
            engine=None if scheduler is None else DaskEngine(scheduler, named.modules),
        )
    )


def _check_engine(engine: str, scheduler: str | None, jobs: int | None) -> None:
    """Refuse what says two things of where the runs are to run."""
    if jobs is not None and not 1 <= jobs <= JOBS_MAX:
        raise bad_setting("jobs", str(jobs), f"1 to {JOBS_MAX}")
    if engine not in ("processes", "dask"):
        raise bad_setting("engine", engine, "processes or dask")
    if (engine == "dask") != (scheduler is not None):
        raise ConfigError("engine dask and scheduler are only good together")
    if engine == "dask" and jobs is not None:
        raise ConfigError("jobs is given; with engine dask its workers decide")


def _refuse_beside_scenario(**given: object) -> None:
    """Refuse what a scenario has decided already."""
    for name, value in given.items():
        if value is not None:
            raise ConfigError(f"{name} and scenario are both given; a scenario has all")


def _place_of(evidence: str) -> Path:
    """Return where evidence goes, if a directory is there or can be made there."""
    place = Path(evidence)
    try:
        is_good = bool(evidence) and (place.is_dir() or not place.exists())
    except OSError as error:
        allowed = f"a directory, or to be made ({error.strerror})"
        raise bad_setting("evidence", evidence, allowed) from None
    if not is_good:
        raise bad_setting("evidence", evidence, "a directory, or to be made")
    return place
