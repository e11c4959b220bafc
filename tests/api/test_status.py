"""Each error as a status; the texts are etcd's."""

from collections.abc import Iterator

import pytest

from raftwerk.api.errors import BadRequest, ForeignOrigin, PlainFailure
from raftwerk.api.status import HTTP_STATUS, status_of
from raftwerk.errors import (
    InvariantViolation,
    NotLeader,
    OutcomeUnknown,
    QueueFull,
    RequestError,
)
from raftwerk.kv import CompactedRevision, EmptyKey, KvError, LeaseNotFound
from raftwerk.service import RequestTooLarge
from raftwerk.service.queue import RecipeError

CASES = [
    # error                  code  http  text
    (EmptyKey("x"), 3, 400, "etcdserver: key is not provided"),
    (RequestTooLarge("x"), 3, 400, "etcdserver: request is too large"),
    (LeaseNotFound("x"), 5, 404, "etcdserver: requested lease not found"),
    (
        CompactedRevision("x"),
        11,
        400,
        "etcdserver: mvcc: required revision has been compacted",
    ),
    (QueueFull("x"), 8, 429, "etcdserver: too many requests"),
    (NotLeader("x"), 14, 503, "etcdserver: no leader"),
    (OutcomeUnknown("x"), 14, 503, "etcdserver: request timed out"),
    (BadRequest("why", "key"), 3, 400, "key: why"),
    (ForeignOrigin("why"), 7, 403, "why"),
    (RequestError("why"), 2, 500, "why"),
    (InvariantViolation("secret"), 13, 500, "etcdserver: internal error"),
    (ZeroDivisionError("secret"), 13, 500, "etcdserver: internal error"),
]


@pytest.mark.parametrize(("error", "code", "http", "text"), CASES)
def test_an_error_is_a_status(
    error: Exception, code: int, http: int, text: str
) -> None:
    status = status_of(error)
    assert (status.code, status.http, status.text) == (code, http, text)


def all_kinds(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Yield all that derive from a kind of error."""
    for derived in kind.__subclasses__():
        yield derived
        yield from all_kinds(derived)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in all_kinds(RequestError)
        # These two are what etcd says with the code for "unknown".
        if not kind.__subclasses__() and kind not in (PlainFailure, RecipeError)
        # What a client raises was a status before.
        and not kind.__module__.startswith("raftwerk.client")
    ],
)
def test_no_refusal_is_unknown(kind: type[Exception]) -> None:
    assert status_of(kind("x")).code != 2
    assert status_of(kind("x")).code in HTTP_STATUS


def test_no_refusal_of_the_store_speaks_its_own_words() -> None:
    for kind in all_kinds(KvError):
        assert status_of(kind("x")).text.startswith("etcdserver: ")
