"""Open files: as many as the system lets us have, and some kept for the log and peers.

A connection is an open file. Were clients allowed to use up all of them, the log could
not open its next segment.
"""

import resource
from typing import Final

from raftwerk.api.limits import CONNECTIONS_MAX

__all__ = ["allow_connections"]

KEPT: Final = 256
"""For the log, snapshots, peers, scripts and what is being closed."""


def allow_connections() -> int:
    """Raise the limit of open files as far as we may and need.

    Returns
    -------
    int
        How many clients may be connected at a time; at least 64, whatever that leaves.
    """
    wanted = CONNECTIONS_MAX + KEPT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if allowed > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(min(CONNECTIONS_MAX, soft - KEPT), 64)
