"""``snapshot restore``: a new cluster that begins with a store that was saved."""

# pylint: disable=import-outside-toplevel  # see `cli.main`

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from raftwerk.cli.ctl import Form
from raftwerk.cli.output import is_json, write_json, write_lines
from raftwerk.cli.saved_store import Source, archive_in, load_store
from raftwerk.config import InitialMember, ServeConfig, Url, bad_setting
from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.kv import Store
    from raftwerk.service.restoring import Reached
    from raftwerk.storage.protocol import DirectoryIdentity

__all__ = ["add_command"]

DataDir = Annotated[
    str, typer.Option("--data-dir", metavar="DIR", help="The new data directory.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Of this member.")]
InitialCluster = Annotated[
    str,
    typer.Option(
        "--initial-cluster",
        metavar="NAME=URL,…",
        help="All members of the new cluster.",
    ),
]
Token = Annotated[
    str, typer.Option("--initial-cluster-token", metavar="TOKEN", help="Of it.")
]
PeerUrls = Annotated[
    str,
    typer.Option(
        "--initial-advertise-peer-urls",
        metavar="URL,…",
        help="Where this member is reached.",
    ),
]
SkipHashCheck = Annotated[
    bool,
    typer.Option("--skip-hash-check", help="The file has no checksum at its end."),
]
BumpRevision = Annotated[
    int,
    typer.Option(
        "--bump-revision", metavar="N", min=0, help="Leave out so many revisions."
    ),
]
MarkCompacted = Annotated[
    bool, typer.Option("--mark-compacted", help="Let go of the past.")
]
ToRevision = Annotated[
    int | None,
    typer.Option("--revision", metavar="N", help="Of an archive: up to it."),
]
ToTime = Annotated[
    str,
    typer.Option(
        "--time",
        metavar="TIME",
        help="Of an archive: up to it, as 2026-11-23T14:30:00Z.",
    ),
]


def add_command(family: typer.Typer) -> None:
    """Give ``raftwerk snapshot`` this command.

    Parameters
    ----------
    family : Typer
        That of ``snapshot``.
    """
    family.command("restore")(_restore)


# Each argument is a flag.
# pylint: disable-next=too-many-arguments,too-many-positional-arguments,too-many-locals
def _restore(
    source: Source,
    data_dir: DataDir = "",
    name: Name = "default",
    initial_cluster: InitialCluster = "",
    initial_cluster_token: Token = ServeConfig().initial_cluster_token,
    initial_advertise_peer_urls: PeerUrls = "http://127.0.0.1:2380",
    skip_hash_check: SkipHashCheck = False,
    bump_revision: BumpRevision = 0,
    mark_compacted: MarkCompacted = False,
    revision: ToRevision = None,
    time: ToTime = "",
    output: Form = "text",
) -> None:
    """Begin a new cluster with a saved store, in an empty directory."""
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
        store = load_store(source, skip_check=skip_hash_check)
    store.begin_anew(bump_revision, mark_compacted=mark_compacted)
    cluster = NewCluster(name=name, members=members, token=initial_cluster_token)
    made = found_cluster(RealDisk(), directory, store, cluster, real_host().draw)
    _tell(directory, made, store, reached, as_json)


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
    from raftwerk.service.restoring import Wish, restore

    if revision is not None and time:
        raise ConfigError("a restore goes to a revision or to a time, not to both")
    at_millis = int(_time(time).timestamp() * 1000) if time else None
    return restore(archive_in(source), Wish(revision=revision, at_millis=at_millis))


def _time(text: str) -> datetime:
    """Return a time; without a zone it is that of this machine."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise bad_setting("time", text, "as 2026-11-23T14:30:00Z") from None


def _tell(
    directory: str,
    made: "DirectoryIdentity",
    store: "Store",
    reached: "Reached | None",
    as_json: bool,
) -> None:
    """Say what was made."""
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
    keys = "1 key" if len(store) == 1 else f"{len(store)} keys"
    lines = [
        f"{directory}: member {made.node_id:x} of new cluster {made.cluster_id:x},"
        f" with {keys} at revision {store.revision}"
    ]
    if reached is not None:
        at = datetime.fromtimestamp(reached.at_millis / 1000, timezone.utc)
        lines.append(
            f"as it was at {at.isoformat(timespec='seconds')}, entry {reached.index}"
        )
    write_lines(lines)
