"""Which processes are there, as Linux tells it."""

import os
import threading
import time
import weakref
from pathlib import Path

import pytest

PROC = Path("/proc")

LOOK_SECONDS = 0.2
"""From one look at who was starved to the next. Linux counts a wait when it is over, so
that is longer than most of them."""

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

    Time is withheld while one of some processes, at least, waits for a processor. Each
    `LOOK_SECONDS` it is asked how long each had to wait since the last look, and what
    the one had that was starved most is taken off: they wait at the same time on a busy
    machine, so that the sum of their waits could be more than the time that passed. So
    what is left is never less than the time in which all that had work could do it; on
    a quiet machine it is nearly all.

    Parameters
    ----------
    *pids : int
        The processes whose work is measured; our own is one of them.
    """

    def __init__(self, *pids: int) -> None:
        self.began = time.monotonic()
        self._looked = self.began
        self._withheld = 0.0
        self._lock = threading.Lock()
        self._starved = {pid: starved_seconds(pid) for pid in (os.getpid(), *pids)}
        threading.Thread(
            target=_look_until_gone, args=(weakref.ref(self),), daemon=True
        ).start()

    @property
    def passed_seconds(self) -> float:
        """What went by."""
        return time.monotonic() - self.began

    @property
    def withheld_seconds(self) -> float:
        """How long the one that was starved most waited, over all looks."""
        self.look()
        return self._withheld

    @property
    def seconds(self) -> float:
        """What they took themselves."""
        return max(self.passed_seconds - self.withheld_seconds, 0.0)

    def look(self) -> None:
        """Count what was withheld since the last look."""
        with self._lock:
            now = time.monotonic()
            starved = {pid: starved_seconds(pid) for pid in self._starved}
            longest = max(starved[pid] - was for pid, was in self._starved.items())
            self._withheld += min(max(longest, 0.0), now - self._looked)
            # Who has ended is counted no more.
            self._starved = {
                pid: max(starved[pid], self._starved[pid]) for pid in starved
            }
            self._looked = now

    def __str__(self) -> str:
        """Say both, for reports."""
        return f"{self.seconds:.2f} s (+ {self.withheld_seconds:.2f} s withheld)"


def _look_until_gone(watch: "weakref.ref[Stopwatch]") -> None:
    """Look again and again, as long as somebody has the watch."""
    while (found := watch()) is not None:
        found.look()
        del found
        time.sleep(LOOK_SECONDS)
