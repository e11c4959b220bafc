"""The twin of the disk: it does all that a real one may do, on command.

Product code: the simulator and the tests break it on purpose. It keeps apart what was
synced from what was not, for data and for names. `MemoryDisk.crash` cuts the power: of
each block written since the last sync any version may survive, of the names changed any
part, and the order in which all that happened counts for nothing. That is harsher than
most disks, and no harsher than POSIX allows.
"""

import errno
from typing import Final

import msgspec

from raftwerk.host.protocol import Draw
from raftwerk.storage.disk_protocol import File, directory_locked
from raftwerk.storage.memory_inode import Inode

__all__ = ["MemoryDisk", "PowerCut"]

_BLOCK_BYTES: Final = 512


class PowerCut(Exception):
    """The machine is off, or the process that opened this is gone."""


class _MemoryFile:
    """One open file; it ends with the power."""

    __slots__ = ("_disk", "_inode", "_is_writable", "_power")

    def __init__(self, disk: "MemoryDisk", inode: Inode, is_writable: bool) -> None:
        self._disk = disk
        self._inode = inode
        self._power = disk.crashes
        self._is_writable = is_writable

    def read_at(self, offset: int, length: int) -> bytes:
        """Do as `File.read_at` says."""
        self._check_power()
        return bytes(self._inode.visible[offset : offset + length])

    def write_at(self, offset: int, data: bytes) -> None:
        """Do as `File.write_at` says."""
        self._check_power()
        if not self._is_writable:
            raise OSError(errno.EBADF, "opened to read only")
        self._disk.write(self._inode, offset, bytes(data))

    def sync(self) -> None:
        """Do as `File.sync` says."""
        self._check_power()
        self._disk.sync(self._inode)

    def size(self) -> int:
        """Do as `File.size` says."""
        self._check_power()
        return len(self._inode.visible)

    def close(self) -> None:
        """Do as `File.close` says."""

    def _check_power(self) -> None:
        """Refuse to work for a process that is gone."""
        if self._power != self._disk.crashes:
            raise PowerCut


class _MemoryLock:
    """A claim to a directory."""

    __slots__ = ("_holders", "_path", "holder")

    def __init__(
        self, holders: dict[str, "_MemoryLock"], path: str, holder: str
    ) -> None:
        self._holders = holders
        self._path = path
        self.holder = holder
        holders[path] = self

    def close(self) -> None:
        """Do as `Lock.close` says."""
        # Not the claim of whoever came after a crash.
        if self._holders.get(self._path) is self:
            del self._holders[self._path]


class _Failure(msgspec.Struct):
    """An error that was ordered."""

    kind: str
    code: int
    left: int
    """How many calls come before it; negative: it is over."""


_Names = dict[str, Inode | None]
"""Paths and what they name; a directory has no content."""


