"""What all commands have in common that call a cluster: its addresses, time, output.

The options are called as etcdctl calls them. What a command needs to call a cluster is
imported when it does, so that a wrong flag is told at once.
"""

# pylint: disable=import-outside-toplevel  # see above

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from raftwerk.cli.api_prefix import api_prefix
from raftwerk.config import bad_setting

if TYPE_CHECKING:
    from raftwerk.client import Client

__all__ = [
    "ENDPOINT",
    "TIMEOUT",
    "Endpoints",
    "Form",
    "Patience",
    "call",
    "seconds_of",
]

Result = TypeVar("Result")

Endpoints = Annotated[
    str,
    typer.Option(
        "--endpoints",
        envvar=["RAFTWERK_ENDPOINTS", "ETCDCTL_ENDPOINTS"],
        metavar="URL,…",
        help="Client URLs of members; any one that answers will do.",
    ),
]

Form = Annotated[
    str,
    typer.Option(
        "--output", "-o", "--write-out", "-w", metavar="FORM", help="text or json."
    ),
]

Patience = Annotated[
    str,
    typer.Option(
        "--command-timeout", metavar="TIME", help="How long it may take: 10s, 500ms."
    ),
]

ENDPOINT: Final = "http://127.0.0.1:2379"
"""That of a node without flags."""

TIMEOUT: Final = "10s"

_TIME: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def call(
    endpoints: str, timeout: str, work: "Callable[[Client], Awaitable[Result]]"
) -> Result:
    """Return what a coroutine makes of a client of the cluster.

    Parameters
    ----------
    endpoints : str
        Where it is.
    timeout : str
        How long a call may take.
    work : callable
        Takes the client.

    Returns
    -------
    Result
        Of the work.

    Raises
    ------
    ConfigError
        If the cluster's addresses, or the time, can't be read.
    """
    import asyncio

    from raftwerk.client import Client

    items = [item.strip().removesuffix("/") for item in endpoints.split(",")]
    urls = [item if "://" in item else f"http://{item}" for item in items if item]
    seconds = seconds_of("command-timeout", timeout)

    async def _run() -> Result:
        """Do the work within a client's life."""
        async with Client(
            *urls, timeout_seconds=seconds, api_prefix=api_prefix()
        ) as client:
            return await work(client)

    return asyncio.run(_run())


def seconds_of(setting: str, text: str) -> float:
    """Return a time in seconds.

    Parameters
    ----------
    setting : str
        Where it stands, for the message.
    text : str
        A number with ``ms``, ``s`` (without a unit, too) or ``m``.

    Returns
    -------
    float
        More than 0.

    Raises
    ------
    ConfigError
        If it is none.
    """
    found = _TIME.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise bad_setting(setting, text, "a time above 0 such as 10s or 500ms")
    return seconds
