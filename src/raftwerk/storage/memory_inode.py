"""The content of one file of `memory_disk`: what is seen, and what would survive."""

from raftwerk.host.protocol import Draw

__all__ = ["Inode"]


class Inode:
    """The content of one file: as seen, as durable, and what lies between."""

    __slots__ = ("durable", "unsynced", "visible")

    def __init__(self) -> None:
        self.visible = bytearray()
        self.durable = bytearray()
        self.unsynced: list[tuple[int, bytes]] = []

    def write(self, offset: int, data: bytes) -> None:
        """Change what is seen.

        Parameters
        ----------
        offset : int
            Where to begin, in bytes.
        data : bytes
            What to write.
        """
        _put(self.visible, offset, data)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        """Make durable what was written since the last time, and nothing else."""
        for offset, data in self.unsynced:
            _put(self.durable, offset, data)
        self.unsynced.clear()

    def crash(self, draw: Draw | None, block_bytes: int) -> None:
        """Keep what was synced, and of each other block whatever the draw says.

        Parameters
        ----------
        draw : Draw or None
            Decides; None: nothing else is kept.
        block_bytes : int
            What survives whole or not at all.
        """
        if draw is not None:
            pieces: dict[int, list[tuple[int, bytes]]] = {}
            for offset, data in self.unsynced:
                for begin, piece in _pieces(offset, data, block_bytes):
                    pieces.setdefault(begin // block_bytes, []).append((begin, piece))
            for versions in pieces.values():
                for begin, piece in versions[: draw.below(len(versions) + 1)]:
                    _put(self.durable, begin, piece)
        self.unsynced.clear()
        self.visible = bytearray(self.durable)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    """Write into a file that grows with zeros where it must."""
    if not data:
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _pieces(offset: int, data: bytes, block_bytes: int) -> list[tuple[int, bytes]]:
    """Cut a write where blocks begin."""
    pieces = []
    begin = 0
    while begin < len(data):
        length = block_bytes - (offset + begin) % block_bytes
        pieces.append((offset + begin, data[begin : begin + length]))
        begin += length
    return pieces
