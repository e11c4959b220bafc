"""One browser a module, and one demo for all that look at its page."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.monitor.browser import EXECUTABLE
from tests.monitor.demo_process import DemoProcess, demo_process


@pytest.fixture(name="browser", scope="module")
def fixture_browser() -> Iterator[Any]:
    """The system's browser; nothing else may run an event loop meanwhile."""
    # pylint: disable-next=import-outside-toplevel  # without a browser it is not needed
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=EXECUTABLE, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(name="demo", scope="session")
def fixture_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo of three nodes; who breaks it mends it."""
    with demo_process(tmp_path_factory.mktemp("demo")) as running:
        yield running
