"""The words of ``raftwerk sim``; the simulator is imported once they make sense."""

# pylint: disable=import-outside-toplevel  # see above

from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from raftwerk.cli.ctl import Form
from raftwerk.cli.output import is_json
from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError

__all__ = ["add_commands"]

JOBS_MAX: Final = 256


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
    nodes: Annotated[int, typer.Option(help="Members in the beginning, 1 to 9.")] = 5,
    seconds: Annotated[
        float | None, typer.Option(help="Virtual length; without any, 60 seconds.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="The same.")] = None,
    hours: Annotated[float | None, typer.Option(help="The same.")] = None,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="calm, network, disk, membership, all, or swarm: some of all.",
        ),
    ] = "all",
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
    clients: Annotated[int, typer.Option(help="How many, of a machine of yours.")] = 3,
    jobs: Annotated[int, typer.Option(help="Processes at a time.")] = 1,
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
    """Run a whole cluster on virtual time, under faults, and check all it promises."""
    as_json = is_json(output)
    if not 1 <= jobs <= JOBS_MAX:
        raise bad_setting("jobs", str(jobs), f"1 to {JOBS_MAX}")
    if engine not in ("processes", "dask"):
        raise bad_setting("engine", engine, "processes or dask")
    if (engine == "dask") != (scheduler is not None):
        raise ConfigError("engine dask and scheduler are only good together")
    from raftwerk.cli.simulate import read_scenario, read_seeds, sim, virtual_seconds
    from raftwerk.cli.trial import read_trial
    from raftwerk.sim.engine import DaskEngine
    from raftwerk.sim.faults import draw_plan
    from raftwerk.sim.users import draw_trial

    named = read_trial(machine, client, invariant or [], judge)
    if scenario is not None:
        plans = [read_scenario(scenario)]
    else:
        draw = draw_plan
        if named.trial is not None:
            draw = partial(draw_trial, clients=clients)
            words = f"{named.words} --clients {clients}"
            named = msgspec.structs.replace(named, words=words)
        length = virtual_seconds(seconds, minutes, hours)
        plans = [
            draw(each, nodes=nodes, seconds=length, faults=faults)
            for each in read_seeds(seed, seeds)
        ]
    raise typer.Exit(
        sim(
            plans,
            faults=faults,
            jobs=min(jobs, len(plans)),
            as_json=as_json,
            evidence=Path(evidence),
            shrinks=shrink,
            tried=named,
            engine=None if scheduler is None else DaskEngine(scheduler, named.modules),
        )
    )
