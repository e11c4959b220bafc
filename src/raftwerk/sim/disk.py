"""A machine's disk in a simulated world: it is cut off, fails, fills up and rots.

`MemoryDisk` does what POSIX allows. Here is what only hardware does: a write that never
came, or came elsewhere, and bits that flip. A member survives none of these in what it
has acknowledged last, for nobody could tell it from a torn write; so they strike what
lies before the last synced write of a file, which the log is able to notice.
"""

from collections.abc import Callable

from raftwerk.host.protocol import Draw
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut
from raftwerk.storage.memory_inode import Inode

__all__ = ["SimDisk"]


class SimDisk(MemoryDisk):
    """A `MemoryDisk` that knows which of its bytes are old.

    Attributes
    ----------
    on_cut : callable
        Called when an operation finds the power gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_cut: Callable[[], None] = _nothing
        self._settled: dict[int, tuple[Inode, int]] = {}
        """For each file where its last write before the last sync began: what lies
        before was synced, and has been followed by something that was synced too."""
        self._last_write: dict[int, int] = {}

    def write(self, inode: Inode, offset: int, data: bytes) -> None:
        """Do as `MemoryDisk.write` says."""
        try:
            super().write(inode, offset, data)
        except PowerCut:
            self.on_cut()
            raise
        if data.strip(b"\0"):  # zeros make room, and say nothing
            self._last_write[id(inode)] = offset

    def sync(self, inode: Inode) -> None:
        """Do as `MemoryDisk.sync` says."""
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
        try:
            super().sync_directory(path)
        except PowerCut:
            self.on_cut()
            raise

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


def _nothing() -> None:
    """Do nothing: nobody wants to know."""
