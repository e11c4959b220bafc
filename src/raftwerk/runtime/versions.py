"""What may stand in the log: as much as all members can read.

A cluster has one version, a number that grows. It is the lowest that its members can
read, as each tells of itself through the log, so all of them know the same one at the
same entry. It never falls: a member that can read less than has been agreed upon must
not take part. What a later version brings is proposed only once the cluster has it, so
that members may be replaced by newer ones, one after the other, while it works.
"""

from collections.abc import Iterable
from typing import Final

from raftwerk.errors import UnknownFormat

__all__ = [
    "DRIFT_VERSION",
    "FIRST_VERSION",
    "READABLE_VERSION",
    "SESSIONS_VERSION",
    "agreed_version",
    "require_readable",
]

FIRST_VERSION: Final = 1
"""What every cluster begins with."""

DRIFT_VERSION: Final = 2
"""From here on replicas are compared (`drift`)."""

SESSIONS_VERSION: Final = 2
"""From here on there are sessions, and requests that are done once (`answered`)."""

READABLE_VERSION: Final = 2
"""The newest that this raftwerk can read. Whoever adds something to the log that older
ones would not understand raises it, and has it proposed with this version."""


def agreed_version(present: int, told: Iterable[int]) -> int:
    """Return the version of a cluster.

    Parameters
    ----------
    present : int
        What was agreed upon so far.
    told : iterable of int
        What each member can read; 0: it has not told yet, so nothing can change.

    Returns
    -------
    int
        At least `present`.
    """
    return max(present, min(told, default=present))


def require_readable(version: int, what: str) -> None:
    """Refuse what only a newer raftwerk can read, before anything is done with it.

    Parameters
    ----------
    version : int
        What is needed.
    what : str
        What needs it, as the beginning of a sentence.

    Raises
    ------
    UnknownFormat
        If we can't read it; the message names both versions.
    """
    if version > READABLE_VERSION:
        raise UnknownFormat(
            f"{what} needs cluster version {version}, and this raftwerk reads versions"
            f" up to {READABLE_VERSION}; start a newer version of raftwerk on this data"
            " directory"
        )
