"""Chunks that were fetched and belong to no whole snapshot yet; a file of them.

A transfer may break off at any time, and go on with another leader's later snapshot.
What both have in common need not be sent again, so each chunk is kept under its name,
which its owner makes of the content. Nothing here is synced or trusted: a chunk counts
only when its owner has compared it with its name again.

::

    ┌────────┬────────┬──────┬───────┐
    │ length │ length │ name │ chunk │
    │ u8     │ u32    │      │       │   little-endian
    └────────┴────────┴──────┴───────┘
"""

import struct
from typing import Final

from raftwerk.storage.disk_protocol import Disk, File, storage_error

__all__ = ["KeptChunks"]

_HEADER: Final = struct.Struct("<BI")
_NAME: Final = "fetched.part"


class KeptChunks:
    """A file of chunks in a folder; it may be gone at any start, or end anywhere.

    Parameters
    ----------
    disk : Disk
        Where it is.
    folder : str
        Its folder.
    """

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder
        self._path = f"{folder}/{_NAME}"
        self._file: File | None = None
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = 0
        self._is_read = False

    def names(self) -> frozenset[bytes]:
        """Return what is kept.

        Returns
        -------
        frozenset of bytes
            By name.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        self._read()
        return frozenset(self._places)

    def keep(self, name: bytes, chunk: bytes) -> None:
        """Keep a chunk.

        Parameters
        ----------
        name : bytes
            Made of its content.
        chunk : bytes
            The chunk.

        Raises
        ------
        StorageError
            If the disk fails or is full.
        """
        self._read()
        if name in self._places:
            return
        head = _HEADER.pack(len(name), len(chunk)) + name
        try:
            if self._file is None:
                self._disk.make_directory(self._folder)
                self._file = self._disk.create(self._path)
            self._file.write_at(self._end, head + chunk)
        except OSError as error:
            raise storage_error("write", self._path, error) from error
        self._places[name] = (self._end + len(head), len(chunk))
        self._end += len(head) + len(chunk)

    def get(self, name: bytes) -> bytes | None:
        """Return a chunk.

        Parameters
        ----------
        name : bytes
            Which.

        Returns
        -------
        bytes or None
            What is kept under the name, to be compared with it; None if nothing is.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        self._read()
        place = self._places.get(name)
        if place is None or self._file is None:
            return None
        try:
            return self._file.read_at(*place)
        except OSError as error:
            raise storage_error("read", self._path, error) from error

    def drop(self) -> None:
        """Keep none of them.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        self._read()
        if self._file is None:
            return
        self._file.close()
        self._file, self._places, self._end = None, {}, 0
        try:
            self._disk.remove(self._path)
        except OSError as error:
            raise storage_error("remove", self._path, error) from error

    def _read(self) -> None:
        """Find what an earlier life has kept."""
        if self._is_read:
            return
        self._is_read = True
        try:
            if _NAME not in self._disk.list_directory(self._folder):
                return
            self._file = file = self._disk.open(self._path)
            size, offset = file.size(), 0
            while offset + _HEADER.size <= size:
                header = file.read_at(offset, _HEADER.size)
                name_bytes, chunk_bytes = _HEADER.unpack(header)
                start = offset + _HEADER.size + name_bytes
                if name_bytes == 0 or start + chunk_bytes > size:
                    break
                name = file.read_at(offset + _HEADER.size, name_bytes)
                self._places[name] = (start, chunk_bytes)
                offset = start + chunk_bytes
            self._end = offset
        except OSError as error:
            raise storage_error("read", self._path, error) from error
