"""Which processes are there, as Linux tells it."""

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
