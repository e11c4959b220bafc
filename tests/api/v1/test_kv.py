"""Keys as paths, values as bodies: what is stored, listed, refused and told."""

import asyncio
import base64
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raftwerk.api.v1 import kv_answers
from tests.api.asgi import Reply, ask_now, scope_of
from tests.api.member import Member

ROOT = "/api/v1/kv/"


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def ask(
    member: Member, method: str, key: str, body: bytes = b"", **headers: str
) -> Reply:
    """Return the answer to a request about a key, which must carry a revision."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = ask_now(member.app, method, f"{ROOT}{key}", body, named)
    assert int(reply.headers["x-raftwerk-revision"]) == member.store.revision
    return reply


def test_a_value_comes_back_as_it_was_put(member: Member) -> None:
    put = ask(member, "PUT", "app/port", b"80\x00\xff80")
    assert (put.status, put.headers["etag"]) == (200, '"2"')
    assert put.json == {"apiVersion": "1.0", "data": {"revision": 2, "deleted": 0}}
    got = ask(member, "GET", "app/port")
    assert (got.status, got.body) == (200, b"80\x00\xff80")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["etag"] == '"2"'
    assert got.headers["x-raftwerk-version"] == "1"
    assert member.node.barriers == 1


@given(key=st.binary(min_size=1, max_size=20), value=st.binary(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_key_may_be_any_bytes(member: Member, key: bytes, value: bytes) -> None:
    path = quote_from_bytes(key, safe="/")
    assert ask(member, "PUT", path, value).status == 200
    assert ask(member, "GET", quote_from_bytes(key, safe="")).body == value
    (listed,) = ask(member, "GET", "").json["data"]["kvs"]
    assert listed["key"] == path
    assert base64.b64decode(listed["value"]) == value
    assert ask(member, "DELETE", path).json["data"]["deleted"] == 1


@pytest.mark.parametrize(
    "key", [b"\n", b"a\n", b"\r\n/", b"/", b"//", b"%", b"?", b"\0"]
)
def test_no_byte_means_anything_in_a_key(member: Member, key: bytes) -> None:
    path = quote_from_bytes(key, safe="")
    assert ask(member, "PUT", path, b"value").status == 200
    (stored,) = ask(member, "GET", "").json["data"]["kvs"]
    assert stored["key"] == quote_from_bytes(key, safe="/")
    assert ask(member, "GET", path).body == b"value"


def test_a_key_that_is_not_there_is_no_key(member: Member) -> None:
    reply = ask(member, "GET", "a%20b")
    assert (reply.status, reply.json["error"]["message"]) == (
        404,
        "there is no key a%20b",
    )
    assert ask(member, "DELETE", "nothing").json["data"]["deleted"] == 0
    assert ask(member, "PUT", "").status == 405


CONDITIONS = [
    # method  headers                   status of key a  status of no key
    ("PUT", {"if_match": '"2"'}, 200, 412),
    ("PUT", {"if_match": "2"}, 200, 412),
    ("PUT", {"if_match": "0"}, 412, 412),
    ("PUT", {"if_match": '"3"'}, 412, 412),
    ("PUT", {"if_match": "*"}, 200, 412),
    ("PUT", {"if_none_match": "*"}, 412, 200),
    ("PUT", {"if_match": "2", "if_none_match": "*"}, 412, 412),
    ("DELETE", {"if_match": '"2"'}, 200, 412),
    ("DELETE", {"if_match": '"3"'}, 412, 412),
    ("PUT", {"if_match": "two"}, 400, 400),
    ("PUT", {"if_match": '"2", "3"'}, 400, 400),
    ("PUT", {"if_none_match": '"2"'}, 400, 400),
    ("DELETE", {"if_match": "-1"}, 400, 400),
]


@pytest.mark.parametrize(("method", "headers", "present", "absent"), CONDITIONS)
def test_a_write_may_depend_on_the_revision_of_its_key(
    member: Member, method: str, headers: dict[str, str], present: int, absent: int
) -> None:
    ask(member, "PUT", "a", b"old")
    before = member.store.revision
    for key, status in (("a", present), ("b", absent)):
        reply = ask(member, method, key, b"new", **headers)
        assert reply.status == status
    changed = (present == 200) + (absent == 200)
    assert member.store.revision == before + changed


def test_a_refused_write_says_which_revision_there_is(member: Member) -> None:
    ask(member, "PUT", "a", b"old")
    reply = ask(member, "PUT", "a", b"new", if_match="7")
    assert (reply.status, reply.headers["etag"]) == (412, '"2"')
    assert reply.json["error"]["id"].endswith(".PRECONDITION_FAILED")
    assert reply.json["error"]["message"] == "key a is at revision 2"


def test_who_has_the_value_is_not_sent_it_again(member: Member) -> None:
    ask(member, "PUT", "a", b"value")
    reply = ask(member, "GET", "a", if_none_match='"2"')
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"2"')
    assert ask(member, "GET", "a", if_none_match='"1"').body == b"value"
    assert ask(member, "GET", "a", if_none_match="x").status == 400


def test_keys_are_listed_in_pages(member: Member) -> None:
    for key in ("a/1", "a/2", "a/%FF", "b"):
        ask(member, "PUT", key, key.encode())
    page = ask(member, "GET", "?prefix=a/&limit=2").json["data"]
    assert [kv["key"] for kv in page["kvs"]] == ["a/1", "a/2"]
    assert (page["count"], page["next"], page["revision"]) == (3, "a/2", 5)
    assert page["kvs"][0]["text"] == "a/1"
    rest = ask(member, "GET", f"?prefix=a/&limit=2&after={page['next']}").json["data"]
    assert ([kv["key"] for kv in rest["kvs"]], rest["next"]) == (["a/%FF"], None)
    # The path's key and the prefix are one.
    for path in ("a/?prefix", "a?prefix=/", "?prefix=a/"):
        assert ask(member, "GET", path).json["data"]["count"] == 3
    assert ask(member, "GET", "").json["data"]["count"] == 4
    assert ask(member, "GET", "?after=a/%FF").json["data"]["count"] == 1
    assert ask(member, "GET", "?limit=0").status == 422


def test_a_list_that_would_be_too_large_is_cut(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv_answers, "LIST_BYTES_MAX", 10)
    for key in "abc":
        ask(member, "PUT", key, b"12345")
    page = ask(member, "GET", "").json["data"]
    assert ([kv["key"] for kv in page["kvs"]], page["next"]) == (["a", "b"], "b")


def test_keys_with_a_prefix_are_deleted_only_if_that_is_said(member: Member) -> None:
    for key in ("a", "a/1", "a/2", "b"):
        ask(member, "PUT", key)
    assert ask(member, "DELETE", "").status == 422
    assert ask(member, "DELETE", "a/?prefix").json["data"]["deleted"] == 2
    assert ask(member, "DELETE", "a?prefix", if_match="1").status == 400
    assert ask(member, "DELETE", "?prefix=").json["data"]["deleted"] == 2


def test_a_value_that_is_too_large_is_refused(member: Member) -> None:
    reply = ask(member, "PUT", "a", b"x" * 1_572_865)
    assert (reply.status, reply.json["error"]["id"].split(".")[1]) == (413, "TOO_LARGE")
    # With its key it is one byte too much.
    assert ask(member, "PUT", "a", b"x" * 1_572_864).status == 413
    assert ask(member, "PUT", "a", b"x" * 1_572_000).status == 200


def test_a_foreign_page_may_not_write(member: Member) -> None:
    reply = ask(member, "PUT", "a", b"x", origin="http://evil.example")
    assert reply.status == 403
    assert member.store.revision == 1


def test_the_headers_of_a_key_can_be_asked_for_alone(member: Member) -> None:
    ask(member, "PUT", "app/port", b"8080")
    got = ask(member, "GET", "app/port")
    headers = ask(member, "HEAD", "app/port")
    assert (headers.status, headers.body) == (200, b"")
    assert headers.headers == got.headers, "the value's length, too"
    assert ask(member, "HEAD", "app/port", if_none_match='"2"').status == 304
    assert ask(member, "HEAD", "app/none").status == 404


def test_a_list_needs_no_slash_at_its_end_and_no_redirect(member: Member) -> None:
    ask(member, "PUT", "app/port", b"8080")
    with_slash = ask_now(member.app, "GET", "/api/v1/kv/?prefix=app")
    without = ask_now(member.app, "GET", "/api/v1/kv?prefix=app")
    assert (without.status, without.json) == (200, with_slash.json)
    assert ask_now(member.app, "DELETE", "/api/v1/kv?prefix=app").status == 200
    assert ask(member, "GET", "app/port").status == 404


def test_what_may_be_done_with_a_key_is_said_where_something_may_not(
    member: Member,
) -> None:
    refused = ask(member, "POST", "app/port")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, PUT, DELETE")
    refused = ask_now(member.app, "POST", "/api/v1/raft/")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


def test_a_client_that_leaves_within_its_body_is_no_failure_of_ours(
    member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    scope = scope_of("PUT", f"{ROOT}app/port", {"content-length": "1000"})
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(member.app(scope, receive, send))
    assert sent[0]["status"] == 400
    assert not caplog.records, "nothing for the log"
    assert member.store.revision == 1, "nothing was written"
