"""Swagger's page: its files come from here, and it names no other host."""

import re

import pytest

from raftwerk.config import ApiSettings
from tests.api.member import Member


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def test_the_page_names_no_foreign_address(member: Member) -> None:
    reply = member.get("/docs")
    assert reply.status == 200
    assert not re.search(r"(https?:)?//\w", reply.text)
    named = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert len(named) == 4
    assert all(path.startswith("docs/") for path in named)
    assert "default-src 'self'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "kind", "bytes_min"),
    [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", 1_000_000),
        ("swagger-ui.css", "text/css; charset=utf-8", 100_000),
        ("favicon-32x32.png", "image/png", 100),
        ("start.js", "text/javascript; charset=utf-8", 100),
    ],
)
def test_what_the_page_asks_for_is_here(
    member: Member, name: str, kind: str, bytes_min: int
) -> None:
    reply = member.get(f"/docs/{name}")
    assert (reply.status, reply.headers["content-type"]) == (200, kind)
    assert len(reply.body) >= bytes_min
    assert member.get("/docs/nothing.js").status == 404


SCHEMAS = [
    # docs        schema              relative to the page
    ("/docs", "/openapi.json", "openapi.json"),
    ("/a/docs", "/a/s.json", "s.json"),
    ("/a/b/docs", "/s.json", "../../s.json"),
    ("/docs", "/a/s.json", "a/s.json"),
]


@pytest.mark.parametrize(("docs", "schema", "relative"), SCHEMAS)
def test_the_page_finds_the_schema_wherever_a_proxy_serves_both(
    docs: str, schema: str, relative: str
) -> None:
    member = Member(ApiSettings(docs_path=docs, schema_path=schema))
    assert (
        f'new URL("{relative}", location.href)' in member.get(f"{docs}/start.js").text
    )
    assert member.get(docs).status == 200


def test_a_title_is_no_markup() -> None:
    member = Member(ApiSettings(title="<b>&"))
    assert "<title>&lt;b&gt;&amp;</title>" in member.get("/docs").text
