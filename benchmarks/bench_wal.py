"""Entries a second through the log, against the bare disk.

    python benchmarks/bench_wal.py [--directory DIR] [--seconds S]

Sketch: a batch costs one `pwrite` and one `fdatasync` into a preallocated file, and the
disk decides nearly all of it. What we add is encoding and two checksums. So the log
should stay close to the bare write and sync of the same bytes, and the gap is the CPU
it takes: about 10 µs for a batch, and 0.3 µs for each entry in it, its making included.

The two take turns, a slice each, so that both meet the same moods of the disk. The last
column is the same without a disk: what the log costs in CPU.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

from raftwerk.core.records import Entry, HardState
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.inspection import inspect_log
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.wal import SEGMENT_BYTES, Wal
from raftwerk.types import LogIndex, NodeId, Term

DATA = b"x" * 100
BATCHES = (1, 64)
SLICES = 20
IDENTITY = DirectoryIdentity(1, NodeId(1), 1)


class BareFile:
    """The same bytes in the same places, and nothing around them."""

    def __init__(self, directory: str, batch_bytes: int) -> None:
        self._descriptor = os.open(f"{directory}/bare", os.O_RDWR | os.O_CREAT)
        for offset in range(0, SEGMENT_BYTES, 1 << 20):
            os.pwrite(self._descriptor, bytes(1 << 20), offset)
        os.fsync(self._descriptor)
        self._data = os.urandom(batch_bytes)
        self._offset = 0

    def write(self) -> None:
        """Write one batch and sync it."""
        if self._offset + len(self._data) > SEGMENT_BYTES:
            self._offset = 0
        os.pwrite(self._descriptor, self._data, self._offset)
        os.fdatasync(self._descriptor)
        self._offset += len(self._data)


class Log:
    """The log, fed batch by batch as a leader does it."""

    def __init__(self, wal: Wal, batch: int) -> None:
        self._wal = wal
        self._batch = batch

    def write(self) -> None:
        """Append one batch and sync it."""
        first = self._wal.last_index() + 1
        entries = [
            Entry(Term(1), LogIndex(index), DATA)
            for index in range(first, first + self._batch)
        ]
        self._wal.append(HardState(Term(1), NodeId(1), LogIndex(first - 1)), entries)
        self._wal.sync()


class NoDisk(MemoryDisk):
    """Takes everything and keeps nothing: what is left is our own work."""

    def write(self, inode: object, offset: int, data: bytes) -> None:
        """Forget it."""

    def sync(self, inode: object) -> None:
        """Have nothing to do."""


def measure(write: Callable[[], None], seconds: float) -> list[float]:
    """Return how long each call took, in seconds."""
    times = []
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        write()
        times.append(time.perf_counter() - now)
    return times


def size_of_batch(batch: int) -> int:
    """Return how many bytes a batch takes in the file."""
    disk = MemoryDisk()
    log = Log(Wal.create(disk, "/data", IDENTITY), batch)
    log.write()
    (segment,) = inspect_log(disk, "/data").segments
    before = segment.used_bytes
    log.write()
    (segment,) = inspect_log(disk, "/data").segments
    return segment.used_bytes - before


def compare(directory: str, batch: int, seconds: float) -> None:
    """Measure one size of batch, and print one line."""
    size = size_of_batch(batch)
    bare = BareFile(directory, size)
    real = Log(Wal.create(RealDisk(), f"{directory}/wal-{batch}", IDENTITY), batch)
    ours = Log(Wal.create(NoDisk(), "/data", IDENTITY), batch)
    times: dict[str, list[float]] = {"bare": [], "log": [], "cpu": []}
    for _ in range(SLICES):
        for name, log in ("bare", bare), ("log", real), ("cpu", ours):
            times[name] += measure(log.write, seconds / SLICES / 3)
    median = {name: statistics.median(took) * 1e6 for name, took in times.items()}
    mean = {name: statistics.fmean(took) for name, took in times.items()}
    worst = {
        name: statistics.quantiles(took, n=100)[98] * 1e6
        for name, took in times.items()
    }
    print(
        f"{batch:5} {size:8} {batch / mean['log']:12,.0f} {batch / mean['bare']:12,.0f}"
        f" {mean['bare'] / mean['log']:6.2f} {median['log']:9.0f} {median['bare']:9.0f}"
        f" {worst['log']:9.0f} {worst['bare']:9.0f} {median['cpu']:9.1f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", help="on the disk to measure", default=None)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each line")
    options = parser.parse_args()
    print(
        "batch    bytes  log entr./s bare entr./s  ratio   log µs   bare µs"
        "   log p99  bare p99   CPU µs"
    )
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        for batch in BATCHES:
            compare(directory, batch, options.seconds)


if __name__ == "__main__":
    main()
