"""What processes and the machine used, as Linux tells it; and on what machine."""

import contextlib
import os
import platform
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from raftwerk.host.compiled import build_kind

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
BLOCK_BYTES = 512
"""What `st_blocks` counts in."""
MEMORY_FILE_SYSTEMS = ("ramfs", "tmpfs")


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time of processes since they began, all threads."""
    ticks = 0
    for pid in pids:
        # The second field is the program's name, which may have blanks in it.
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def resident_mebibytes(pids: Sequence[int]) -> float:
    """Return the memory that processes hold."""
    pages = 0
    for pid in pids:
        pages += int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def stored_mebibytes(folder: Path) -> float:
    """Return what the files below a folder take on the disk.

    Of a file that is gone by the time it is looked at, nothing.
    """
    blocks = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                blocks += os.stat(os.path.join(path, name)).st_blocks
    return blocks * BLOCK_BYTES / 2**20


class Span:
    """What was used from its beginning to its end.

    Attributes
    ----------
    servers : float
        CPU seconds of the processes that are looked at.
    load : float
        CPU seconds of this process and of the children that it waited for.
    elsewhere : float
        Share of all CPU time that went to anybody else, the hypervisor too.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._before = (0.0, 0.0, 0.0)
        self._began = 0.0
        self.servers = self.load = self.elsewhere = 0.0

    def __enter__(self) -> Self:
        self._before = (cpu_seconds(self._pids), _own_seconds(), _busy_seconds())
        self._began = time.monotonic()
        return self

    def __exit__(self, *_ended: object) -> None:
        servers, load, busy = self._before
        self.servers = cpu_seconds(self._pids) - servers
        self.load = _own_seconds() - load
        there_was = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = _busy_seconds() - busy - self.servers - self.load
        self.elsewhere = max(others / there_was, 0.0)


def _own_seconds() -> float:
    """Return the CPU time of this process and of the children that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def _busy_seconds() -> float:
    """Return how long the processors were not idle, all of them together."""
    line = (PROC / "stat").read_text(encoding="ascii").partition("\n")[0]
    user, nice, system, _idle, _wait, irq, soft_irq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + soft_irq + steal) / TICKS_PER_SECOND


def machine() -> str:
    """Return what this machine is, in one line."""
    model = platform.machine()
    for line in (PROC / "cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{os.cpu_count()} processors ({model}), {platform.system()}"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()}"
        f", raftwerk {build_kind()}"
    )


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on."""
    found = ("", "unknown")
    path = str(folder.resolve())
    for line in (PROC / "mounts").read_text(encoding="utf-8").splitlines():
        _device, point, kind = line.split()[:3]
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]