class MemoryDisk:
    """A `Disk` that forgets, tears, rots, fills up and fails.

    Parameters
    ----------
    capacity_bytes : int or None
        How much all files may hold together; None: no end.
    block_bytes : int
        What survives a crash whole or not at all.

    Examples
    --------
    >>> disk = MemoryDisk()
    >>> disk.make_directory("/data")
    True
    >>> file = disk.create("/data/file")
    >>> file.write_at(0, b"synced")
    >>> file.sync()
    >>> disk.sync_directory("/data")
    >>> file.write_at(6, b", and not synced")
    >>> disk.crash()
    >>> disk.read_file("/data/file")
    b'synced'
    """

    def __init__(
        self, *, capacity_bytes: int | None = None, block_bytes: int = _BLOCK_BYTES
    ) -> None:
        self.capacity_bytes = capacity_bytes
        self.operations = 0
        """How many calls have changed something, or tried to."""
        self.crashes = 0
        """How often a process ended; what it had open is of no use since."""
        self._block_bytes = block_bytes
        self._visible: _Names = {"/": None}
        self._durable: _Names = dict(self._visible)
        # For each directory the changes since its last sync: path → content, or None
        # for a directory, or False for a name that is gone.
        self._unsynced: dict[str, list[dict[str, Inode | None | bool]]] = {}
        self._holders: dict[str, _MemoryLock] = {}
        self._cut_at: int | None = None
        self._failures: list[_Failure] = []

    # ---- what a member calls ------------------------------------------------

    def make_directory(self, path: str) -> bool:
        """Do as `Disk.make_directory` says."""
        self._work()
        if path in self._visible:
            if self._visible[path] is not None:
                raise FileExistsError(errno.EEXIST, "File exists", path)
            if path != "/":
                self.sync_directory(_parent(path))
            return False
        parent = _parent(path)
        self.make_directory(parent)
        self._change(parent, {path: None})
        self.sync_directory(parent)
        return True

    def list_directory(self, path: str) -> list[str]:
        """Do as `Disk.list_directory` says."""
        for above in (path, _parent(path)):
            if self._visible.get(above) is not None:
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return sorted(
            name.rpartition("/")[2]
            for name in self._visible
            if _parent(name) == path and name.strip("/")
        )

    def create(self, path: str) -> File:
        """Do as `Disk.create` says."""
        self._work()
        self._require_directory(_parent(path))
        inode = Inode()
        self._change(_parent(path), {path: inode})
        return _MemoryFile(self, inode, True)

    def open(self, path: str) -> _MemoryFile:
        """Do as `Disk.open` says."""
        return _MemoryFile(self, self._inode(path), True)

    def open_to_read(self, path: str) -> _MemoryFile:
        """Do as `Disk.open_to_read` says."""
        return _MemoryFile(self, self._inode(path), False)

    def rename(self, source: str, target: str) -> None:
        """Do as `Disk.rename` says."""
        self._work()
        # One change: after a crash the file has the one name or the other.
        inode = self._inode(source)
        self._change(_parent(target), {source: False, target: inode})

    def remove(self, path: str) -> None:
        """Do as `Disk.remove` says."""
        self._work()
        self._inode(path)
        self._change(_parent(path), {path: False})

    def sync_directory(self, path: str) -> None:
        """Do as `Disk.sync_directory` says."""
        self._work()
        self._require_directory(path)
        self._fail_if_asked("sync_directory")
        for change in self._unsynced.pop(path, ()):
            _apply(self._durable, change)

    def lock(self, path: str, holder: str) -> _MemoryLock:
        """Do as `Disk.lock` says."""
        if path in self._holders:
            raise directory_locked(path, self._holders[path].holder)
        if path not in self._visible:
            self.create(path)
        return _MemoryLock(self._holders, path, f"process 1 ({holder})")

    # ---- what files call ----------------------------------------------------

    def write(self, inode: Inode, offset: int, data: bytes) -> None:
        """Write into a file: all, or what fits.

        Parameters
        ----------
        inode : Inode
            The file's content.
        offset : int
            Where to begin, in bytes.
        data : bytes
            What to write.
        """
        try:
            self._work()
            self._fail_if_asked("write")
        except (OSError, PowerCut):
            # Any part may have been written: the first half stands for it, and a crash
            # tears that again.
            inode.write(offset, data[: len(data) // 2])
            raise
        room = len(data)
        if self.capacity_bytes is not None:
            growth_max = self.capacity_bytes - self.used_bytes
            room = max(len(inode.visible) + growth_max - offset, 0)
        inode.write(offset, data[:room])
        if room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def sync(self, inode: Inode) -> None:
        """Make a file durable.

        Parameters
        ----------
        inode : Inode
            The file's content.
        """
        self._work()
        try:
            self._fail_if_asked("sync")
        except OSError:
            # As Linux does: what could not be written counts as clean from now on. It
            # is seen, and never becomes durable, whatever a later sync says.
            inode.unsynced.clear()
            raise
        inode.sync()

    # ---- what breaks it -----------------------------------------------------

    @property
    def used_bytes(self) -> int:
        """The size of all files together.

        Returns
        -------
        int
            In bytes.
        """
        inodes = {id(i): i for i in self._visible.values() if i is not None}
        return sum(len(inode.visible) for inode in inodes.values())

    def crash(self, draw: Draw | None = None) -> None:
        """Cut the power, and switch it on again.

        Parameters
        ----------
        draw : Draw or None
            Decides what of the un-synced survives; None: nothing does.
        """
        self.kill()
        for changes in self._unsynced.values():
            for change in changes:
                if draw is not None and draw.below(2):
                    _apply(self._durable, change)
        self._unsynced.clear()
        everything = {id(i): i for i in self._visible.values() if i is not None}
        everything |= {id(i): i for i in self._durable.values() if i is not None}
        for inode in everything.values():
            inode.crash(draw, self._block_bytes)
        self._durable = {
            path: inode
            for path, inode in self._durable.items()
            if all(above in self._durable for above in _parents(path))
        }
        self._visible = dict(self._durable)

    def kill(self) -> None:
        """End the process that uses it, and leave the power on: nothing is lost."""
        self.crashes += 1
        self._cut_at = None
        self._failures.clear()
        self._holders.clear()

    def cut_power_after(self, operations: int) -> None:
        """Have a later call, and all after it, raise `PowerCut`.

        Parameters
        ----------
        operations : int
            How many more calls that change something are done in full. A write that is
            cut may have been done in part.
        """
        self._cut_at = self.operations + operations

    def fail_next(self, kind: str, code: int = errno.EIO, after: int = 0) -> None:
        """Have one later call fail.

        Parameters
        ----------
        kind : str
            ``write``, ``sync`` or ``sync_directory``.
        code : int
            The error's number.
        after : int
            How many calls of this kind come before, not counting those that fail.
        """
        self._failures.append(_Failure(kind, code, after))

    def flip_bit(self, path: str, bit: int) -> None:
        """Let one bit of a file rot.

        Parameters
        ----------
        path : str
            The file.
        bit : int
            Which one, counted from the first bit of the first byte.
        """
        inode = self._inode(path)
        for content in (inode.visible, inode.durable):
            if bit // 8 < len(content):
                content[bit // 8] ^= 1 << bit % 8

    def read_file(self, path: str) -> bytes:
        """Return what is seen of a file.

        Parameters
        ----------
        path : str
            The file.

        Returns
        -------
        bytes
            All of it.
        """
        return bytes(self._inode(path).visible)

    def put_file(self, path: str, data: bytes) -> None:
        """Put a file there, durable, with all directories above it.

        Parameters
        ----------
        path : str
            The file.
        data : bytes
            What is in it.
        """
        self.make_directory(_parent(path))
        inode = Inode()
        inode.write(0, data)
        inode.sync()
        self._change(_parent(path), {path: inode})
        self.sync_directory(_parent(path))

    # -------------------------------------------------------------------------

    def _work(self) -> None:
        """Count one call that changes something, if there is power for it."""
        if self._cut_at is not None and self.operations >= self._cut_at:
            raise PowerCut
        self.operations += 1

    def _fail_if_asked(self, kind: str) -> None:
        """Raise the error that was ordered for this call, if any."""
        for failure in self._failures:
            if failure.kind == kind:
                failure.left -= 1
                if failure.left == -1:
                    raise OSError(failure.code, f"injected into {kind}")

    def _inode(self, path: str) -> Inode:
        """Return the content of a file that must be there."""
        inode = self._visible.get(path)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inode

    def _require_directory(self, path: str) -> None:
        """Raise unless this is a directory."""
        if path not in self._visible:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if self._visible[path] is not None:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)

    def _change(self, parent: str, change: dict[str, Inode | None | bool]) -> None:
        """Change names as they are seen."""
        _apply(self._visible, change)
        self._unsynced.setdefault(parent, []).append(change)


def _apply(names: _Names, change: dict[str, Inode | None | bool]) -> None:
    """Change names; False stands for one that is gone."""
    for path, node in change.items():
        if isinstance(node, bool):
            names.pop(path, None)
        else:
            names[path] = node


def _parent(path: str) -> str:
    """Return the directory that a path is in."""
    return path.rpartition("/")[0] or "/"


def _parents(path: str) -> list[str]:
    """Return all directories above a path."""
    above = []
    while path not in ("", "/"):
        path = _parent(path)
        above.append(path)
    return above
