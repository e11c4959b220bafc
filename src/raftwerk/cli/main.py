"""The words on the command line, and how a command's failure is told.

The flags come from the table of settings; their values are texts here, and are checked
in `cli.settings`. What a command needs beyond that is imported when it runs: a wrong
flag is told at once, and ``--version`` is quick.
"""

# pylint: disable=import-outside-toplevel  # see above

import itertools
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

import raftwerk
from raftwerk.cli import (
    bench,
    ctl,
    ctl_cluster,
    ctl_kv,
    ctl_lease,
    ctl_lock,
    ctl_snapshot,
    ctl_txn,
    ctl_watch,
    explain,
    recover,
    replay_command,
    settings,
    sim_command,
    sources,
)
from raftwerk.cli.api_prefix import take_api_prefix
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.flags import Texts, with_settings
from raftwerk.cli.mistakes import told_of
from raftwerk.cli.output import finish, guard, write_lines
from raftwerk.cli.platforms import require_posix, without_posix
from raftwerk.config import DemoConfig, ServeConfig
from raftwerk.config.form import require_one_of
from raftwerk.errors import (
    ConfigError,
    DirectoryLocked,
    MemberRemoved,
    OutcomeUnknown,
    OutputLost,
    RaftwerkError,
    UnknownFormat,
    WalCorrupted,
)
from raftwerk.host.compiled import build_kind

__all__ = ["app", "main", "run"]

REFUSALS: Final = (ConfigError, DirectoryLocked, UnknownFormat, WalCorrupted)
"""What the operator is to act on before the command can begin."""

Config = TypeVar("Config")

app = typer.Typer(
    name="raftwerk",
    help=raftwerk.__doc__,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its table cuts the longer names at 80 columns
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked_for: bool) -> None:
    """Print who we are and what we run on, in one line, and end."""
    if is_asked_for:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        ours = f"raftwerk {raftwerk.__version__}, {build_kind()}"
        write_lines([f"{ours}, {python}, {platform.platform()}"])
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print version, build, Python and platform.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    del version  # what stands before the command: only this, with its callback


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config-file",
        metavar="FILE",
        help="Settings in TOML.",
        show_default="raftwerk.toml, if there is one",
    ),
]


@app.command("serve")
@with_settings("serve")
def _serve(
    flags: Texts,
    config_file: ConfigFile = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", hidden=True)
    ] = False,
) -> None:
    """Run one node; the flags are those of etcd."""

    def read() -> ServeConfig:
        return _told("serve", settings.serve_config, flags, config_file)

    require_posix("serve")
    config = read()
    from raftwerk.cli.serve import serve

    serve(config, read_again=read, with_parent=exit_with_parent)


@app.command("demo")
@with_settings("demo")
def _demo(
    flags: Texts,
    config_file: ConfigFile = None,
    no_monitor: Annotated[
        bool, typer.Option("--no-monitor", help="Without the page.")
    ] = False,
    opens_page: Annotated[
        bool, typer.Option("--open", help="Show the page in a browser.")
    ] = False,
) -> None:
    """Run a cluster on this machine, to be played with."""

    def read(texts: Mapping[str, str]) -> DemoConfig:
        return settings.demo_config(texts, with_monitor=not no_monitor)

    config = _told("demo", read, flags, config_file)
    require_posix("demo")
    from raftwerk.cli.demo import demo

    raise typer.Exit(demo(config, opens_page=opens_page))


@app.command("monitor")
@with_settings("monitor")
def _monitor(flags: Texts, config_file: ConfigFile = None) -> None:
    """Serve a page that shows the nodes of a cluster."""
    config = _told("monitor", settings.monitor_config, flags, config_file)
    from raftwerk.cli.monitor import monitor

    monitor(config)


@app.command("config")
@with_settings("serve")
def _config(
    flags: Texts,
    config_file: ConfigFile = None,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FORM", help="text, json, or markdown (a page)."
        ),
    ] = "text",
) -> None:
    """Print each setting: its names, its value, and who said so."""
    from raftwerk.cli.config_command import FORMS, print_config

    require_one_of("output", output, FORMS)
    print_config(_sources(config_file), flags, output)


