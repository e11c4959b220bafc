"""What a call of a client can end with, beside its result.

Two of them are of all of raftwerk: `NotProposed`, after which it is safe to try again,
and `OutcomeUnknown`, after which one has to look first.
"""

from raftwerk.errors import NotProposed, RequestError

__all__ = ["LeaseLost", "NoEndpoint", "Refused", "WatchCompacted"]


class LeaseLost(RequestError):
    """A lease has ended, or may have: what lasts as long as it is ours no more."""


class NoEndpoint(NotProposed):
    """No endpoint took the request, each for a reason; nothing happened."""


class Refused(RequestError):
    """The cluster refused the request; nothing happened, and it is no use to repeat it.

    Parameters
    ----------
    words : str
        Why.
    http_status : int
        HTTP's.
    code : int
        As gRPC counts them; 0 if the call is none of etcd's.
    """

    def __init__(self, words: str, http_status: int, code: int = 0) -> None:
        super().__init__(words)
        self.http_status = http_status
        self.code = code


class WatchCompacted(RequestError):
    """What a watch wants next is forgotten by the cluster; the watch is over.

    Parameters
    ----------
    wanted_revision : int
        What it wants next.
    compact_revision : int
        The oldest revision that can be watched from.
    """

    def __init__(self, wanted_revision: int, compact_revision: int) -> None:
        super().__init__(
            f"revision {wanted_revision} is compacted; the oldest that can be watched"
            f" from is {compact_revision}: read the keys anew, and watch from there"
        )
        self.wanted_revision = wanted_revision
        self.compact_revision = compact_revision
