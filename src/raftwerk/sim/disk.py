"""A machine's disk in a simulated world: it is cut off, fails, fills up and rots.

`MemoryDisk` does what POSIX allows. Here is what only hardware does: a write that never
came, or came elsewhere, and bits that flip. A member survives none of these in what it
has acknowledged last, for nobody could tell it from a torn write; so they strike what
lies before the last synced write of a file, which the log is able to notice.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from raftwerk.host.protocol import Draw
from raftwerk.storage.disk_protocol import File
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut
from raftwerk.storage.memory_inode import Inode

__all__ = ["SimDisk", "Trap"]


class Trap(msgspec.Struct):
    """What is to go wrong with one of the rarer operations of a disk.

    Parameters
    ----------
    sort : str
        ``names``: files are made, renamed, removed, and folders synced; ``snapshots``:
        anything in their folder.
    left : int
        How many of these go well before.
    fails : bool
        Whether the operation fails, as far as it can. Without it, the power is cut.
    """

    sort: str
    left: int
    fails: bool = False


class SimDisk(MemoryDisk):
    """A `MemoryDisk` that knows which of its bytes are old.

    Attributes
    ----------
    on_cut : callable
        Called when an operation finds the power gone.
    trap : Trap or None
        What is to go wrong next; gone with the process, and once it has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_cut: Callable[[], None] = _nothing
        self._settled: dict[int, tuple[Inode, int]] = {}
        """For each file where its last write before the last sync began: what lies
        before was synced, and has been followed by something that was synced too."""
        self._last_write: dict[int, int] = {}
        self.trap: Trap | None = None

    # ---- what a member calls ------------------------------------------------

    def create(self, path: str) -> File:
        """Do as `Disk.create` says."""
        self._spring("create", path)
        return super().create(path)

    def rename(self, source: str, target: str) -> None:
        """Do as `Disk.rename` says."""
        self._spring("rename", source)
        super().rename(source, target)

    def remove(self, path: str) -> None:
        """Do as `Disk.remove` says."""
        self._spring("remove", path)
        super().remove(path)

    def write(self, inode: Inode, offset: int, data: bytes) -> None:
        """Do as `MemoryDisk.write` says."""
        if self.trap is not None:
            self._spring("write", self._path_of(inode))
        try:
            super().write(inode, offset, data)
        except PowerCut:
            self.on_cut()
            raise
        if data.strip(b"\0"):  # zeros make room, and say nothing
            self._last_write[id(inode)] = offset

    def sync(self, inode: Inode) -> None:
        """Do as `MemoryDisk.sync` says."""
        if self.trap is not None:
            self._spring("sync", self._path_of(inode))
        try:
            super().sync(inode)
        except PowerCut:
            self.on_cut()
            raise
        offset = self._last_write.get(id(inode))
        if offset is not None:
            self._settled[id(inode)] = (inode, offset)

    def sync_directory(self, path: str) -> None:
        """Do as `MemoryDisk.sync_directory` says."""
        self._spring("sync_directory", path)
        try:
            super().sync_directory(path)
        except PowerCut:
            self.on_cut()
            raise

    # ---- what breaks it -----------------------------------------------------

    def kill(self) -> None:
        """Do as `MemoryDisk.kill` says."""
        self.trap = None
        super().kill()

    def calm_down(self) -> None:
        """Have nothing go wrong that was ordered and has not happened."""
        self.trap = self.capacity_bytes = self._cut_at = None
        self._failures.clear()

    def _spring(self, kind: str, path: str) -> None:
        """Have an operation go wrong, if this is the one."""
        trap = self.trap
        if trap is None:
            return
        fits = kind in _NAMES if trap.sort == "names" else "/snap" in path
        if not fits or (trap.fails and kind not in _FAILING):
            return
        trap.left -= 1
        if trap.left >= 0:
            return
        self.trap = None
        if trap.fails:
            self.fail_next(kind)
        else:
            self.cut_power_after(0)

    def _path_of(self, inode: Inode) -> str:
        """Return what a file is called; empty if it has no name any more."""
        named = (path for path, content in self._visible.items() if content is inode)
        return next(named, "")

    def rot(self, draw: Draw, kind: str) -> str:
        """Damage something old.

        Parameters
        ----------
        draw : Draw
            Decides where.
        kind : str
            ``flipped``: one bit; ``lost``: a block is as it was before, empty;
            ``misdirected``: a block lies where another should.

        Returns
        -------
        str
            What was damaged, in words; empty if nothing is old enough.
        """
        old = [
            (path, inode, self._settled[id(inode)][1])
            for path, inode in sorted(self._visible.items())
            if inode is not None
            and id(inode) in self._settled
            and self._settled[id(inode)][1] >= 64
        ]
        if not old:
            return ""
        # Often the newest part of the log: what lies behind it is written still.
        place = len(old) - 1 if draw.below(2) else draw.below(len(old))
        path, inode, end = old[place]
        if kind == "flipped":
            bit = draw.below(8 * end)
            self.flip_bit(path, bit)
            return f"bit {bit} of {path} flipped"
        length = 1 + draw.below(min(512, end // 2))
        begin = draw.below(end - length + 1)
        data = bytes(length)
        if kind == "misdirected":
            source = draw.below(end - length + 1)
            data = bytes(inode.durable[source : source + length])
        for content in (inode.visible, inode.durable):
            content[begin : begin + length] = data
        return f"{length} bytes of {path} at {begin} are {kind}"


_NAMES: Final = frozenset({"create", "rename", "remove", "sync_directory"})

_FAILING: Final = frozenset({"write", "sync", "sync_directory"})
"""What `MemoryDisk.fail_next` knows."""


def _nothing() -> None:
    """Do nothing: nobody wants to know."""
