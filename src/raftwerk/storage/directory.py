"""What lies in a data directory, and who may open it.

::

    DIRECTORY/
    ├── LOCK                        held by the process that uses it; says which
    ├── wal/NNNNNNNN-INDEX.wal      segments: sequence number, first index
    └── snap/INDEX-TERM.snap        snapshots

What ends with ``.tmp`` was not finished, and means nothing.
"""

import errno
import re
from typing import Final, NamedTuple

from raftwerk.errors import ConfigError, StorageError
from raftwerk.storage.disk_protocol import Disk, Lock, storage_error
from raftwerk.types import LogIndex

__all__ = [
    "UNFINISHED",
    "SegmentName",
    "list_segments",
    "lock_directory",
    "remove_unfinished",
    "segment_path",
    "snapshot_folder",
    "wal_folder",
]

UNFINISHED: Final = ".tmp"
"""What the name of a file ends with until all of it is durable."""

_SEGMENT: Final = re.compile(r"(\d{8,})-(\d{16,})\.wal")
_NOT_A_DIRECTORY: Final = frozenset({errno.EEXIST, errno.ENOTDIR})
_NO_SUCH_PLACE: Final = frozenset(
    {errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT}
)
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class SegmentName(NamedTuple):
    """What the name of a segment says."""

    sequence: int
    first_index: LogIndex
    """One above the last index of the log when the segment was made."""
    path: str


def wal_folder(directory: str) -> str:
    """Return where the segments are.

    Parameters
    ----------
    directory : str
        The data directory.

    Returns
    -------
    str
        A path.
    """
    return f"{directory}/wal"


def snapshot_folder(directory: str) -> str:
    """Return where the snapshots are.

    Parameters
    ----------
    directory : str
        The data directory.

    Returns
    -------
    str
        A path.
    """
    return f"{directory}/snap"


def segment_path(folder: str, sequence: int, index: LogIndex) -> str:
    """Return where a segment is.

    Parameters
    ----------
    folder : str
        The folder of the segments.
    sequence : int
        Its number, from 1.
    index : LogIndex
        One above the last index of the log when it was made.

    Returns
    -------
    str
        A path.
    """
    return f"{folder}/{sequence:08d}-{index:016d}.wal"


def list_segments(disk: Disk, directory: str) -> list[SegmentName]:
    """Return the segments of a data directory.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.

    Returns
    -------
    list of SegmentName
        In their sequence; empty if there is no log.

    Raises
    ------
    ConfigError
        If the path can't be a data directory.
    """
    folder = wal_folder(directory)
    try:
        names = disk.list_directory(folder)
    except OSError as error:
        if error.errno == errno.ENOTDIR and _is_directory(disk, directory):
            raise ConfigError(
                f"{folder} is a file; it must be a directory, as raftwerk makes it"
            ) from error
        raise _refusal(directory, error) from error
    return sorted(
        SegmentName(int(match[1]), LogIndex(int(match[2])), f"{folder}/{match[0]}")
        for match in map(_SEGMENT.fullmatch, names)
        if match is not None
    )


def remove_unfinished(disk: Disk, folder: str, *, but: str = "") -> None:
    """Remove files that a crash left before they were finished.

    Parameters
    ----------
    disk : Disk
        Where they are.
    folder : str
        A folder of which we hold the lock.
    but : str
        The name of one that stays.
    """
    for name in disk.list_directory(folder):
        if name.endswith(UNFINISHED) and name != but:
            disk.remove(f"{folder}/{name}")


def lock_directory(disk: Disk, directory: str, holder: str) -> Lock:
    """Make a data directory if need be, and claim it for this process alone.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.
    holder : str
        Who claims it, for people.

    Returns
    -------
    Lock
        To be closed at the end.

    Raises
    ------
    ConfigError
        If the path can't be a data directory: it is a file, or may not be written.
    DirectoryLocked
        If another process uses it; the message says which.
    StorageError
        If the disk fails.
    """
    try:
        disk.make_directory(directory)
        return disk.lock(f"{directory}/LOCK", holder)
    except OSError as error:
        raise _refusal(directory, error) from error


def _is_directory(disk: Disk, path: str) -> bool:
    """Tell whether a path is a directory that can be read."""
    try:
        disk.list_directory(path)
    except OSError:
        return False
    return True


def _refusal(directory: str, error: OSError) -> ConfigError | StorageError:
    """Return what is wrong with a data directory that can't be used."""
    if error.errno in _NOT_A_DIRECTORY:
        return ConfigError(f"data directory {directory} is a file; name a directory")
    if error.errno in _NOT_ALLOWED:
        return ConfigError(
            f"data directory {directory} can't be written: {error.strerror};"
            " it must belong to the user that runs raftwerk"
        )
    if error.errno in _NO_SUCH_PLACE:
        return ConfigError(
            f"data directory {directory} can't be made: {error.strerror};"
            " name another place"
        )
    return storage_error("use data directory", directory, error)
