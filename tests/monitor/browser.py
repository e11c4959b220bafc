"""The page in a real browser: opened, watched for errors and for foreign requests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Error

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

SHOWN_MILLIS = 60_000
"""How long anything may take to be shown on a busy machine."""


def _executable() -> str | None:
    """Return the system's browser."""
    return next(filter(None, map(shutil.which, NAMES)), None)


EXECUTABLE = _executable()

needs_browser = pytest.mark.skipif(
    EXECUTABLE is None, reason=f"no browser: none of {', '.join(NAMES)} is installed"
)


class Tab:
    """One page in the browser, and all that it complained of or asked for."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(SHOWN_MILLIS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        page.goto(url)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def text(self, selector: str) -> str:
        """Return the text of the one thing that is meant."""
        return str(self.page.locator(selector).first.text_content())

    def wait(self, claim: str, argument: object = None) -> None:
        """Wait until a claim about the document, in its own language, is true."""
        self._wait(claim, argument)

    def _wait(self, claim: str, argument: object = None) -> Any:
        """Wait for a claim, and return what it said.

        A claim that trips over what isn't drawn yet isn't true yet, so that none has to
        ask first for each thing that it reads. Should it trip until the end, then what
        over is told.
        """
        patient = f"""argument => {{
          try {{
            return ({claim})(argument);
          }} catch (error) {{
            window.tripped = String(error);
            return false;
          }}
        }}"""
        try:
            return self.page.wait_for_function(patient, arg=argument, polling=20)
        except Error as error:
            tripped = self.page.evaluate("() => window.tripped")
            raise AssertionError(f"never true, last tripped over: {tripped}") from error

    def wait_health(self, words: str) -> None:
        """Wait until the line on the cluster's health has these words."""
        self.wait(
            "words => document.getElementById('health').textContent.includes(words)",
            words,
        )

    def wait_whole(self, voters: int = 3) -> None:
        """Wait until one leads, as all others say, and so many are shown.

        What the line on the cluster's health says is left out: on a machine that is
        busy enough, a disk is slow, and that is said there.
        """
        self.wait(
            """voters => {
              const rows = [...document.querySelectorAll('#nodes .row')];
              const text = (row, part) => row.querySelector(part).textContent;
              const leaders = rows.filter(row => text(row, '.row-role') === 'LEADER');
              if (rows.length !== voters || leaders.length !== 1) return false;
              const words = `follows ${text(leaders[0], '.row-name')}`;
              return rows.every(row => row === leaders[0] ||
                text(row, '.row-role') === 'FOLLOWER'
                && text(row, '.row-what').split(' · ').includes(words));
            }""",
            voters,
        )

    def wait_finding(self, words: str) -> None:
        """Wait until one of the findings on what is wrong has these words."""
        self.wait(
            "words => [...document.querySelectorAll('#findings-list li')]"
            ".some(each => each.textContent.includes(words))",
            words,
        )

    def leader(self) -> str:
        """Return the name of who leads, once somebody does."""
        found = self._wait("""() => {
              const words = document.querySelector('#ring .centre-leader').textContent;
              return words.endsWith(' leads') && words.slice(0, -' leads'.length);
            }""")
        return str(found.json_value())


@contextmanager
def open_page(browser: Any, url: str, **settings: Any) -> Iterator[Tab]:
    """Open the page; in the end it must have kept quiet, and to itself."""
    context = browser.new_context(
        **({"viewport": {"width": 1280, "height": 800}} | settings)
    )
    try:
        tab = Tab(context.new_page(), url)
        yield tab
        assert not tab.complaints, tab.complaints
        assert not tab.foreign, tab.foreign
    finally:
        context.close()
