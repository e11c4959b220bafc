"""What the operating system knows of our process, under the names of Prometheus.

Read when it is asked for, and only what is there to be read: memory and open files are
told by Linux alone.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

try:
    import resource
except ImportError:
    LIMIT: Callable[[], int] | None = None
else:

    def _limit() -> int:
        """Return how many files we may have open."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    LIMIT = _limit

__all__ = ["process_numbers"]

_SELF: Final = Path("/proc/self")
_BEGAN_SECONDS: Final = time.time()


def process_numbers() -> Mapping[str, float]:
    """Return what is known.

    Returns
    -------
    mapping of str to float
        By the names of the metrics.
    """
    numbers = {
        "process_start_time_seconds": _BEGAN_SECONDS,
        "process_cpu_seconds_total": time.process_time(),
    }
    if LIMIT is not None:
        numbers["process_max_fds"] = LIMIT()
    with suppress(OSError):
        numbers["process_open_fds"] = len(os.listdir(_SELF / "fd"))
        pages = int((_SELF / "statm").read_text("ascii").split()[1])
        numbers["process_resident_memory_bytes"] = pages * os.sysconf("SC_PAGE_SIZE")
    return numbers
