"""The words of ``raftwerk replay``; what it does is imported once they make sense."""

# pylint: disable=import-outside-toplevel  # see above

from typing import Annotated, Final

import typer

from raftwerk.cli.ctl import Form
from raftwerk.cli.output import is_json
from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError

__all__ = ["add_commands"]

ALLOWED: Final = "asked for one of --step, --at, --diff and --events"


def add_commands(app: typer.Typer) -> None:
    """Give an application the command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("replay")(_replay)


def _replay(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="What serve --record kept, or a folder of it."
        ),
    ],
    *,
    step: Annotated[
        int | None, typer.Option(metavar="N", help="Show the state after N records.")
    ] = None,
    at: Annotated[
        int | None,
        typer.Option(metavar="INDEX", help="Show it when INDEX is committed."),
    ] = None,
    until: Annotated[
        int | None, typer.Option(metavar="N", help="Replay no more than N records.")
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show each record, and what it changed.")
    ] = False,
    events: Annotated[
        str | None,
        typer.Option(metavar="OUT", help="Write an event file, for the page to play."),
    ] = None,
    output: Form = "text",
) -> None:
    """Run a node's core again on what it was told; compare.

    It has to do the same, step by step.
    """
    as_json = is_json(output)
    for name, value in (("step", step), ("at", at), ("until", until)):
        if value is not None and value < 0:
            raise bad_setting(name, value, "0 or more")
    if sum((step is not None, at is not None, diff, events is not None)) > 1:
        raise bad_setting("replay", "asked for several things", ALLOWED)
    if until is not None and (step is not None or at is not None):
        raise ConfigError("until is given; --step and --at end by themselves")
    if as_json and events is not None:
        raise ConfigError("output is json; --events writes a file and prints nothing")
    from raftwerk.cli import replay

    if step is not None or at is not None:
        code = replay.show_state(path, step=step, at=at, as_json=as_json)
    elif diff:
        code = replay.show_steps(path, until=until, as_json=as_json)
    elif events is not None:
        code = replay.write_events(path, events, until=until)
    else:
        code = replay.summarize(path, until=until, as_json=as_json)
    raise typer.Exit(code)
