"""The page: complete as it is served, harmless whatever a node says."""

import asyncio
import json
import re

import httpx

from raftwerk.monitor.app import FIELDS, make_app
from raftwerk.monitor.status import NodeView

VIEWS = (
    NodeView(
        endpoint="http://a:1", id="1f", name="n1", term=3, state="LEADER", leader="n1"
    ),
    NodeView(
        endpoint="http://b:1",
        id="2f",
        name="<script>alert(1)</script>",
        term=3,
        state='x" onload="alert(1)',
        error='"><b>',
    ),
    NodeView(
        endpoint="http://c:1",
        name="n3",
        state="UNREACHABLE",
        unreachable_since=1_700_000_000.25,
        error="connection refused",
    ),
)


def get(path: str) -> httpx.Response:
    """Return what the page answers to a path."""

    async def ask() -> httpx.Response:
        app = make_app(lambda: VIEWS, refresh_millis=1500)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://page"
        ) as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_page_shows_every_node_before_any_script_ran() -> None:
    html = get("/").text
    assert html.count("<tr data-state=") == len(VIEWS)
    assert "LEADER" in html
    assert "UNREACHABLE since 22:13:20 UTC" in html
    assert 'data-refresh-millis="1500"' in html


def test_what_a_node_says_is_text_and_nothing_else() -> None:
    html = get("/").text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert ' onload="' not in html
    assert 'title="&quot;&gt;&lt;b&gt;"' in html


def test_nodes_are_the_same_as_json() -> None:
    answer = get("/nodes")
    assert answer.headers["content-type"] == "application/json"
    nodes = answer.json()
    assert [node["name"] for node in nodes] == [view.name for view in VIEWS]
    assert nodes[0] == {
        "endpoint": "http://a:1",
        "id": "1f",
        "name": "n1",
        "term": 3,
        "state": "LEADER",
        "leader": "n1",
        "unreachable_since": None,
        "error": None,
    }
    assert nodes[2]["unreachable_since"] == "2023-11-14T22:13:20.250Z"


def test_the_page_needs_nothing_from_outside() -> None:
    """Links are relative: they hold under a proxy's path, too."""
    html = get("/").text
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert sorted(links) == ["data:,", "nodes", "static/app.js", "static/style.css"]
    for link in ("static/app.js", "static/style.css"):
        text = get(f"/{link}").text
        assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
        assert "url(" not in text
    policy = get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")


def test_script_and_page_agree_on_the_columns() -> None:
    found = re.search(r"const FIELDS = (\[.*\]);", get("/static/app.js").text)
    assert found is not None
    assert tuple(json.loads(found[1])) == FIELDS