@app.command("inspect")
def _inspect(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="A node's data directory.")
    ],
    output: ctl.Form = "text",
) -> None:
    """Print what is in a data directory, and its damage."""
    from raftwerk.cli.inspect import inspect

    raise typer.Exit(inspect(directory, output))


ctl_kv.add_commands(app)
ctl_txn.add_commands(app)
ctl_watch.add_commands(app)
ctl_lease.add_commands(app)
ctl_lock.add_commands(app)
ctl_cluster.add_commands(app)
explain.add_commands(app)
sim_command.add_commands(app)
bench.add_commands(app)
recover.add_commands(app)
replay_command.add_commands(app)
ctl_snapshot.add_commands(app)
take_api_prefix(app)


def _sources(config_file: str | None) -> sources.Sources:
    """Return where settings may stand; warn of what says nothing."""
    found_in = sources.read_sources(os.environ, Path.cwd(), config_file)
    for line in found_in.warnings():
        print(f"raftwerk: warning: {line}", file=sys.stderr)
    return found_in


def _told(
    command: str,
    read: Callable[[Mapping[str, str]], Config],
    flags: Texts,
    config_file: str | None,
) -> Config:
    """Return what a command was told by all sources."""
    found = _sources(config_file).find(command, flags)
    return sources.understand(read, found)


def _with_two_dashes(arguments: Sequence[str]) -> list[str]:
    """Return the words with flags as we write them: etcd's may have one dash."""
    if list(arguments[:1]) != ["serve"]:
        return list(arguments)
    words = _with_values(arguments)
    is_one_dash = re.compile(r"-[a-z][a-z-]+(=.*)?", re.DOTALL)
    return [f"-{word}" if is_one_dash.fullmatch(word) else word for word in words]


def _with_values(words: Sequence[str]) -> list[str]:
    """Return the words of ``serve`` with a value for the one flag that needs none."""
    said = []
    for word, following in itertools.zip_longest(words, words[1:], fillvalue="-"):
        is_alone = word in ("-record", "--record") and following.startswith("-")
        said.append("--record=full" if is_alone else word)
    return said


def run(arguments: Sequence[str]) -> int:
    """Do what the command line says; tell a failure in one line on standard error.

    Parameters
    ----------
    arguments : sequence of str
        The words after ``raftwerk``; without any, the help is printed.

    Returns
    -------
    int
        The exit code, one of `ExitCode`.
    """
    try:
        code = _call(_with_two_dashes(arguments) or ["--help"])
    except typer.TyperException as error:  # an unknown flag or command, a missing value
        return _complain(told_of(error), ExitCode.REFUSED)
    except RaftwerkError as error:
        return _complain(str(error), _code_for(error))
    except ModuleNotFoundError as error:
        if not (message := without_posix(error)):
            raise
        return _complain(message, ExitCode.REFUSED)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    return ExitCode.OK if code is None else int(code)


def _call(arguments: list[str]) -> Any:
    """Return what a command returns; that nobody reads on is no failure of ours."""
    code = None
    try:
        code = app(args=arguments, prog_name="raftwerk", standalone_mode=False)
    except BrokenPipeError:
        if finish():  # it was another pipe
            raise
    finish()
    return code


def main() -> None:
    """Run the command line of this process, and end it with the exit code."""
    guard()
    sys.exit(run(sys.argv[1:]))


def _code_for(error: RaftwerkError) -> ExitCode:
    """Return the exit code that says what kind of failure it was."""
    if isinstance(error, REFUSALS):
        return ExitCode.REFUSED
    if isinstance(error, (OutcomeUnknown, OutputLost)):
        return ExitCode.UNKNOWN
    if isinstance(error, MemberRemoved):
        return ExitCode.REMOVED
    return ExitCode.FAILED


def _complain(message: str, code: ExitCode) -> ExitCode:
    """Print a message as one line on standard error."""
    print(f"raftwerk: {' '.join(message.split())}", file=sys.stderr)
    return code
