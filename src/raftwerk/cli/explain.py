"""``raftwerk explain``: what is wrong, in plain words, and what to do."""

import textwrap
from typing import TYPE_CHECKING, Final

import msgspec
import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import is_json, write_json, write_lines

if TYPE_CHECKING:
    from raftwerk.client import Client
    from raftwerk.service.case import Case

__all__ = ["add_commands"]

LINE_CHARACTERS: Final = 80

ONE_MEMBER_SECONDS: Final = 1.5
"""How long one member may take to say what it knows."""


def add_commands(app: typer.Typer) -> None:
    """Give an application the command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("explain")(_explain)


def _explain(
    endpoints: Endpoints = ENDPOINT, timeout: Patience = TIMEOUT, output: Form = "text"
) -> None:
    """Ask all members, and say what is wrong and what to do."""
    # pylint: disable-next=import-outside-toplevel  # a wrong flag is told at once
    from raftwerk.service.diagnose import explain

    as_json = is_json(output)
    explained = explain(call(endpoints, timeout, _inquire))
    if as_json:
        write_json(msgspec.to_builtins(explained))
    elif explained.findings:
        paragraphs = [
            textwrap.wrap(each.text, LINE_CHARACTERS, break_long_words=False)
            for each in explained.findings
        ]
        write_lines("\n\n".join("\n".join(each) for each in paragraphs).split("\n"))
    else:
        write_lines([explained.summary])
    if not explained.is_healthy:
        raise typer.Exit(ExitCode.FAILED)


async def _inquire(client: "Client") -> "Case":
    """Ask all members that can be found."""
    # pylint: disable-next=import-outside-toplevel  # a wrong flag is told at once
    from raftwerk.client.connections import Connections

    # pylint: disable-next=import-outside-toplevel  # the same
    from raftwerk.host.real import RealTimers

    # pylint: disable-next=import-outside-toplevel  # the same
    from raftwerk.service.inquiry import inquire

    # pylint: disable-next=import-outside-toplevel  # the same
    from raftwerk.service.interview import interviewer

    timers = RealTimers()
    http = Connections(timers)
    try:
        ask = interviewer(http, timers, ONE_MEMBER_SECONDS, client.api_prefix)
        return await inquire(client.endpoints.urls, ask)
    finally:
        await http.close()
