"""``snapshot save`` and ``status``: the store in a file; ``ctl_restore``: back again.

Flags are called as etcdutl calls them. A file is of one moment; a folder that nodes
archive into (``--archive-dir``) goes back to any revision or time in it.
"""

import os
from collections.abc import Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli import ctl_restore
from raftwerk.cli.ctl import ENDPOINT, Endpoints, Form, call
from raftwerk.cli.output import is_json, table, write_json, write_lines
from raftwerk.cli.saved_store import Source, archive_in, load_store

if TYPE_CHECKING:
    from raftwerk.client import Client
    from raftwerk.kv import Store
    from raftwerk.service.backup import BackupReport
    from raftwerk.service.restoring import ArchiveReport

__all__ = ["add_commands"]

File = Annotated[str, typer.Argument(metavar="FILE", help="The snapshot's file.")]
Patience = Annotated[
    str,
    typer.Option("--command-timeout", metavar="TIME", help="Of each connection."),
]


def add_commands(app: typer.Typer) -> None:
    """Give an application these commands.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    family = typer.Typer(
        help="Save the store, look at a snapshot, begin a cluster with it.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    family.command("save")(_save)
    family.command("status")(_status)
    ctl_restore.add_command(family)
    app.add_typer(family, name="snapshot")


# ---- save ----------------------------------------------------------------------


def _save(
    path: File,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = "10s",
    output: Form = "text",
) -> None:
    """Save the whole store of one member into a file."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.cli.progress import Progress
    from raftwerk.service.backup import BackupWriter
    from raftwerk.storage.disk import RealDisk

    as_json = is_json(output)

    async def work(client: "Client") -> int:
        """Write what comes."""
        writer = BackupWriter(RealDisk(), os.path.abspath(path))
        progress = Progress("saving")
        try:
            async with aclosing(client.snapshot()) as parts:
                async for blob, remaining in parts:
                    writer.write(blob)
                    progress.advance(len(blob), remaining)
            return writer.finish()
        except BaseException:
            writer.abort()
            raise
        finally:
            progress.end()

    size = call(endpoints, timeout, work)
    if as_json:
        write_json({"file": path, "size": size})
    else:
        write_lines([f"{path}: {size} bytes, checked and synced"])


# ---- status --------------------------------------------------------------------


def _status(path: Source, output: Form = "text") -> None:
    """Check a snapshot or an archive, and print what it holds."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.service.restoring import report_on_archive

    as_json = is_json(output)
    if os.path.isdir(path):
        gaps = report_on_archive(archive_in(path))
        if as_json:
            write_json(gaps)
        else:
            write_lines(list(_archive_lines(gaps)))
        return
    report = _report(load_store(path, skip_check=False), os.path.getsize(path))
    if as_json:
        write_json(report)
        return
    heads = ["hash", ">revision", ">compacted", ">keys", ">bytes"]
    row = [
        f"{report.hash:x}",
        str(report.revision),
        str(max(0, report.compact_revision)),
        str(report.total_key),
        str(report.total_size),
    ]
    write_lines(table(heads, [row]))


def _archive_lines(report: "ArchiveReport") -> Iterator[str]:
    """Yield what an archive has, for people."""
    states = ", ".join(map(str, report.states))
    yield f"entries   {report.first_index} to {report.last_index}"
    yield f"segments  {report.segments}"
    yield f"states    at {states}"
    for first, last in report.gaps:
        yield f"gap       entries {first} to {last} are missing"
    if not report.gaps:
        yield "no gaps"


def _report(store: "Store", size: int) -> "BackupReport":
    """Return what is in a file."""
    # pylint: disable-next=import-outside-toplevel  # see `cli.main`
    from raftwerk.service.backup import report_on

    return report_on(store, size)
