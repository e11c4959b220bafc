"""Whoever can't see the page, or not as others do, can use it: axe-core looks."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import needs_proc
from tests.monitor.browser import Tab, needs_browser, open_page
from tests.monitor.demo_process import DemoProcess
from tests.monitor.page_server import serve_page
from tests.monitor.recordings import write

pytestmark = [pytest.mark.e2e, needs_browser, needs_proc]

WAYS: list[tuple[str, dict[str, str], dict[str, int]]] = [
    ("light", {"color_scheme": "light"}, {"width": 1280, "height": 800}),
    ("dark", {"color_scheme": "dark"}, {"width": 1280, "height": 800}),
    ("phone", {"color_scheme": "light"}, {"width": 360, "height": 740}),
]


def faults(tab: Tab) -> list[str]:
    """Return what axe-core finds, in a line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(tab.page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {place['html'][:120]}"
        for fault in found
        for place in fault["nodes"]
    ]


def test_axe_finds_nothing(browser: Any, demo: DemoProcess) -> None:
    with open_page(browser, demo.url) as tab:
        tab.wait_whole()
        for way, media, size in WAYS:
            tab.page.emulate_media(**media)
            tab.page.set_viewport_size(size)
            assert not faults(tab), way
        width = tab.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 360, "a phone would have to scroll sideways"
        leader = tab.leader()
        tab.page.locator(f'.acts[data-node="{leader}"] [data-act="cut"]').click()
        tab.wait("() => document.querySelectorAll('.link.cut').length === 2")
        assert not faults(tab), "broken"
        tab.page.locator("#heal").click()
        tab.wait_whole()


def test_nothing_travels_for_whom_motion_is_too_much(
    browser: Any, tmp_path: Path
) -> None:
    """Timers go on, a few times a second; no message moves over the ring."""
    recording = write(tmp_path / "calm.jsonl", 120, 100, term_seconds=120)

    def pictures(**media: str) -> set[bytes]:
        """Return what is seen in the midst of a line while the recording plays."""
        with open_page(browser, url, **media) as tab:
            tab.page.locator("#recording").set_input_files(recording)
            tab.wait("() => document.querySelector('#ring .link.leads') !== null")
            tab.page.wait_for_timeout(500)  # until all that is still is there
            seen = {middle_of_a_line(tab) for _ in range(12)}
            tab.wait("() => document.getElementById('play').textContent === 'Pause'")
            return seen

    with serve_page() as url:
        assert len(pictures(reduced_motion="reduce")) == 1
        assert len(pictures()) > 1


def middle_of_a_line(tab: Tab) -> bytes:
    """Return a picture of where messages of the leader pass, far from any timer."""
    box = tab.page.locator("#ring .link.leads").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    clip = {"x": x - 20, "y": y - 20, "width": 40, "height": 40}
    picture: bytes = tab.page.screenshot(clip=clip)
    return picture
