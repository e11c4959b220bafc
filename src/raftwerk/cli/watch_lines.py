"""``watch -i``: each line of the input begins one more watch, as with etcdctl.

A line that makes no sense is said to make none, and the others go on. The end of the
input is the end of the command.
"""

import asyncio
import shlex
import sys
import threading
from typing import TYPE_CHECKING, Any

import typer

from raftwerk.cli.mistakes import told_of
from raftwerk.cli.watch_wish import Wish
from raftwerk.cli.watching import follow
from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.client import Client

__all__ = ["watch_lines"]


async def watch_lines(
    client: "Client", rules: typer.Typer, *, as_json: bool, as_hex: bool
) -> None:
    """Watch what lines ask for until there are no more.

    Parameters
    ----------
    client : Client
        Of the cluster.
    rules : Typer
        Makes a `Wish` of the words behind ``watch``.
    as_json, as_hex : bool
        How to print.

    Raises
    ------
    RequestError
        If a watch fails, or the command of one.
    """
    lines = _lines()
    reading = asyncio.ensure_future(lines.get())
    watches: set[asyncio.Future[None]] = set()
    try:
        while True:
            tasks: set[asyncio.Future[Any]] = {reading, *watches}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for watch in watches:
                if watch.done():
                    watch.result()  # raises why: none ends by itself
            if reading.done():
                line = reading.result()
                if not line:
                    return
                wish = _told(line, rules)
                if wish is not None:
                    work = follow(client, wish, as_json=as_json, as_hex=as_hex)
                    watches.add(asyncio.ensure_future(work))
                reading = asyncio.ensure_future(lines.get())
    finally:
        reading.cancel()
        for watch in watches:
            watch.cancel()
        await asyncio.gather(reading, *watches, return_exceptions=True)


def _lines() -> "asyncio.Queue[str]":
    """Return where the lines of the input come; an empty one is its end."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        """Read line after line; a terminal, a pipe and a file are all alike so."""
        line = "more"
        while line:
            line = sys.stdin.readline()
            try:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            except RuntimeError:
                return  # the loop is closed: nobody wants to know

    # Nobody can interrupt who reads, so the command must not wait for it in the end.
    threading.Thread(target=read, daemon=True).start()
    return lines


def _told(line: str, rules: typer.Typer) -> Wish | None:
    """Return what a line asks for, or say that it makes no sense."""
    try:
        return _read(line, rules)
    except ConfigError as error:
        print(f"raftwerk: {error}", file=sys.stderr, flush=True)
        return None


def _read(line: str, rules: typer.Typer) -> Wish | None:
    """Return what a line asks for; None if it asks for nothing."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ConfigError(f"the line can't be read: {error}") from error
    if not words:
        return None
    if words[0] != "watch":
        raise ConfigError(f"unknown command {words[0]}: a line begins with watch")
    try:
        wish = rules(args=words[1:], prog_name="watch", standalone_mode=False)
    except typer.TyperException as error:
        raise ConfigError(told_of(error)) from error
    return wish if isinstance(wish, Wish) else None  # after --help
