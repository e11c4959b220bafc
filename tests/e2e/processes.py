"""Which processes are there, as Linux tells it."""

from pathlib import Path

import pytest

PROC = Path("/proc")

needs_proc = pytest.mark.skipif(
    not (PROC / "self" / "cmdline").exists(), reason="processes are looked up in /proc"
)


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
