"""Archiving as a node is told to: where to, and what is said of it."""

import asyncio
from contextlib import AsyncExitStack, suppress

import structlog

from raftwerk.config import ServeConfig
from raftwerk.errors import ConfigError, NotLeader
from raftwerk.host.protocol import Host
from raftwerk.runtime import Node
from raftwerk.runtime.archiver import Archiver
from raftwerk.storage.archive import Archive
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshot_protocol import Stores

__all__ = ["check_archive", "keep_archiving", "make_archiver"]


def check_archive(config: ServeConfig, disk: Disk) -> None:
    """Make the folder of the archive, and refuse one that can't be made.

    One that is there and can't be written is no reason: that may pass, and the member
    is needed meanwhile.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    disk : Disk
        Where the archive is.

    Raises
    ------
    ConfigError
        If the folder can't be made, naming it.
    """
    if config.archive_dir is None:
        return
    try:
        disk.make_directory(config.archive_dir)
    except OSError as error:
        raise ConfigError(
            f"archive-dir {config.archive_dir!r} can't be made:"
            f" {error.strerror or error}; name a folder that can"
        ) from error


def make_archiver(
    config: ServeConfig,
    disk: Disk,
    host: Host,
    identity: DirectoryIdentity,
    stores: Stores,
) -> Archiver | None:
    """Return what archives the member's log.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    disk : Disk
        Where the archive is.
    host : Host
        Time and threads.
    identity : DirectoryIdentity
        Which member it is.
    stores : Stores
        What is archived.

    Returns
    -------
    Archiver or None
        None if nothing is to be archived.
    """
    if config.archive_dir is None:
        return None
    folder = Archive.folder_of(config.archive_dir, identity.cluster_id, identity.epoch)
    return Archiver(
        Archive(disk, folder),
        stores,
        host,
        interval_seconds=config.archive_interval_seconds,
        writer=f"{identity.node_id:016x}",
        report=structlog.get_logger("raftwerk.archive").log,
    )


def keep_archiving(archiver: Archiver, node: Node, stack: AsyncExitStack) -> None:
    """Archive until the stack is closed; then the rest is archived, too.

    Parameters
    ----------
    archiver : Archiver
        What does it.
    node : Node
        It runs.
    stack : AsyncExitStack
        To be closed before the node stops.
    """
    running = asyncio.ensure_future(archiver.run(node))

    async def end() -> None:
        """Archive what is left."""
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with suppress(NotLeader):  # the node has failed
            archiver.note(node.status().applied_index)
        await archiver.close()

    stack.push_async_callback(end)
