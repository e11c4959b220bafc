"""Each error as a status: gRPC's code, HTTP's, and etcd's words. Once, here.

Clients of etcd match these codes and texts, so they are etcd's to the letter (3.5);
what more an error has to say is for the log and for callers within Python.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from raftwerk.api.errors import BadRequest, ForeignOrigin, PlainFailure
from raftwerk.errors import (
    IdempotencyKeyReused,
    NoRoom,
    NotProposed,
    OutcomeUnknown,
    QueueFull,
    RequestError,
    SessionExpired,
)
from raftwerk.kv import (
    CompactedRevision,
    CorruptCluster,
    DuplicateKey,
    EmptyKey,
    FutureRevision,
    InvalidCompare,
    InvalidSort,
    KeyNotFound,
    LeaseExists,
    LeaseNotFound,
    LeaseProvided,
    LeaseTooLong,
    NoSpace,
    TooManyOperations,
    ValueProvided,
)
from raftwerk.service import MemberStops, RequestTooLarge
from raftwerk.service.cluster_errors import (
    BadTransferee,
    ClusterRefusal,
    LearnerLags,
    MemberNotFound,
    MemberUrlsInvalid,
    NotALearner,
    PeerUrlsTaken,
    TooFewMembers,
    TransferFailed,
    UnhealthyCluster,
)
from raftwerk.service.errors import (
    DowngradeUnsupported,
    DowngradeVersionInvalid,
    DowngradeVersionMalformed,
    NoDowngrade,
)
from raftwerk.service.queue import RecipeError

__all__ = ["HTTP_STATUS", "Status", "retry_hint", "status_of"]

UNKNOWN: Final = 2
INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
FAILED_PRECONDITION: Final = 9
OUT_OF_RANGE: Final = 11
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
DATA_LOSS: Final = 15
UNAUTHENTICATED: Final = 16

RETRY_SECONDS: Final = 1
"""After which a client that was refused for want of room should try again."""

HTTP_STATUS: Final[Mapping[int, int]] = {
    UNKNOWN: 500,
    INVALID_ARGUMENT: 400,
    NOT_FOUND: 404,
    PERMISSION_DENIED: 403,
    RESOURCE_EXHAUSTED: 429,
    FAILED_PRECONDITION: 400,
    OUT_OF_RANGE: 400,
    UNIMPLEMENTED: 501,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    DATA_LOSS: 500,
    UNAUTHENTICATED: 401,
}
"""gRPC's code and the HTTP status that stands for it."""


class Status(msgspec.Struct, frozen=True):
    """What a client is told of an error.

    Parameters
    ----------
    code : int
        As gRPC counts them.
    text : str
        For people, and for clients that match it.
    http_status : int
        HTTP's, where it is not the one that stands for the code.
    """

    code: int
    text: str
    http_status: int = 0

    @property
    def http(self) -> int:
        """The HTTP status that stands for the error."""
        return self.http_status or HTTP_STATUS[self.code]


