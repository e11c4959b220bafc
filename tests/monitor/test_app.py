"""The page: complete as it is served, harmless whatever a node says."""

import asyncio
import re
from pathlib import Path

import httpx

from raftwerk import monitor
from raftwerk.monitor.app import make_app
from raftwerk.monitor.report import NodeView

STATIC = Path(monitor.__file__).parent / "static"

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
    without_scripts = html.partition("<noscript>")[2].partition("</noscript>")[0]
    assert '<meta http-equiv="refresh" content="2">' in without_scripts
    assert 'href="static/noscript.css"' in without_scripts


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
    links = [
        link
        for link in re.findall(r'(?:href|src)="([^"]*)"', html)
        if not link.startswith("data:")
    ]
    assert all(not link.startswith("/") and "//" not in link for link in links)
    for path in sorted(STATIC.iterdir()):
        answer = get(f"/static/{path.name}")
        assert answer.status_code == 200
        # A namespace is a name, and nobody asks there.
        text = answer.text.replace('"http://www.w3.org/2000/svg"', "")
        assert not re.findall(r"https?://|@import|url\((?!#)", text) or (
            path.name == "index.html"
        )
    policy = get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")


def test_modules_import_only_what_is_there() -> None:
    for path in STATIC.glob("*.js"):
        for name in re.findall(
            r"""(?:from|import\()\s*["']([^"']+)["']""", path.read_text("utf-8")
        ):
            assert (STATIC / name).is_file(), f"{path.name} imports {name}"


def test_without_a_hub_there_is_no_stream_and_the_page_says_so() -> None:
    assert 'data-live="no"' in get("/").text
    assert get("/events").status_code == 503
