"""A node's data directory: opened if it has a log, else made for a first start."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from raftwerk.cli.joining import founding_place
from raftwerk.config import ServeConfig, member_id_of
from raftwerk.core.records import Snapshot
from raftwerk.discovery import Place
from raftwerk.errors import ConfigError, StorageError
from raftwerk.host.protocol import Draw
from raftwerk.runtime import Member, bootstrap_snapshot
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.snapshot_reading import whole_snapshots
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal

__all__ = ["open_log", "open_snapshots", "refusing_unusable", "size_of_directory"]

DIRECTORY_IDS: Final = 2**63

_UNUSABLE: Final = frozenset(
    {errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.EPERM, errno.EROFS}
)
"""What the system says where a file has the wrong owner, or is no file; it isn't the
disk that fails then."""


@contextmanager
def refusing_unusable() -> Iterator[None]:
    """Blame what can't be opened at the start on settings, not on the disk.

    Raises
    ------
    ConfigError
        If a file may not be used, or is none; nothing was changed.
    """
    try:
        yield
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _UNUSABLE:
            raise ConfigError(
                f"{error}; what is in the data directory must be as raftwerk made it,"
                " and belong to the user that runs it"
            ) from error
        raise


@refusing_unusable()
def open_log(
    config: ServeConfig,
    disk: Disk,
    draw: Draw,
    place: Place | None = None,
    founders: Sequence[Member] = (),
) -> Wal:
    """Return the node's log, with the identity that it starts under.

    The first start of a new cluster makes it, with the same first snapshot on every
    node; who joins a running one begins with nothing, and is sent everything. Later
    starts go by what the directory knows: ``initial-cluster`` and its companions have
    had their effect, as in etcd.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    disk : Disk
        Where the directory is.
    draw : Draw
        For the id of a new directory.
    place : Place, optional
        Which member a node without data is; without it, what its flags found.
    founders : sequence of Member
        Who founds the cluster with it, where that was not told but agreed upon.

    Returns
    -------
    Wal
        Open; nobody else can open it until it is closed.

    Raises
    ------
    ConfigError
        If the directory can't be used, or belongs to another node.
    DirectoryLocked
        If another process uses it.
    StorageError
        If it can't be read, or what it holds is damaged.
    """
    if not Wal.exists(disk, config.data_dir):
        place = place or founding_place(config)
        return _make(config, disk, draw, place, founders)
    log = Wal.open(disk, config.data_dir, holder=_holder(config))
    try:
        _check_owner(config, log)
    except BaseException:
        log.close()
        raise
    if log.torn is not None:
        structlog.get_logger(__name__).warning(
            "cut off what a crash left unfinished; none of it is known to have been"
            " acknowledged",
            path=log.torn.path,
            offset=log.torn.offset,
            size_bytes=log.torn.size_bytes,
            reason=log.torn.reason,
        )
    return log


@refusing_unusable()
def open_snapshots(config: ServeConfig, disk: Disk, log: Wal) -> SnapshotFiles:
    """Do as `whole_snapshots` says, and blame settings where they are to blame.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    disk : Disk
        Where the directory is.
    log : Wal
        Its log, open, which names a snapshot.

    Returns
    -------
    SnapshotFiles
        Without what a crash left unfinished.

    Raises
    ------
    ConfigError
        If a file may not be used, or is none.
    StorageError
        If they can't be read.
    WalCorrupted
        If the snapshot that the log names is damaged, or not there.
    """
    return whole_snapshots(disk, config.data_dir, log)


def size_of_directory(directory: str) -> int:
    """Return how much room the files of a data directory take.

    Parameters
    ----------
    directory : str
        The data directory.

    Returns
    -------
    int
        Bytes; what is removed in this moment may be counted or not.
    """
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def _make(
    config: ServeConfig,
    disk: Disk,
    draw: Draw,
    place: Place,
    founders: Sequence[Member],
) -> Wal:
    """Make the log of a member that starts for the first time."""
    identity = DirectoryIdentity(
        cluster_id=place.cluster_id,
        node_id=place.node_id,
        directory_id=1 + draw.below(DIRECTORY_IDS),
        epoch=place.epoch,
    )
    snapshot = bootstrap_snapshot(founders) if founders else Snapshot()
    if place == founding_place(config):
        token = config.initial_cluster_token
        snapshot = bootstrap_snapshot(
            Member(
                node_id=member_id_of(member.peer_urls, token),
                name=member.name,
                peer_urls=tuple(map(str, member.peer_urls)),
            )
            for member in config.initial_cluster
        )
    return Wal.create(disk, config.data_dir, identity, snapshot, holder=_holder(config))


def _holder(config: ServeConfig) -> str:
    """Return who uses the directory, for people."""
    return f"raftwerk {config.name}"


def _check_owner(config: ServeConfig, log: Wal) -> None:
    """Refuse a directory that is known to be of a member with another name.

    Not by the machine's name: a container that is made anew has another one.
    """
    members = Manifest.decode(log.snapshot().data).members
    names = {member.node_id: member.name for member in members}
    owner = names.get(log.identity.node_id)
    if owner and owner != config.name and config.has_own_name:
        raise ConfigError(
            f"data-dir is {config.data_dir}, which has the data of {owner}; it must be"
            f" that of {config.name}, or be empty"
        )
