"""``snapshot save``, ``status`` and ``restore``: the store in a file, and back again.

Flags are called as etcdutl calls them. A file is of one moment; a folder that nodes
archive into (``--archive-dir``) goes back to any revision or time in it.
"""

import os
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from raftwerk.cli.ctl import ENDPOINT, Endpoints, Form, call
from raftwerk.cli.output import is_json, table, write_json, write_lines
from raftwerk.config import InitialMember, ServeConfig, Url, bad_setting
from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.client import Client
    from raftwerk.kv import Store
    from raftwerk.service.backup import BackupReport
    from raftwerk.service.restoring import ArchiveReport, Reached
    from raftwerk.storage.archive import Archive

__all__ = ["add_commands"]

File = Annotated[str, typer.Argument(metavar="FILE", help="The snapshot's file.")]
Source = Annotated[
    str, typer.Argument(metavar="FILE|DIR", help="A snapshot's file, or an archive.")
]
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
        help="Save the store into a file, look at it, begin a cluster with it.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    family.command("save")(_save)
    family.command("status")(_status)
    family.command("restore")(_restore)
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
        archive = _archive(path)
        gaps = report_on_archive(archive)
        if as_json:
            write_json(gaps)
        else:
            write_lines(list(_archive_lines(gaps)))
        return
    report = _report(_load(path, skip_check=False), os.path.getsize(path))
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


# ---- restore -------------------------------------------------------------------


def _restore(
    source: Source,
    data_dir: Annotated[
        str,
        typer.Option("--data-dir", metavar="DIR", help="The new data directory."),
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Of this member.")
    ] = "default",
    initial_cluster: Annotated[
        str,
        typer.Option(
            "--initial-cluster",
            metavar="NAME=URL,…",
            help="All members of the new cluster.",
        ),
    ] = "",
    initial_cluster_token: Annotated[
        str,
        typer.Option("--initial-cluster-token", metavar="TOKEN", help="Of it."),
    ] = ServeConfig().initial_cluster_token,
    initial_advertise_peer_urls: Annotated[
        str,
        typer.Option(
            "--initial-advertise-peer-urls",
            metavar="URL,…",
            help="Where this member is reached.",
        ),
    ] = "http://127.0.0.1:2380",
    skip_hash_check: Annotated[
        bool,
        typer.Option("--skip-hash-check", help="The file has no checksum at its end."),
    ] = False,
    bump_revision: Annotated[
        int,
        typer.Option(
            "--bump-revision", metavar="N", min=0, help="Leave out so many revisions."
        ),
    ] = 0,
    mark_compacted: Annotated[
        bool, typer.Option("--mark-compacted", help="Let go of the past.")
    ] = False,
    revision: Annotated[
        int | None,
        typer.Option("--revision", metavar="N", help="Of an archive: up to it."),
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            "--time",
            metavar="TIME",
            help="Of an archive: up to it, as 2026-11-23T14:30:00Z.",
        ),
    ] = "",
    output: Form = "text",
) -> None:
    """Begin a new cluster with a store that was saved, on an empty directory."""
    # pylint: disable=too-many-arguments,too-many-positional-arguments
    # pylint: disable=too-many-locals  # all three: each is a flag
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.host.real import real_host
    from raftwerk.service.backup import NewCluster, found_cluster
    from raftwerk.storage.disk import RealDisk

    as_json = is_json(output)
    directory = os.path.abspath(data_dir or f"{name}.raftwerk")
    members = _members(initial_cluster, name, initial_advertise_peer_urls)
    if bump_revision and not mark_compacted:
        raise bad_setting("bump-revision", bump_revision, "with --mark-compacted")
    reached: Reached | None = None
    if os.path.isdir(source):
        store, reached = _go_back(source, revision, time)
    elif revision is not None or time:
        raise ConfigError(
            f"{source} is no archive: a single snapshot has one moment alone"
        )
    else:
        store = _load(source, skip_check=skip_hash_check)
    store.begin_anew(bump_revision, mark_compacted=mark_compacted)
    cluster = NewCluster(name=name, members=members, token=initial_cluster_token)
    made = found_cluster(RealDisk(), directory, store, cluster, real_host().draw)
    if as_json:
        write_json(
            {
                "data_dir": directory,
                "cluster_id": f"{made.cluster_id:x}",
                "member_id": f"{made.node_id:x}",
                "revision": store.revision,
                "total_key": len(store),
                "reached": None if reached is None else msgspec.to_builtins(reached),
            }
        )
        return
    lines = [
        f"{directory}: member {made.node_id:x} of new cluster {made.cluster_id:x},"
        f" with {len(store)} keys at revision {store.revision}"
    ]
    if reached is not None:
        at = datetime.fromtimestamp(reached.at_millis / 1000, timezone.utc)
        lines.append(
            f"as it was at {at.isoformat(timespec='seconds')}, entry {reached.index}"
        )
    write_lines(lines)


def _members(initial_cluster: str, name: str, own: str) -> tuple[InitialMember, ...]:
    """Return the members of the new cluster."""
    by_name: dict[str, list[Url]] = {}
    texts = initial_cluster or ",".join(f"{name}={url}" for url in own.split(","))
    for text in filter(None, map(str.strip, texts.split(","))):
        who, equals, url = text.partition("=")
        if not equals:
            raise bad_setting("initial-cluster", text, "NAME=URL")
        by_name.setdefault(who, []).append(Url.parse("initial-cluster", url))
    return tuple(InitialMember(who, tuple(urls)) for who, urls in by_name.items())


def _go_back(source: str, revision: int | None, time: str) -> "tuple[Store, Reached]":
    """Return the store of an archive as it was."""
    # pylint: disable-next=import-outside-toplevel  # see `cli.main`
    from raftwerk.service.restoring import Wish, restore

    if revision is not None and time:
        raise ConfigError("a restore goes to a revision or to a time, not to both")
    at_millis = int(_time(time).timestamp() * 1000) if time else None
    return restore(_archive(source), Wish(revision=revision, at_millis=at_millis))


def _time(text: str) -> datetime:
    """Return a time; without a zone it is that of this machine."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise bad_setting("time", text, "as 2026-11-23T14:30:00Z") from None


# ---- what these share ----------------------------------------------------------


def _archive(folder: str) -> "Archive":
    """Return the one archive in a folder."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.storage.archive import Archive, lineages
    from raftwerk.storage.disk import RealDisk

    disk = RealDisk()
    found = lineages(disk, folder)
    if not found:
        raise ConfigError(f"{folder} is no archive, and has none in it")
    if len(found) > 1:
        names = ", ".join(Path(each).name for each in found)
        raise ConfigError(
            f"{folder} has the archives of several clusters or epochs ({names}); name"
            " one of these folders"
        )
    return Archive(disk, found[0])


def _load(path: str, *, skip_check: bool) -> "Store":
    """Return the store that is in a file."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.kv import Store
    from raftwerk.service.backup import read_backup
    from raftwerk.storage.disk import RealDisk

    store = Store()
    chunks = read_backup(RealDisk(), os.path.abspath(path), skip_check=skip_check)
    store.restore(chunks)
    return store


def _report(store: "Store", size: int) -> "BackupReport":
    """Return what is in a file."""
    # pylint: disable-next=import-outside-toplevel  # see `cli.main`
    from raftwerk.service.backup import report_on

    return report_on(store, size)
