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

    def play(tab: Tab) -> None:
        """Have it played, and all be there that stands still."""
        tab.page.locator("#recording").set_input_files(recording)
        tab.wait("() => document.querySelector('#ring .link.leads') !== null")
        tab.wait(drawn("0, 0, canvas.width, canvas.height"))  # timers, at least
        tab.wait("() => document.getElementById('play').textContent === 'Pause'")

    with serve_page() as url:
        with open_page(browser, url, reduced_motion="reduce") as tab:
            play(tab)
            assert not any(tab.page.evaluate(drawn(MIDDLE)) for _ in range(50))
        with open_page(browser, url) as tab:
            play(tab)
            tab.wait(drawn(MIDDLE))


MIDDLE = "(x1 + x2) / 2 * scale - 8, (y1 + y2) / 2 * scale - 8, 16, 16"
"""Where messages of the leader pass, far from any timer."""


def drawn(part: str) -> str:
    """Return the claim that something is drawn in some part of what moves."""
    return f"""() => {{
      const canvas = document.querySelector('#ring canvas');
      const line = document.querySelector('#ring .link.leads');
      const {{ x, width }} = line.ownerSVGElement.viewBox.baseVal;
      const scale = canvas.width / width;
      const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2']
        .map(name => line[name].baseVal.value - x);
      // Of a copy: to read the page's own again and again would make it slow.
      const copy = new OffscreenCanvas(canvas.width, canvas.height)
        .getContext('2d', {{ willReadFrequently: true }});
      copy.drawImage(canvas, 0, 0);
      const {{ data }} = copy.getImageData({part});
      return data.some(value => value > 0);
    }}"""
