"""``recover``: going on with what is left of a cluster that has lost its quorum.

It looks at data directories, or asks nodes that still run, and says which log is the
most complete and what may be lost. It changes something only when it is told ``--yes``:
then each directory gets a new log beside its old one, and the old one is put aside.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli.ctl import TIMEOUT, Form, Patience
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import is_json, write_json, write_lines
from raftwerk.cli.recover_nodes import ask
from raftwerk.cli.recover_report import RecoverReport, program_form, report_lines
from raftwerk.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from raftwerk.runtime.survivors import Survivor
    from raftwerk.storage.disk_protocol import Disk

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("recover")(_recover)


def _recover(
    directories: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DIR",
            help="Data directories of all members that are left.",
            show_default=False,
        ),
    ] = None,
    endpoints: Annotated[
        str,
        typer.Option(
            "--endpoints", metavar="URL,…", help="Ask nodes that still run, instead."
        ),
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this, only tell.")
    ] = False,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Go on with what is left after a quorum was lost for good."""
    as_json = is_json(output)
    if endpoints and directories:
        raise ConfigError("recover takes data directories or --endpoints, not both")
    if endpoints and yes:
        raise ConfigError(
            "recover --yes needs data directories: stop the nodes that are left, and"
            " run it where their data is"
        )
    if endpoints:
        ask(endpoints, timeout, as_json)
    elif directories:
        raise typer.Exit(_recover_directories(directories, yes, as_json))
    else:
        raise ConfigError(
            "recover needs the data directories of all members that are left, or"
            " --endpoints of those that still run"
        )


def _recover_directories(
    directories: Sequence[str], yes: bool, as_json: bool
) -> ExitCode:
    """Look at all of them, tell what would be done, and do it if asked to."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.cli.new_epoch import begin_epoch, finish
    from raftwerk.storage.directory import lock_directory
    from raftwerk.storage.disk import RealDisk

    disk = RealDisk()
    paths = list(dict.fromkeys(os.path.abspath(each) for each in directories))
    with ExitStack() as stack:
        if yes:
            for path in paths:
                if not os.path.isdir(path):
                    raise ConfigError(f"there is no data directory {path}")
                lock = lock_directory(disk, path, "raftwerk recover")
                stack.enter_context(closing(lock))
                finish(disk, path)
        report = _look_at_all(disk, paths, yes)
        if yes:
            begin_epoch(disk, report.decision)
    if as_json:
        write_json(program_form(report))
    else:
        write_lines(list(report_lines(report)))
    return ExitCode.OK


def _look_at_all(disk: "Disk", paths: Sequence[str], yes: bool) -> RecoverReport:
    """Decide with what to go on, from all that is left."""
    # pylint: disable-next=import-outside-toplevel  # see `cli.main`
    from raftwerk.runtime.survivors import decide, look_at

    survivors: list[Survivor] = []
    damaged: dict[str, str] = {}
    for path in paths:
        try:
            survivors.append(look_at(disk, path))
        except StorageError as error:
            damaged[path] = str(error)
    if not survivors:
        raise ConfigError("; ".join(damaged.values()))
    decision = decide(survivors)
    if decision.has_quorum:
        raise ConfigError(
            f"{len(decision.keepers)} of {len(decision.source.conf_state.voters)}"
            " voters are here, which is a quorum: start them, there is nothing to"
            " recover"
        )
    return RecoverReport(decision, survivors, damaged, is_done=yes)
