"""What a benchmark was run on, and how: without it no number can be compared."""

import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe_machine"]


def describe_machine(*compared: str) -> str:
    """Return machine, interpreter, versions and command, a line each.

    Parameters
    ----------
    *compared : str
        The packages that raftwerk is compared with.

    Returns
    -------
    str
        With a line end, as the head of a table.
    """
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    program = f"benchmarks.{Path(sys.argv[0]).stem}"
    packages = [f"{name} {version(name)}" for name in ("raftwerk", *compared)]
    return "\n".join(
        [
            f"machine   {_processor()}, {os.cpu_count()} cores, {system}",
            f"load      {os.getloadavg()[0]:.1f}",
            f"python    {python}",
            f"packages  {', '.join(packages)}",
            f"command   {shlex.join(['python', '-m', program, *sys.argv[1:]])}",
            "",
        ]
    )


def _processor() -> str:
    """Return the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
