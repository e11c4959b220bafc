"""``lock`` and ``elect``, with etcdctl's words, output and environment."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Patience, call
from raftwerk.cli.output import write
from raftwerk.config import bad_setting
from raftwerk.errors import RequestError

if TYPE_CHECKING:
    from raftwerk.client import Client, Held

__all__ = ["add_commands"]

Result = TypeVar("Result")

LOCK_TTL_SECONDS = 10
ELECT_TTL_SECONDS = 60
"""How long either is ours if we are gone without a word; etcdctl's."""

Ttl = Annotated[
    int,
    typer.Option(
        "--ttl", metavar="SECONDS", help="How long it is ours if we are gone."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Give an application these commands.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    # What follows the name is another program's, with its own flags.
    settings = {"allow_interspersed_args": False}
    app.command("lock", context_settings=settings)(_lock)
    app.command("elect")(_elect)


def _lock(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which lock.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="To be run while it is ours."),
    ] = None,
    ttl: Ttl = LOCK_TTL_SECONDS,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
) -> None:
    """Wait for a lock, and hold it until interrupted.

    Its key is printed. With a command, that is run instead, and the lock let go after
    it; it finds key and revision in ETCD_LOCK_KEY and ETCD_LOCK_REV.
    """
    _require_time(ttl)
    words = command or []
    if words[:1] == ["--"]:
        del words[0]  # as for `watch`, and as etcdctl takes it

    async def _work(client: "Client") -> int:
        async with client.lock(os.fsencode(name), ttl_seconds=ttl) as held:
            if words:
                return await _run(held, words)
            write(held.key + b"\n")
            await held.until_lost()
        raise RequestError(
            f"the lock {name} was lost: its lease has ended, or may have"
        )

    code = _until_told(endpoints, timeout, _work)
    if code:
        raise typer.Exit(code)


async def _run(held: "Held", command: list[str]) -> int:
    """Run a command until it ends, or the lock is lost; return its exit code."""
    # pylint: disable-next=import-outside-toplevel  # as in `ctl`
    import asyncio

    # pylint: disable-next=import-outside-toplevel  # the same
    from raftwerk.cli.programs import end_program, start_program

    process = await start_program(
        command,
        ETCD_LOCK_KEY=held.key.decode(errors="surrogateescape"),
        ETCD_LOCK_REV=str(held.number),
    )
    ended = asyncio.ensure_future(process.wait())
    lost = asyncio.ensure_future(held.until_lost())
    try:
        await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
    finally:
        lost.cancel()
        if not ended.done():
            # What it does is not protected any more.
            await end_program(process)
            await ended
    code = ended.result()
    return code if code >= 0 else 128 - code


def _elect(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which election.")],
    proposal: Annotated[
        str,
        typer.Argument(metavar="PROPOSAL", help="What to proclaim, to stand for it."),
    ] = "",
    listen: Annotated[
        bool, typer.Option("--listen", "-l", help="Print who leads, and what they say.")
    ] = False,
    ttl: Ttl = ELECT_TTL_SECONDS,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
) -> None:
    """Stand for an election, or listen to who leads.

    Who is elected leads until interrupted.
    """
    _require_time(ttl)
    if listen == bool(proposal):
        raise bad_setting("PROPOSAL", proposal, "given, or --listen instead of it")

    async def _listen(client: "Client") -> None:
        async for leader in client.observe_election(os.fsencode(name)):
            write(leader.key + b"\n" + leader.value + b"\n")

    async def _stand(client: "Client") -> None:
        async with client.lock(
            os.fsencode(name), value=os.fsencode(proposal), ttl_seconds=ttl
        ) as held:
            write(held.key + b"\n" + held.value + b"\n")
            await held.until_lost()
        raise RequestError(f"{name} was lost: the lease has ended, or may have")

    _until_told(endpoints, timeout, _listen if listen else _stand)


def _until_told(
    endpoints: str, timeout: str, work: "Callable[[Client], Awaitable[Result]]"
) -> "Result":
    """Do some work; if SIGTERM ends it, let go of what is held before."""
    # pylint: disable-next=import-outside-toplevel  # as in `ctl`
    import asyncio

    async def _work(client: "Client") -> "Result":
        task = asyncio.current_task()
        if task is not None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        return await work(client)

    try:
        return call(endpoints, timeout, _work)
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


def _require_time(ttl: int) -> None:
    """Refuse a time that no lease can have."""
    if ttl < 1:
        raise bad_setting("ttl", ttl, "at least 1 (seconds)")
