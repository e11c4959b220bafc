"""Which processes are there, as Linux tells it."""

import os
import time
from pathlib import Path

import pytest

PROC = Path("/proc")

needs_proc = pytest.mark.skipif(
    not (PROC / "self" / "cmdline").exists(), reason="processes are looked up in /proc"
)


def starved_seconds(pid: int) -> float:
    """Return how long a process was ready to run while others had the processors.

    What remains of the time that went by is its own, on a busy machine as well.
    """
    try:
        fields = (PROC / str(pid) / "schedstat").read_text().split()
    except OSError:
        return 0.0  # not told here
    return int(fields[1]) / 1e9


def processes_with(word: str) -> dict[int, str]:
    """Return the live processes that have this word in their command line."""
    found = {}
    for process in PROC.glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            continue  # ended meanwhile
        # A zombie has ended; whoever started it has not asked yet.
        if word in words and state not in "ZX":
            found[int(process.name)] = words.strip()
    return found


class Stopwatch:
    """Measures how long something took, without the time that the machine withheld.

    What some processes had to wait for a processor is taken off, as if they had waited
    one after the other. On a quiet machine that is next to nothing.

    Parameters
    ----------
    *pids : int
        The processes whose work is measured; our own is one of them.
    """

    def __init__(self, *pids: int) -> None:
        self.began = time.monotonic()
        self._starved = {pid: starved_seconds(pid) for pid in (os.getpid(), *pids)}

    @property
    def passed_seconds(self) -> float:
        """What went by."""
        return time.monotonic() - self.began

    @property
    def withheld_seconds(self) -> float:
        """How long they waited for a processor."""
        waited = (starved_seconds(pid) - was for pid, was in self._starved.items())
        return sum(max(seconds, 0.0) for seconds in waited)

    @property
    def seconds(self) -> float:
        """What they took themselves."""
        return max(self.passed_seconds - self.withheld_seconds, 0.0)

    def __str__(self) -> str:
        """Say both, for reports."""
        return f"{self.seconds:.2f} s (+ {self.withheld_seconds:.2f} s withheld)"
