"""The words on the command line, and how a command's failure is told.

Values are read as texts here and checked in `cli.settings`. What a command needs beyond
that is imported when it runs: a wrong flag is told at once, and ``--version`` is quick.
"""

# Typer reads the flags from the signatures; the values are taken from its context.
# pylint: disable=unused-argument,too-many-locals
# pylint: disable=too-many-arguments,too-many-positional-arguments
# pylint: disable=import-outside-toplevel  # see above

import platform
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

import raftwerk
from raftwerk.cli import settings
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.errors import (
    ConfigError,
    DirectoryLocked,
    RaftwerkError,
    UnknownFormat,
    WalCorrupted,
)

__all__ = ["app", "main", "run"]

REFUSALS: Final = (ConfigError, DirectoryLocked, UnknownFormat, WalCorrupted)
"""What the operator is to act on before the command can begin."""

Text = str | None
"""A flag's value as it was written; None if it was not given."""

app = typer.Typer(
    name="raftwerk",
    help=raftwerk.__doc__,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its table cuts the longer names at 80 columns
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _flag(metavar: str, description: str, otherwise: str) -> object:
    """Return what typer is to know of a flag with a value, and its default in words."""
    return typer.Option(metavar=metavar, help=description, show_default=otherwise)


def _print_version(is_asked_for: bool) -> None:
    """Print who we are and what we run on, in one line, and end."""
    if is_asked_for:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        print(f"raftwerk {raftwerk.__version__}, {python}, {platform.platform()}")
        raise typer.Exit()


def _texts(context: typer.Context) -> dict[str, str]:
    """Return the flags with a value that were given, by setting."""
    params = context.params.items()
    return {
        name.replace("_", "-"): text for name, text in params if isinstance(text, str)
    }


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print version, Python and platform.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass  # what stands before the command: only --version, which has its callback


@app.command("serve")
def _serve(
    context: typer.Context,
    name: Annotated[Text, _flag("NAME", "This node's name.", "default")] = None,
    data_dir: Annotated[
        Text, _flag("DIR", "All that must survive.", "NAME.raftwerk")
    ] = None,
    listen_client_urls: Annotated[
        Text, _flag("URLS", "Where clients are answered.", "http://127.0.0.1:2379")
    ] = None,
    advertise_client_urls: Annotated[
        Text, _flag("URLS", "Where clients are told to come.", "those listened on")
    ] = None,
    listen_peer_urls: Annotated[
        Text, _flag("URLS", "Where peers are answered.", "http://127.0.0.1:2380")
    ] = None,
    initial_advertise_peer_urls: Annotated[
        Text, _flag("URLS", "Where peers are told to come.", "those listened on")
    ] = None,
    initial_cluster: Annotated[
        Text, _flag("NAME=URL,…", "The members of the first start.", "this node")
    ] = None,
    initial_cluster_state: Annotated[
        Text, _flag("STATE", "Found a cluster (new) or join one (existing).", "new")
    ] = None,
    initial_cluster_token: Annotated[
        Text, _flag("TOKEN", "Keeps like clusters apart.", "raftwerk-cluster")
    ] = None,
    heartbeat_interval: Annotated[
        Text, _flag("MILLISECONDS", "From one heartbeat to the next.", "50")
    ] = None,
    election_timeout: Annotated[
        Text,
        _flag("MILLISECONDS", "Least wait for a leader; most is twice that.", "150"),
    ] = None,
    snapshot_count: Annotated[
        Text, _flag("ENTRIES", "From one snapshot to the next.", "10000")
    ] = None,
    log_level: Annotated[
        Text, _flag("LEVEL", "debug, info, warn, error, panic or fatal.", "info")
    ] = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", hidden=True)
    ] = False,
) -> None:
    """Run one node; the flags are those of etcd."""
    config = settings.serve_config(_texts(context))
    from raftwerk.cli.serve import serve

    serve(config, with_parent=exit_with_parent)


@app.command("demo")
def _demo(
    context: typer.Context,
    nodes: Annotated[Text, _flag("N", "How many nodes, at most 7.", "3")] = None,
    data_dir: Annotated[
        Text, _flag("DIR", "Keep the data here.", "a temporary folder")
    ] = None,
    base_port: Annotated[
        Text, _flag("PORT", "First of the nodes' ports.", "2379, 22379, 32379 …")
    ] = None,
    monitor_port: Annotated[
        Text, _flag("PORT", "Where the page is served.", "8000")
    ] = None,
    no_monitor: Annotated[
        bool, typer.Option("--no-monitor", help="Without the page.")
    ] = False,
) -> None:
    """Run a cluster on this machine, to be played with."""
    config = settings.demo_config(_texts(context), with_monitor=not no_monitor)
    from raftwerk.cli.demo import demo

    raise typer.Exit(demo(config))


@app.command("monitor")
def _monitor(
    context: typer.Context,
    endpoints: Annotated[
        Text, _flag("URL,…", "The nodes' client URLs.", "http://127.0.0.1:2379")
    ] = None,
    host: Annotated[
        Text, _flag("ADDRESS", "Where the page is served.", "127.0.0.1")
    ] = None,
    port: Annotated[Text, _flag("PORT", "Where the page is served.", "8000")] = None,
    refresh_rate_millis: Annotated[
        Text, _flag("MILLISECONDS", "From one look to the next.", "1000")
    ] = None,
) -> None:
    """Serve a page that shows the nodes of a cluster."""
    config = settings.monitor_config(_texts(context))
    from raftwerk.cli.monitor import monitor

    monitor(config)


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
        code = app(
            args=list(arguments) or ["--help"],
            prog_name="raftwerk",
            standalone_mode=False,
        )
    except typer.TyperException as error:  # an unknown flag or command, a missing value
        return _complain(error.format_message(), ExitCode.REFUSED)
    except REFUSALS as error:
        return _complain(str(error), ExitCode.REFUSED)
    except RaftwerkError as error:
        return _complain(str(error), ExitCode.FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    return ExitCode.OK if code is None else int(code)


def main() -> None:
    """Run the command line of this process, and end it with the exit code."""
    sys.exit(run(sys.argv[1:]))


def _complain(message: str, code: ExitCode) -> ExitCode:
    """Print a message as one line on standard error."""
    print(f"raftwerk: {' '.join(message.split())}", file=sys.stderr)
    return code
