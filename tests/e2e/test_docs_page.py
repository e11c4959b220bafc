"""Swagger's page in a real browser, with a real node behind it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster

playwright = pytest.importorskip(
    "playwright.async_api", reason="Playwright is not installed"
)

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def test_the_api_can_be_tried_and_nobody_else_is_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            async with playwright.async_playwright() as play:
                browser = await play.chromium.launch(
                    executable_path=BROWSER, args=["--no-sandbox"]
                )
                page = await browser.new_page()
                asked: list[str] = []
                complaints: list[str] = []
                page.on("request", lambda request: asked.append(request.url))
                page.on("console", lambda said: complaints.append(said.text))
                page.on("pageerror", lambda error: complaints.append(str(error)))
                await page.goto(f"{node.client}/docs")
                route = page.locator("#operations-raft-get_raft_status")
                await route.locator("button").first.click()
                await route.get_by_role("button", name="Try it out").click()
                await route.get_by_role("button", name="Execute").click()
                answer = route.locator(".live-responses-table .response")
                await answer.get_by_text('"LEADER"', exact=True).wait_for()
                await browser.close()
            assert asked
            assert [url for url in asked if not url.startswith(str(node.client))] == []
            assert not complaints

    asyncio.run(story())
