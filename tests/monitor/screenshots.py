"""Pictures of the page's main states, for the documents, by one command.

``python -m tests.monitor.screenshots`` runs a demo of its own and writes to
``docs/images``.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.monitor.browser import EXECUTABLE, Tab, open_page
from tests.monitor.demo_process import demo_process

IMAGES = Path(__file__).parents[2] / "docs" / "images"

LAPTOP = {"width": 1280, "height": 1060}

PHONE = {"width": 390, "height": 844}

NODES = 5

TRIES = 20

WELL_SECONDS = 150
"""How long to wait for a cluster with which nothing is wrong, not even a slow disk."""

LOAD_SECONDS = 14
"""How long the load runs before the first picture: plots need some past."""


def _settle(tab: Tab, seconds: float) -> None:
    """Let the page show what happens for a while."""
    tab.page.wait_for_timeout(seconds * 1000)


def _picture(tab: Tab, name: str) -> None:
    """Write one picture."""
    tab.page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    tab.page.screenshot(path=IMAGES / f"{name}.png")
    print(f"docs/images/{name}.png")


def _load(tab: Tab, rate: int) -> None:
    """Have a steady load."""
    slider = tab.page.locator("#load")
    slider.fill(str(rate))
    slider.dispatch_event("change")


def _wait_well(tab: Tab) -> None:
    """Wait until nothing is wrong, however long this machine is busy."""
    tab.page.set_default_timeout(WELL_SECONDS * 1000)
    tab.wait_health("healthy")
    tab.wait_whole(NODES)


def _well_picture(tab: Tab, name: str) -> None:
    """Write a picture on which nothing is wrong: that may change in between."""
    for _ in range(TRIES):
        _wait_well(tab)
        _picture(tab, name)
        if tab.text("#health-words").startswith("healthy"):
            return
    raise RuntimeError("this machine is too busy for a picture to be proud of")


def _live(browser: Any, url: str) -> None:
    """Take the pictures of a whole and of a broken cluster."""
    with open_page(browser, url, viewport=LAPTOP, color_scheme="light") as tab:
        _wait_well(tab)
        _load(tab, 120)
        _settle(tab, LOAD_SECONDS)
        _well_picture(tab, "monitor-light")
    with open_page(browser, url, viewport=LAPTOP, color_scheme="dark") as tab:
        _wait_well(tab)
        _settle(tab, 4)
        _well_picture(tab, "monitor-dark")
        leader = tab.leader()
        tab.page.locator(f'.acts[data-node="{leader}"] [data-act="cut"]').click()
        tab.page.locator(f'.acts[data-node="{leader}"] [data-act="heal"]').wait_for()
        tab.wait_finding("The network between members is cut")
        tab.page.mouse.move(0, 0)
        _settle(tab, 1.5)
        _picture(tab, "monitor-partition")
        tab.page.locator("#heal").click()
        _wait_well(tab)
    phone: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2}
    with open_page(browser, url, color_scheme="light", **phone) as tab:
        _wait_well(tab)
        _settle(tab, 1)
        _well_picture(tab, "monitor-phone")


def _replay(browser: Any, url: str, recording: Path) -> None:
    """Take the picture of a recording that is played."""
    with open_page(browser, url, viewport=LAPTOP, color_scheme="light") as tab:
        copy = recording.with_name("cut-off.jsonl")
        copy.write_bytes(recording.read_bytes())  # it is still being written
        tab.page.locator("#recording").set_input_files(copy)
        tab.wait("() => document.documentElement.dataset.mode === 'replay'")
        tab.page.locator("#play").click()
        tab.wait("() => document.querySelectorAll('#timeline button').length > 5")
        cut = tab.page.locator("#timeline .kind-demo button", has_text="off from")
        tab.page.locator("#position").fill("990")
        others = tab.page.locator("#filters .chip:not(.kind-demo) input")
        for box in others.all():  # or it may be too far down
            box.uncheck()
        cut.first.click()
        for box in others.all():
            box.check()
        tab.page.locator("#play").click()
        _settle(tab, 0.9)
        tab.page.locator("#play").click()
        _picture(tab, "monitor-replay")


def main() -> int:
    """Take all pictures; return an exit code."""
    # pylint: disable-next=import-outside-toplevel  # nobody else needs it
    from playwright.sync_api import sync_playwright

    if EXECUTABLE is None:
        print("there is no browser on this machine", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=EXECUTABLE, args=["--no-sandbox"]
        )
        recording = Path(name) / "recording.jsonl"
        flags = (f"--nodes={NODES}", f"--record-events={recording}")
        with demo_process(Path(name), *flags) as demo:
            _live(browser, demo.url)
            _replay(browser, demo.url, recording)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