_STATUSES: Final[Mapping[type[Exception], Status]] = {
    EmptyKey: Status(INVALID_ARGUMENT, "etcdserver: key is not provided"),
    KeyNotFound: Status(INVALID_ARGUMENT, "etcdserver: key not found"),
    ValueProvided: Status(INVALID_ARGUMENT, "etcdserver: value is provided"),
    LeaseProvided: Status(INVALID_ARGUMENT, "etcdserver: lease is provided"),
    DuplicateKey: Status(
        INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"
    ),
    TooManyOperations: Status(
        INVALID_ARGUMENT, "etcdserver: too many operations in txn request"
    ),
    RequestTooLarge: Status(INVALID_ARGUMENT, "etcdserver: request is too large"),
    InvalidSort: Status(INVALID_ARGUMENT, "etcdserver: invalid sort option"),
    InvalidCompare: Status(INVALID_ARGUMENT, "etcdserver: invalid compare option"),
    FutureRevision: Status(
        OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"
    ),
    CompactedRevision: Status(
        OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"
    ),
    IdempotencyKeyReused: Status(
        FAILED_PRECONDITION,
        "raftwerk: the Idempotency-Key stands for another request; take a new one",
        422,
    ),
    LeaseNotFound: Status(NOT_FOUND, "etcdserver: requested lease not found"),
    LeaseExists: Status(FAILED_PRECONDITION, "etcdserver: lease already exists"),
    LeaseTooLong: Status(OUT_OF_RANGE, "etcdserver: too large lease TTL"),
    MemberNotFound: Status(NOT_FOUND, "etcdserver: member not found"),
    MemberUrlsInvalid: Status(
        INVALID_ARGUMENT, "etcdserver: given member URLs are invalid"
    ),
    PeerUrlsTaken: Status(FAILED_PRECONDITION, "etcdserver: Peer URLs already exists"),
    NotALearner: Status(
        FAILED_PRECONDITION, "etcdserver: can only promote a learner member"
    ),
    LearnerLags: Status(
        FAILED_PRECONDITION,
        "etcdserver: can only promote a learner member which is in sync with leader",
    ),
    TooFewMembers: Status(
        FAILED_PRECONDITION,
        "etcdserver: re-configuration failed due to not enough started members",
    ),
    UnhealthyCluster: Status(UNAVAILABLE, "etcdserver: unhealthy cluster"),
    BadTransferee: Status(FAILED_PRECONDITION, "etcdserver: bad leader transferee"),
    TransferFailed: Status(
        UNAVAILABLE, "etcdserver: request timed out, leader transfer took too long"
    ),
    NoSpace: Status(RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
    DowngradeVersionMalformed: Status(
        INVALID_ARGUMENT, "etcdserver: wrong downgrade target version format"
    ),
    DowngradeVersionInvalid: Status(
        INVALID_ARGUMENT, "etcdserver: invalid downgrade target version"
    ),
    NoDowngrade: Status(FAILED_PRECONDITION, "etcdserver: no inflight downgrade job"),
    CorruptCluster: Status(DATA_LOSS, "etcdserver: corrupt cluster"),
    QueueFull: Status(RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    # Two texts for what is one to most clients, "unavailable, try again": the first
    # says that nothing happened, the second that it may have.
    NotProposed: Status(UNAVAILABLE, "etcdserver: no leader"),
    OutcomeUnknown: Status(UNAVAILABLE, "etcdserver: request timed out"),
    MemberStops: Status(UNAVAILABLE, "etcdserver: server stopped"),
}

_OWN_WORDS: Final[Mapping[type[Exception], int]] = {
    DowngradeUnsupported: UNIMPLEMENTED,
    BadRequest: INVALID_ARGUMENT,
    ClusterRefusal: FAILED_PRECONDITION,
    ForeignOrigin: PERMISSION_DENIED,
    NoRoom: UNAVAILABLE,  # another member may take it, so clients should go there
    PlainFailure: UNKNOWN,
    RecipeError: UNKNOWN,
    SessionExpired: FAILED_PRECONDITION,
    RequestError: UNKNOWN,
}
"""Where etcd has no fixed text either, or where the case is none of etcd's."""


_OWN_HTTP: Final[Mapping[type[Exception], int]] = {SessionExpired: 410}
"""HTTP's status, where a client is to know the case by it."""


def retry_hint(error: Exception) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that tell a client when to try again.

    Parameters
    ----------
    error : Exception
        What it is refused for.

    Returns
    -------
    tuple of tuple of bytes
        A ``Retry-After`` if nothing happened and it is worth another try; nothing if
        it is the client's fault, or nobody knows what happened.
    """
    is_passing = isinstance(error, NotProposed) and status_of(error).http in (429, 503)
    return ((b"retry-after", b"%d" % RETRY_SECONDS),) if is_passing else ()


def status_of(error: Exception) -> Status:
    """Return what a client is told of an error.

    Parameters
    ----------
    error : Exception
        What a service or a decoder raised; anything else is our bug.

    Returns
    -------
    Status
        That of the nearest type which has one.

    Examples
    --------
    >>> from raftwerk.errors import NotLeader
    >>> status_of(NotLeader("nobody leads")).http
    503
    """
    for kind in type(error).__mro__:
        if kind in _STATUSES:
            return _STATUSES[kind]
        if kind in _OWN_WORDS:
            http_status = _OWN_HTTP.get(kind, 0)
            return Status(_OWN_WORDS[kind], str(error), http_status)
    # What went wrong inside is for the log, not for whoever asks.
    return Status(INTERNAL, "etcdserver: internal error")
