"""The machine's file system: the only module of this package that imports `os`.

`fdatasync` and not `fsync`: it leaves out the times of a file, and nothing that is
needed to read it back; a size that has changed is written. On macOS both only reach the
drive's own cache, so `F_FULLFSYNC` is asked for there.
"""

import fcntl
import os
from contextlib import suppress
from typing import Final

from raftwerk.storage.disk_protocol import directory_locked

__all__ = ["RealDisk"]

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_HOLDER_BYTES_MAX: Final = 400
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)


def _sync(descriptor: int) -> None:
    """Have the drive, not only the system, take what was written."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        os.fdatasync(descriptor)


class _RealFile:
    """One file descriptor."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int | None:
        """The open file, where `fdatasync` is all that a sync takes."""
        return self._descriptor if _FULL_SYNC is None else None

    def read_at(self, offset: int, length: int) -> bytes:
        """Do as `File.read_at` says."""
        parts = []
        while length > 0:
            part = os.pread(self._descriptor, length, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def write_at(self, offset: int, data: bytes) -> None:
        """Do as `File.write_at` says."""
        written = os.pwrite(self._descriptor, data, offset)
        while written < len(data):
            # Less than asked is no error: the next call says what is wrong.
            rest = memoryview(data)[written:]
            written += os.pwrite(self._descriptor, rest, offset + written)

    def sync(self) -> None:
        """Do as `File.sync` says."""
        _sync(self._descriptor)

    def size(self) -> int:
        """Do as `File.size` says."""
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Do as `File.close` says."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RealDisk:
    """The file system of the machine; see `raftwerk.storage.disk_protocol.Disk`.

    Examples
    --------
    >>> disk = RealDisk()
    >>> disk.list_directory("/no/such/directory")
    []
    """

    def make_directory(self, path: str) -> bool:
        """Do as `Disk.make_directory` says."""
        path = os.path.abspath(path)
        parent = os.path.dirname(path)
        is_new = False
        if not os.path.isdir(path):
            self.make_directory(parent)
            try:
                os.mkdir(path, _DIRECTORY_MODE)
                is_new = True
            except FileExistsError:
                if not os.path.isdir(path):
                    raise  # else another process was faster
        if parent != path:
            try:
                self.sync_directory(parent)
            except PermissionError:
                if is_new:
                    raise  # else whoever made it has seen to it
        return is_new

    def list_directory(self, path: str) -> list[str]:
        """Do as `Disk.list_directory` says."""
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []

    def create(self, path: str) -> _RealFile:
        """Do as `Disk.create` says."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        return _RealFile(os.open(path, flags, _FILE_MODE))

    def open(self, path: str) -> _RealFile:
        """Do as `Disk.open` says."""
        return _RealFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def open_to_read(self, path: str) -> _RealFile:
        """Do as `Disk.open_to_read` says."""
        return _RealFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def rename(self, source: str, target: str) -> None:
        """Do as `Disk.rename` says."""
        os.replace(source, target)

    def remove(self, path: str) -> None:
        """Do as `Disk.remove` says."""
        os.unlink(path)

    def sync_directory(self, path: str) -> None:
        """Do as `Disk.sync_directory` says."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: str, holder: str) -> _RealFile:
        """Do as `Disk.lock` says."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            name = f"process {os.getpid()} ({holder})\n".encode()
            # In this order: on a full disk a file that was emptied stays empty.
            with suppress(OSError):  # the name is for people; the lock needs none
                os.ftruncate(descriptor, os.pwrite(descriptor, name, 0))
        except BlockingIOError:
            found = os.pread(descriptor, _HOLDER_BYTES_MAX, 0)
            os.close(descriptor)
            raise directory_locked(path, found.decode(errors="replace")) from None
        except OSError:
            os.close(descriptor)
            raise
        return _RealFile(descriptor)
