"""Parting with what a data directory holds of a cluster that never came to be."""

from raftwerk.storage.directory import snapshot_folder, wal_folder
from raftwerk.storage.disk_protocol import Disk, storage_error

__all__ = ["discard_log"]


def discard_log(disk: Disk, directory: str) -> None:
    """Remove the log and the snapshots of a data directory, and nothing else.

    Whoever calls it must have it on record that they are to go: if this is interrupted,
    what is left can't be told from damage.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        A data directory that nobody uses.

    Raises
    ------
    StorageError
        If the disk fails; some may be gone.
    """
    for folder in (wal_folder(directory), snapshot_folder(directory)):
        try:
            names = disk.list_directory(folder)
            for name in names:
                disk.remove(f"{folder}/{name}")
            if names:
                disk.sync_directory(folder)
        except OSError as error:
            raise storage_error("remove the log in", folder, error) from error
