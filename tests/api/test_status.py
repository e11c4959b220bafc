"""Each error as a status; the texts are etcd's."""

from collections.abc import Iterator

import pytest

from raftwerk.api.errors import BadRequest, ForeignOrigin, PlainFailure
from raftwerk.api.status import HTTP_STATUS, retry_hint, status_of
from raftwerk.errors import (
    InvariantViolation,
    NoRoom,
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


HINTS = [
    (QueueFull("x"), True, "there is room soon"),
    (NotLeader("x"), True, "there is a leader soon"),
    (NoRoom("x"), True, "there is room some time"),
    (OutcomeUnknown("x"), False, "it may have happened: look first"),
    (EmptyKey("x"), False, "the same again is no better"),
]


@pytest.mark.parametrize(("error", "is_hinted", "why"), HINTS)
def test_who_is_refused_in_passing_is_told_when_to_come_back(
    error: Exception, is_hinted: bool, why: str
) -> None:
    expected = ((b"retry-after", b"1"),) if is_hinted else ()
    assert retry_hint(error) == expected, why


def test_a_full_disk_is_said_in_its_own_words() -> None:
    status = status_of(NoRoom("no space left in /data, 7 bytes needed"))
    assert (status.http, status.text) == (503, "no space left in /data, 7 bytes needed")


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
