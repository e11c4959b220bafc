"""One watch of a command: each change is printed, and a program run for it."""

from typing import TYPE_CHECKING

from raftwerk.cli.ctl_keys import go_quoted, pair
from raftwerk.cli.output import write, write_json
from raftwerk.cli.programs import end_program, start_program
from raftwerk.cli.watch_wish import Wish
from raftwerk.errors import RequestError

if TYPE_CHECKING:
    from raftwerk.client import Client, Told, WatchEvent

__all__ = ["follow"]


async def follow(client: "Client", wish: Wish, *, as_json: bool, as_hex: bool) -> None:
    """Print each change, and run the command for it, until cancelled.

    Parameters
    ----------
    client : Client
        Of the cluster.
    wish : Wish
        What is asked for.
    as_json, as_hex : bool
        How to print.

    Raises
    ------
    RequestError
        If the command fails, or the watch does.
    """
    watch = client.watch(
        wish.key,
        wish.range_end,
        start_revision=wish.revision,
        prev_kv=wish.prev_kv,
        progress_notify=wish.progress_notify,
    )
    async for told in watch:
        if as_json:
            write_json(told)
        else:
            write(_shown(told, as_hex))
        if wish.command:
            for event in told.events:
                await _run(wish.command, told.header.revision, event)


async def _run(command: tuple[str, ...], revision: int, event: "WatchEvent") -> None:
    """Run a program for a change, which it finds in its environment."""
    process = await start_program(
        command,
        ETCD_WATCH_REVISION=str(revision),
        ETCD_WATCH_EVENT_TYPE=go_quoted(event.type.encode()),
        ETCD_WATCH_KEY=go_quoted(event.kv.key),
        ETCD_WATCH_VALUE=go_quoted(event.kv.value),
    )
    try:
        code = await process.wait()
    finally:
        await end_program(process)
    if code:
        words = " ".join(command)
        raise RequestError(f"the command {words} failed with exit code {code}")


def _shown(told: "Told", as_hex: bool) -> bytes:
    """Return what is told, as etcdctl prints it."""
    if not told.events:
        return b"progress notify: %d\n" % told.header.revision
    return b"".join(_shown_event(event, as_hex) for event in told.events)


def _shown_event(event: "WatchEvent", as_hex: bool) -> bytes:
    """Return a change: what it was, what was there, what is there."""
    pairs = [pair(kv, as_hex) for kv in (event.prev_kv, event.kv) if kv is not None]
    return event.type.encode() + b"\n" + b"".join(pairs)
