"""The few things that we ask of a file system, and what each of them promises.

Small enough that the simulator can break every promise that a real disk breaks:
`disk` is the machine's, `memory_disk` the twin. Paths are strings with ``/``.

All calls raise `OSError` as the system does. What they promise is POSIX, and no more:
data is durable after `File.sync`, a name (new, changed or gone) after
`Disk.sync_directory`; before that any part of either may survive a power cut, in any
order. `Disk.rename` replaces a name in one step.
"""

import errno
from typing import Final, Protocol

from raftwerk.errors import DirectoryLocked, DiskFull, StorageError

__all__ = ["Disk", "File", "Lock", "directory_locked", "no_space", "storage_error"]

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class File(Protocol):
    """An open file, read and written by position."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return what is there.

        Parameters
        ----------
        offset : int
            Where to begin, in bytes.
        length : int
            How much is wanted, in bytes.

        Returns
        -------
        bytes
            Less than `length` only at the end of the file.
        """

    def write_at(self, offset: int, data: bytes) -> None:
        """Write all of `data`; if this raises, any part of it may have been written.

        Parameters
        ----------
        offset : int
            Where to begin, in bytes.
        data : bytes
            What to write.
        """

    def sync(self) -> None:
        """Return once all that was written survives a power cut.

        A failure is final: the system may have dropped what it could not write, and
        a second call would then succeed without having done anything.
        """

    def size(self) -> int:
        """Return the size of the file.

        Returns
        -------
        int
            In bytes.
        """

    def close(self) -> None:
        """Let go of it; what was not synced is not."""


class Lock(Protocol):
    """A claim that ends when it is closed, or when the process does."""

    def close(self) -> None:
        """Give it back."""


class Disk(Protocol):
    """A tree of files."""

    def make_directory(self, path: str) -> bool:
        """Make a directory, and those above it, and make its name durable.

        Also that of one which was there: a process may have made it, and have died
        before it synced the name; a cut of the power would take it away still, with all
        that was made in it meanwhile.

        Parameters
        ----------
        path : str
            Its path.

        Returns
        -------
        bool
            False if it was there already.
        """

    def list_directory(self, path: str) -> list[str]:
        """Return the names in a directory.

        Parameters
        ----------
        path : str
            The directory.

        Returns
        -------
        list of str
            Ascending, without their path; empty if there is no such directory.
        """

    def create(self, path: str) -> File:
        """Make an empty file, in the place of one that has this name.

        Parameters
        ----------
        path : str
            Its path.

        Returns
        -------
        File
            To be closed by the caller.
        """

    def open(self, path: str) -> File:
        """Open a file that is there, to read and to write.

        Parameters
        ----------
        path : str
            Its path.

        Returns
        -------
        File
            To be closed by the caller.
        """

    def open_to_read(self, path: str) -> File:
        """Open a file that is there, to read only.

        Parameters
        ----------
        path : str
            Its path.

        Returns
        -------
        File
            To be closed by the caller.
        """

    def rename(self, source: str, target: str) -> None:
        """Give a file another name in the same directory, replacing what had it.

        Parameters
        ----------
        source : str
            The path that it has.
        target : str
            The path that it gets.
        """

    def remove(self, path: str) -> None:
        """Remove a file.

        Parameters
        ----------
        path : str
            Its path.
        """

    def sync_directory(self, path: str) -> None:
        """Return once the names in a directory survive a power cut.

        Parameters
        ----------
        path : str
            The directory.
        """

    def lock(self, path: str, holder: str) -> Lock:
        """Claim a file for this process alone; the file is made if need be.

        Parameters
        ----------
        path : str
            The file; the claim is about the directory it is in.
        holder : str
            Who claims it, for people; the process id is added.

        Returns
        -------
        Lock
            Ends when it is closed, or when the process does.

        Raises
        ------
        DirectoryLocked
            If another one has it; the message says who.
        """


def directory_locked(path: str, holder: str) -> DirectoryLocked:
    """Return the error for a lock that another process has.

    Parameters
    ----------
    path : str
        The lock file.
    holder : str
        What its holder wrote into it.

    Returns
    -------
    DirectoryLocked
        To be raised.
    """
    directory = path.rpartition("/")[0]
    who = holder.strip() or "another process"
    return DirectoryLocked(
        f"data directory {directory} is in use by {who};"
        " stop it, or choose another directory"
    )


def no_space(directory: str, size_bytes: int) -> DiskFull:
    """Return the error of a directory in which there is no room.

    Parameters
    ----------
    directory : str
        Where.
    size_bytes : int
        What is needed.

    Returns
    -------
    DiskFull
        To be raised.
    """
    return DiskFull(f"no space left in {directory}, {size_bytes} bytes needed")


def storage_error(action: str, path: str, error: OSError) -> StorageError:
    """Return what a failed call means for a member.

    Parameters
    ----------
    action : str
        What failed, as a verb.
    path : str
        On what.
    error : OSError
        What the system says.

    Returns
    -------
    StorageError
        To be raised; `DiskFull` if there was no room.
    """
    reason = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return DiskFull(f"cannot {action} {path}: {reason}; make room on the disk")
    return StorageError(f"cannot {action} {path}: {reason}")
