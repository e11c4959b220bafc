"""The program with a disk that hangs on order; the shipped one has no switch for that.

    python -m tests.e2e.sick_node ORDER serve FLAGS...

While the file ORDER is there, no sync returns. If there is a number in it, each sync
takes so many seconds.
"""

import sys
import time
from functools import partial
from pathlib import Path

from raftwerk.cli import main, serve
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.disk_protocol import File

__all__ = ["program"]

LOOK_SECONDS = 0.02


def program(order: Path) -> list[str]:
    """Return what Python is told, to run it."""
    return ["-m", "tests.e2e.sick_node", str(order)]


class SickFile:
    """A file whose syncs hang."""

    def __init__(self, file: File, order: Path) -> None:
        self._order = order
        self.read_at = file.read_at
        self.write_at = file.write_at
        self.size = file.size
        self.close = file.close
        self._sync = file.sync

    def sync(self) -> None:
        """Do as `File.sync` says, later."""
        begin = time.monotonic()
        while self._ordered() > time.monotonic() - begin:
            time.sleep(LOOK_SECONDS)
        self._sync()

    def _ordered(self) -> float:
        """Return how long a sync shall take."""
        try:
            return float(self._order.read_text() or "inf")
        except FileNotFoundError:
            return 0.0


class SickDisk(RealDisk):
    """The machine's file system with syncs that hang."""

    def __init__(self, order: Path) -> None:
        self._order = order

    def create(self, path: str) -> File:  # type: ignore[override]  # a protocol's
        return SickFile(super().create(path), self._order)

    def open(self, path: str) -> File:  # type: ignore[override]  # a protocol's
        return SickFile(super().open(path), self._order)


if __name__ == "__main__":
    disk = SickDisk(Path(sys.argv.pop(1)))
    serve.serve = partial(serve.serve, disk=disk)
    main.main()
