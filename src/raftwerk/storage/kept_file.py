"""One small file that is replaced as a whole: it is as it was saved, or as before.

Written aside, synced, renamed; then the folder is synced, for before that the new name
may still be lost.
"""

from typing import Final

import google_crc32c

from raftwerk.errors import WalCorrupted
from raftwerk.storage.directory import UNFINISHED
from raftwerk.storage.disk_protocol import Disk, storage_error

__all__ = ["KeptFile"]

_CHECKSUM_BYTES: Final = 4


class KeptFile:
    """A file in a data directory.

    Parameters
    ----------
    disk : Disk
        Where the directory is.
    directory : str
        The data directory; made when something is saved.
    name : str
        The file's name.
    """

    def __init__(self, disk: Disk, directory: str, name: str) -> None:
        self._disk = disk
        self._directory = directory
        self._name = name

    def load(self) -> bytes | None:
        """Return what was saved last.

        Returns
        -------
        bytes or None
            None if nothing was.

        Raises
        ------
        StorageError
            If it can't be read.
        WalCorrupted
            If it is not what was saved.
        """
        path = f"{self._directory}/{self._name}"
        try:
            if self._name not in self._disk.list_directory(self._directory):
                return None
            file = self._disk.open_to_read(path)
            try:
                data = file.read_at(0, file.size())
            finally:
                file.close()
        except OSError as error:
            raise storage_error("read", path, error) from error
        content = data[_CHECKSUM_BYTES:]
        if data[:_CHECKSUM_BYTES] != _checksum(content):
            raise WalCorrupted(
                f"{path} is damaged: its checksum is wrong; if this node is in no"
                " cluster, remove its data directory, else replace the member with"
                " `raftwerk member replace`"
            )
        return content

    def save(self, content: bytes) -> None:
        """Return once this survives a power cut.

        Parameters
        ----------
        content : bytes
            All of it.

        Raises
        ------
        StorageError
            If the disk fails; what was saved before may still be there, or this.
        """
        path = f"{self._directory}/{self._name}"
        unfinished = path + UNFINISHED
        try:
            self._disk.make_directory(self._directory)
            file = self._disk.create(unfinished)
            try:
                file.write_at(0, _checksum(content) + content)
                file.sync()
            finally:
                file.close()
            self._disk.rename(unfinished, path)
            self._disk.sync_directory(self._directory)
        except OSError as error:
            raise storage_error("write", path, error) from error


def _checksum(content: bytes) -> bytes:
    """Return what stands before the content."""
    checksum: int = google_crc32c.value(content)
    return checksum.to_bytes(_CHECKSUM_BYTES, "little")
