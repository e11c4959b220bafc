"""Pages of other origins: refused where something changes, unless they are allowed."""

import pytest

from raftwerk.api.origin import Cors
from tests.api.asgi import ask_now
from tests.api.member import Member

PUT = b'{"key": "YQ==", "value": "YQ=="}'

ORIGINS = [
    # origin                    may write
    (None, True),
    ("http://testserver", True),
    ("https://testserver", True),
    ("http://testserver:81", False),
    ("http://evil.example", False),
    ("http://testserver.evil.example", False),
    ("null", False),
    ("", False),
    ("file://", False),
    ("http://[", False),
]

WRITES = [
    ("POST", "/v3/kv/put", PUT),
    ("POST", "/v3/kv/txn", b"{}"),
    ("POST", "/v3beta/kv/deleterange", b'{"key": "YQ=="}'),
    ("PUT", "/api/v1/kv/a", b"value"),
    ("DELETE", "/api/v1/kv/a", b""),
]


@pytest.fixture(name="member", scope="module")
def fixture_member() -> Member:
    return Member()


@pytest.mark.parametrize(("origin", "may"), ORIGINS)
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_foreign_page_may_not_write(
    member: Member, method: str, path: str, body: bytes, origin: str | None, may: bool
) -> None:
    headers = {} if origin is None else {"origin": origin}
    before = member.store.revision
    reply = ask_now(member.app, method, path, body, headers)
    assert reply.status == (200 if may else 403)
    assert may or member.store.revision == before
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("origin", ["http://a.example", "https://b.example:8443"])
@pytest.mark.parametrize(
    "allowed", [("*",), ("https://b.example:8443", "http://a.example")]
)
def test_an_origin_that_is_allowed_may_write_and_see_the_answer(
    member: Member, origin: str, allowed: tuple[str, ...]
) -> None:
    app = Cors(member.app, allowed)
    for method, path, body in WRITES:
        reply = ask_now(app, method, path, body, {"origin": origin})
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == origin
        assert reply.headers["vary"] == "origin"


def test_an_origin_that_is_not_allowed_is_refused_beside_others(member: Member) -> None:
    app = Cors(member.app, ("http://a.example",))
    reply = ask_now(app, "POST", "/v3/kv/put", PUT, {"origin": "http://b.example"})
    assert reply.status == 403
    assert "access-control-allow-origin" not in reply.headers


def test_a_browser_that_asks_first_is_answered(member: Member) -> None:
    headers = {
        "origin": "http://a.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "if-match",
    }
    app = Cors(member.app, ("http://a.example",))
    reply = ask_now(app, "OPTIONS", "/api/v1/kv/a", None, headers)
    assert (reply.status, reply.body) == (204, b"")
    assert "PUT" in reply.headers["access-control-allow-methods"]
    assert reply.headers["access-control-allow-headers"] == "if-match"
    refused = ask_now(member.app, "OPTIONS", "/api/v1/kv/a", None, headers)
    assert "access-control-allow-origin" not in refused.headers
