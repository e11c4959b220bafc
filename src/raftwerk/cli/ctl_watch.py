"""``watch``, with etcdctl's words and its output."""

from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.ctl_kv import key_range
from raftwerk.cli.output import is_json, write, write_json

if TYPE_CHECKING:
    from raftwerk.client import Client, Told, WatchEvent

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("watch")(_watch)


# Each parameter is a flag.
# pylint: disable=too-many-arguments,too-many-positional-arguments


def _watch(
    key: Annotated[str, typer.Argument(help="The key.")],
    range_end: Annotated[
        str, typer.Argument(metavar="RANGE_END", help="The key before which to end.")
    ] = "",
    prefix: Annotated[
        bool, typer.Option("--prefix", help="All keys that begin so.")
    ] = False,
    from_key: Annotated[
        bool, typer.Option("--from-key", help="All keys from it on.")
    ] = False,
    revision: Annotated[
        int, typer.Option("--rev", metavar="REVISION", help="Begin there.")
    ] = 0,
    prev_kv: Annotated[
        bool, typer.Option("--prev-kv", help="Print what was there.")
    ] = False,
    progress_notify: Annotated[
        bool, typer.Option("--progress-notify", help="Print how far the store is.")
    ] = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Print each change of keys as it happens, until it is interrupted."""
    as_json = is_json(output)
    start, end = key_range(key, range_end, prefix, from_key)

    async def _work(client: "Client") -> None:
        watch = client.watch(
            start,
            end,
            start_revision=revision,
            prev_kv=prev_kv,
            progress_notify=progress_notify,
        )
        async for told in watch:
            if as_json:
                write_json(told)
            else:
                write(_shown(told))

    call(endpoints, timeout, _work)


def _shown(told: "Told") -> bytes:
    """Return what is told, as etcdctl prints it."""
    if not told.events:
        return b"progress notify: %d\n" % told.header.revision
    return b"".join(map(_shown_event, told.events))


def _shown_event(event: "WatchEvent") -> bytes:
    """Return a change: what it was, what was there, what is there."""
    pairs = [kv for kv in (event.prev_kv, event.kv) if kv is not None]
    lines = [
        event.type.encode(),
        *(part for kv in pairs for part in (kv.key, kv.value)),
    ]
    return b"".join(line + b"\n" for line in lines)
