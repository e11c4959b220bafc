"""A recording played in a browser: forth and back, by steps, at any speed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.browser import Tab, needs_browser, open_page
from tests.monitor.page_server import serve_page
from tests.monitor.recordings import (
    BEGAN,
    happened,
    header,
    ids,
    members,
    state,
    story,
    write,
)

pytestmark = [pytest.mark.e2e, needs_browser]

SECONDS = 20


@pytest.fixture(name="url", scope="module")
def fixture_url() -> Iterator[str]:
    with serve_page() as url:
        yield url


@pytest.fixture(name="recording", scope="module")
def fixture_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("recordings") / "seven.jsonl", SECONDS, 300)


@pytest.fixture(name="tab")
def fixture_tab(browser: Any, url: str, recording: Path) -> Iterator[Tab]:
    """The recording is open, and stands still at its beginning."""
    with open_page(browser, url) as tab:
        tab.page.locator("#recording").set_input_files(recording)
        tab.wait("() => document.documentElement.dataset.mode === 'replay'")
        tab.page.locator("#play").click()
        seek(tab, 0)
        yield tab


def seek(tab: Tab, permille: int) -> None:
    """Go to a moment by the slider."""
    tab.page.locator("#position").fill(str(permille))


def term(tab: Tab) -> int:
    """Return the term in the middle of the ring."""
    return int(tab.text("#ring .centre-term").removeprefix("term ") or 0)


def wait_term(tab: Tab, expected: int) -> None:
    tab.wait(
        "term => document.querySelector('#ring .centre-term').textContent"
        " === `term ${term}`",
        expected,
    )


def wait_button(tab: Tab, expected: str) -> None:
    tab.wait("word => document.getElementById('play').textContent === word", expected)


def test_it_goes_to_any_moment_and_back(tab: Tab) -> None:
    """The recording elects anew every five seconds, in terms 2 to 5."""
    seek(tab, 980)
    wait_term(tab, 5)
    seek(tab, 400)
    wait_term(tab, 3)
    seek(tab, 620)
    wait_term(tab, 4)
    tab.wait("() => document.querySelectorAll('#nodes .row').length === 7")
    tab.wait_health("leads in term 4")


def test_a_laptop_shows_seven_nodes_at_once(tab: Tab) -> None:
    seek(tab, 980)
    tab.wait("() => document.querySelectorAll('#ring .node').length === 7")
    tab.wait("() => document.querySelectorAll('#nodes .row').length === 7")
    tab.wait(
        "() => [...document.querySelectorAll('#nodes dd')].every(dd => dd.textContent)"
    )
    for selector in ("#ring .node", "#nodes .row"):
        bottoms = tab.page.locator(selector).evaluate_all(
            "all => all.map(each => each.getBoundingClientRect().bottom)"
        )
        assert max(bottoms) <= 800, selector


def test_it_steps_from_event_to_event_and_back(tab: Tab) -> None:
    seek(tab, 300)
    wait_term(tab, 3)
    steps = [
        ("#step-on", "n5 misses a leader and asks whether it could win"),
        ("#step-on", "n5 stands in term 4"),
        ("#step-on", "n1 votes for n5"),
        ("#step-back", "n5 stands in term 4"),
        ("#step-back", "n5 misses a leader and asks whether it could win"),
    ]
    for button, words in steps:
        tab.page.locator(button).click()
        tab.wait(
            "words => document.getElementById('step-words').textContent === words",
            words,
        )


def test_a_line_of_the_timeline_leads_to_its_moment(tab: Tab) -> None:
    seek(tab, 980)
    tab.wait("() => document.querySelectorAll('#timeline button').length > 20")
    tab.page.locator("#timeline button", has_text="n4 leads in term 3").click()
    wait_term(tab, 3)


def test_it_plays_at_a_speed_and_stops_at_the_end(tab: Tab) -> None:
    tab.page.locator("#play").click()
    wait_button(tab, "Pause")  # drawn with the next frame
    tab.page.locator("#speed").select_option("10")
    wait_button(tab, "Play")
    wait_term(tab, 5)


def test_what_happened_is_filtered(tab: Tab) -> None:
    seek(tab, 980)
    tab.wait("() => document.querySelectorAll('#timeline .kind-votes').length > 0")
    tab.page.locator("#filters .kind-votes input").click()
    tab.wait("() => document.querySelectorAll('#timeline .kind-votes').length === 0")
    assert tab.page.locator("#timeline .kind-elections").count() > 0


def write_lines(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


HEADER = '{"type": "header", "format": "raftwerk-events", "version": 1, "t": 1}'

BROKEN = [
    ("", "The file is empty."),
    (HEADER, "Nothing was recorded"),
    ('{"type": "state"}', "its first line is no header"),
    ("not json", "its first line is no header"),
    (
        '{"type": "header", "format": "raftwerk-events", "version": 2, "t": 1}',
        "has version 2; this page reads up to 1",
    ),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_what_is_no_recording_is_said_to_be_none(
    browser: Any, url: str, tmp_path: Path, text: str, words: str
) -> None:
    file = write_lines(tmp_path / "broken.jsonl", text)
    with open_page(browser, url) as tab:
        tab.page.locator("#recording").set_input_files(file)
        tab.wait(
            "words => document.getElementById('player-trouble').textContent"
            ".includes(words)",
            words,
        )
        # Nothing is played, and what was said can be put away.
        tab.page.locator("#close-trouble").click()
        tab.page.locator("#player").wait_for(state="hidden")


DAMAGED = [
    "5",
    "null",
    '"x"',
    '{"type": "state", "t": 2}',
    '{"type": "state", "t": 1e300, "node": "1"}',
    '{"type": "state", "t": 2, "node": "__proto__", "name": "n1"}',
    '{"type": "event", "t": 2, "node": "1", "name": "VoteRefused"}',
    '{"type": "members", "t": 2, "node": "1"}',
    '{"type": "constructor", "t": 2}',
]
"""All but the last make no sense; the last is of a type that nobody knows."""


def test_what_is_damaged_costs_no_more_than_itself(
    browser: Any, url: str, tmp_path: Path
) -> None:
    lines = [json.dumps(record) for record in story(10, 300)]
    file = write_lines(tmp_path / "damaged.jsonl", lines[0], *DAMAGED, *lines[1:])
    with open_page(browser, url) as tab:
        tab.page.locator("#recording").set_input_files(file)
        tab.wait(
            "words => document.getElementById('recording-name').textContent"
            ".endsWith(words)",
            f"; {len(DAMAGED) - 1} lines could not be read",
        )
        tab.page.locator("#step-on").click()
        seek(tab, 900)
        wait_term(tab, 3)
        tab.wait("() => document.querySelectorAll('#nodes .row').length >= 7")


def test_a_simulated_run_says_what_it_broke(
    browser: Any, url: str, tmp_path: Path
) -> None:
    """It is over in an instant of virtual time, and is slowed down to be seen."""
    everyone = ids(3)
    began = BEGAN + 0.1
    records = [
        header("simulator"),
        members(everyone[0], everyone),
        *(state(node, n, BEGAN, 2, everyone[0]) for n, node in enumerate(everyone)),
        happened(everyone[1], began, "BecameCandidate", term=3),
        happened(everyone[1], began + 0.01, "BecameLeader", term=3),
        {
            "type": "violation",
            "t": began + 0.02,
            "property": "election safety (§5.2)",
            "text": "two leaders in term 3",
        },
    ]
    lines = [json.dumps(record) for record in records]
    file = write_lines(tmp_path / "seed-3.events", *lines)
    with open_page(browser, url) as tab:
        tab.page.locator("#recording").set_input_files(file)
        tab.wait("() => document.getElementById('speed').value === '0.01'")
        tab.page.locator("#position").fill("1000")
        tab.wait_health("Broken: election safety (§5.2).")
        # No frame came any more; what happened is enough to know who leads.
        tab.wait(
            "() => document.querySelector('#ring .centre-leader').textContent"
            " === 'n2 leads'"
        )
        last = tab.page.locator("#timeline .kind-alarms")
        assert last.locator("time").text_content() == "0.1200"


def test_a_line_that_was_not_finished_is_passed_over(
    browser: Any, url: str, tmp_path: Path
) -> None:

    everyone = ids(3)
    records = [
        header(),
        members(everyone[0], everyone),
        *(state(node, n, BEGAN + 1, 2, everyone[0]) for n, node in enumerate(everyone)),
        happened(everyone[0], BEGAN + 2, "BecameLeader", term=2),
        {"type": "of a later version", "t": BEGAN + 3},
    ]
    lines = [json.dumps(record) for record in records]
    file = write_lines(tmp_path / "cut.jsonl", *lines, '{"type": "sta')
    with open_page(browser, url) as tab:
        tab.page.locator("#recording").set_input_files(file)
        tab.wait("() => document.documentElement.dataset.mode === 'replay'")
        tab.wait(
            "() => document.getElementById('recording-name').textContent"
            ".endsWith('; 1 line could not be read')"
        )
        wait_term(tab, 2)
