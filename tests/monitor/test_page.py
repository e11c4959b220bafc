"""The page as people meet it: in a browser, on a real cluster that it breaks."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.ports import free_ports
from tests.e2e.processes import Stopwatch, needs_proc, processes_with
from tests.monitor.browser import Tab, needs_browser, open_page
from tests.monitor.demo_process import DemoProcess, demo_process

pytestmark = [pytest.mark.e2e, needs_browser, needs_proc]

STOP_SECONDS = 30.0

ANSWER_SECONDS = 30.0
"""How long an answer may take on a busy machine."""

TRIES = 20

CAUGHT_UP_MILLIS = 120_000

PAGES = 9
"""More than a browser has connections to one address."""

DEMO_ENDS_SECONDS = 2.0
"""What was promised to whoever asks a demo to stop."""

NEW_LEADER_SECONDS = 2.0
"""What was promised, from the click to the new leader on the page."""


@pytest.fixture(name="tab")
def fixture_tab(browser: Any, demo: DemoProcess) -> Iterator[Tab]:
    with open_page(browser, demo.url) as tab:
        tab.wait_whole()
        yield tab
        tab.page.locator("#heal").click()
        tab.wait_whole()


def act_on(tab: Tab, name: str, act: str) -> Any:
    """Return a button of a node."""
    return tab.page.locator(f'.acts[data-node="{name}"] [data-act="{act}"]')


def press(tab: Tab, button: Any, said: str, words: str) -> None:
    """Press a button until it is said that it was done; there may be no leader."""
    for _ in range(TRIES):
        button.click()
        tab.wait(
            "said => !['', '…'].includes(document.querySelector(said).textContent)",
            said,
        )
        if words in tab.text(said):
            return
    raise AssertionError(f"{said}: {tab.text(said)}")


def wait_role(tab: Tab, name: str, role: str) -> None:
    """Wait until a node is shown to be something, in the ring and in its row."""
    tab.wait(
        """([name, role]) => {
          const is = (selector, part, words) =>
            [...document.querySelectorAll(selector)].some(each =>
              each.querySelector(part[0])?.textContent === name
              && each.querySelector(part[1])?.textContent === words);
          return is('#nodes .row', ['.row-name', '.row-role'], role)
            && is('#ring .node', ['.node-name', '.node-role'], role);
        }""",
        [name, role],
    )


def wait_starts(tab: Tab, selector: str, words: str) -> None:
    """Wait until something begins with these words."""
    tab.wait(
        "([selector, words]) => [...document.querySelectorAll(selector)]"
        ".some(each => each.textContent.startsWith(words))",
        [selector, words],
    )


def wait_new_leader(tab: Tab, was: str) -> None:
    """Wait until somebody else leads."""
    tab.wait(
        "was => { const now = document.querySelector('#ring .centre-leader')"
        ".textContent; return now.endsWith(' leads') && now !== `${was} leads`; }",
        was,
    )


def test_one_leads_and_all_follow(tab: Tab) -> None:
    tab.wait("""() => {
          const name = row => row?.querySelector('.row-name').textContent;
          const leads = document.querySelector('#nodes .row.role-leader');
          const centre = document.querySelector('#ring .centre-leader').textContent;
          const node = document.querySelector('#ring .node.role-leader .node-name');
          return leads && centre === `${name(leads)} leads`
            && node?.textContent === name(leads);
        }""")
    tab.wait("() => document.querySelectorAll('#timeline .kind-elections').length > 0")


def test_a_leader_killed_by_its_button_is_replaced_at_once(
    tab: Tab, demo: DemoProcess
) -> None:
    leader = tab.leader()
    nodes = processes_with(f"--data-dir={demo.log.parent}/")
    watch = Stopwatch(demo.process.pid, *nodes)
    act_on(tab, leader, "kill").click()
    wait_new_leader(tab, leader)
    assert watch.seconds < NEW_LEADER_SECONDS, watch
    wait_starts(tab, "#timeline .kind-demo .words", f"kill -9 {leader}")


def test_a_leader_that_is_cut_off_is_said_to_be(tab: Tab) -> None:
    leader = tab.leader()
    act_on(tab, leader, "cut").click()
    tab.wait("() => document.querySelectorAll('.link.cut').length === 2")
    act_on(tab, leader, "heal").click()
    tab.wait_whole()
    tab.wait("() => document.querySelectorAll('.link.cut').length === 0")


def test_one_direction_can_be_cut(tab: Tab) -> None:
    tab.wait("""() => {
          const line = document.querySelector('#cut-way').parentElement;
          const [from, to] = [...line.querySelectorAll('select')].map(one => one.value);
          return from && to && from !== to;
        }""")
    tab.page.locator("#cut-way").click()
    tab.wait("() => document.querySelectorAll('.link.half').length === 1")


def test_a_paused_node_is_shown_and_goes_on(tab: Tab) -> None:
    leader = tab.leader()
    name = next(each for each in ("n1", "n2", "n3") if each != leader)
    act_on(tab, name, "pause").click()
    wait_role(tab, name, "PAUSED")
    act_on(tab, name, "resume").click()
    tab.wait_whole()


def test_a_stopped_node_says_since_when_and_comes_back(tab: Tab) -> None:
    leader = tab.leader()
    name = next(each for each in ("n1", "n2", "n3") if each != leader)
    act_on(tab, name, "stop").click()
    wait_role(tab, name, "STOPPED")
    tab.wait_finding(" is missing since ")
    act_on(tab, name, "start").click()
    tab.wait_whole()


def test_a_key_is_written_read_and_watched(tab: Tab) -> None:
    page = tab.page
    page.locator("#key").fill("greeting")
    page.locator("#value").fill("good day")
    press(tab, page.locator("#put"), "#key-said", "wrote greeting")
    press(tab, page.locator("#get"), "#key-said", "greeting = good day")
    page.locator("#watch").click()
    tab.wait("() => document.getElementById('watch').textContent === 'Unwatch'")
    for _ in range(300):
        # The watch begins when it begins: what is written before, it does not see.
        if page.locator("#watched li").count():
            break
        page.locator("#put").click()
        page.wait_for_timeout(100)
    wait_starts(tab, "#watched li", "")
    assert "greeting = good day" in tab.text("#watched li")
    page.locator("#watch").click()
    tab.wait("() => document.getElementById('watch').textContent === 'Watch'")


def test_what_one_page_did_another_one_knows(
    browser: Any, tab: Tab, demo: DemoProcess
) -> None:
    delay = tab.page.locator("#slow")
    delay.fill("5")
    delay.dispatch_event("change")
    with open_page(browser, demo.url) as other:
        other.wait("() => document.getElementById('slow').value === '5'")
        # Who comes late learns what happened before.
        wait_starts(other, "#timeline .kind-demo .words", "each way takes 5 ms")
        other.wait("() => document.querySelector('#timeline .kind-elections')")
    delay.fill("0")
    delay.dispatch_event("change")


def test_a_browser_has_room_for_many_pages(browser: Any, demo: DemoProcess) -> None:
    """It has six connections for one address; a stream each would use them up."""
    with open_page(browser, demo.url) as first:
        pages = [first.page.context.new_page() for _ in range(PAGES - 1)]
        tabs = [first, *(Tab(page, demo.url) for page in pages)]
        for tab in tabs:
            tab.wait_whole()
            tab.wait(
                "() => document.getElementById('connection').dataset.kind === 'live'"
            )
            assert not tab.complaints, tab.complaints


def test_seven_nodes_and_their_buttons_would_fit_a_laptop(tab: Tab) -> None:
    tab.wait("""() => {
          const boxes = [...document.querySelectorAll('#nodes .row')]
            .map(each => each.getBoundingClientRect());
          const highest = Math.max(...boxes.map(box => box.height));
          return boxes.length === 3 && boxes[0].top + 7 * highest <= 800;
        }""")


def test_the_steady_load_shows_in_the_plots(tab: Tab) -> None:
    load = tab.page.locator("#load")
    load.fill("50")
    load.dispatch_event("change")
    tab.wait(
        "() => Number(document.querySelector('.plot b').textContent) > 5"
        " && document.querySelectorAll('.plot b')[2].textContent.endsWith('s')"
    )
    load.fill("0")
    load.dispatch_event("change")


def test_every_control_is_reached_by_keyboard_alone(tab: Tab) -> None:
    page = tab.page
    usable = """() => {
          const all = [...document.querySelectorAll('button, input, select, a[href]')];
          return all.filter(each => each.offsetParent && !each.disabled);
        }"""
    wanted = page.evaluate(f"""() => {{
          const open = ({usable})();
          open.forEach((each, number) => {{ each.dataset.number = number; }});
          return open.length;
        }}""")
    assert wanted > 40, "three nodes have eight buttons each"
    page.evaluate("() => document.activeElement.blur()")
    seen = set()
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        number = page.evaluate("() => document.activeElement.dataset.number")
        if number is not None:
            seen.add(int(number))
    # Some come and go with what happens: whoever leads can't be let lead.
    left = page.evaluate(f"() => ({usable})().map(each => each.dataset.number)")
    lasting = {int(number) for number in left if number is not None}
    assert len(lasting) > wanted - 10
    assert lasting <= seen


def test_a_leader_is_killed_by_keyboard_alone(tab: Tab) -> None:
    leader = tab.leader()
    act_on(tab, leader, "kill").focus()
    tab.page.keyboard.press("Enter")
    wait_new_leader(tab, leader)


def test_a_node_is_added_caught_up_and_removed(tab: Tab) -> None:
    tab.page.set_default_timeout(CAUGHT_UP_MILLIS)
    press(tab, tab.page.locator("#add"), "#act-said", "n4 was added")
    tab.wait_whole(4)
    press(tab, act_on(tab, "n4", "remove"), "#act-said", "n4 is removed")
    tab.wait_whole(3)
    tab.wait("() => document.querySelectorAll('.row').length === 3")


def test_foreign_pages_and_strangers_can_do_nothing(demo: DemoProcess) -> None:
    origin = demo.url.removesuffix("/")
    page = httpx.get(demo.url, timeout=ANSWER_SECONDS).text
    token = page.partition('name="raftwerk-token" content="')[2].partition('"')[0]
    assert len(token) >= 32
    wish = json.dumps({"act": "heal"})

    def ask(**headers: str) -> int:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = httpx.post(
            f"{origin}/act", content=wish, headers=names, timeout=ANSWER_SECONDS
        )
        return answer.status_code

    assert ask(x_raftwerk_token=token, origin=origin) == 200
    assert ask(x_raftwerk_token=token, origin="http://evil.example") == 403
    assert ask(x_raftwerk_token=token) == 403
    assert ask(x_raftwerk_token="guessed", origin=origin) == 403
    assert ask(origin=origin) == 403
    rebound = {"host": f"evil.example:{demo.port}"}
    assert httpx.get(demo.url, headers=rebound).status_code == 403
    assert httpx.get(f"{demo.url}nodes", headers=rebound).status_code == 403


def test_what_is_wrong_with_a_wish_is_said(demo: DemoProcess) -> None:
    origin = demo.url.removesuffix("/")
    page = httpx.get(demo.url, timeout=ANSWER_SECONDS).text
    token = page.partition('name="raftwerk-token" content="')[2].partition('"')[0]
    headers = {"x-raftwerk-token": token, "origin": origin}

    def ask(content: str) -> tuple[int, str]:
        answer = httpx.post(
            f"{origin}/act", content=content, headers=headers, timeout=ANSWER_SECONDS
        )
        return answer.status_code, answer.json()["error"]

    assert ask("no json")[0] == 400
    assert ask('{"act": "dance"}')[0] == 400
    assert ask('{"act": "kill"}')[0] == 400
    status, words = ask('{"act": "kill", "node": "n9"}')
    assert status == 409
    assert words == "there is no node 'n9'; there are n1, n2, n3"


def test_a_demo_records_what_its_page_can_play(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with demo_process(tmp_path, "--nodes=1", f"--record-events={file}") as running:
        with open_page(browser, running.url) as tab:
            tab.leader()
            # A browser reads no file that is written to meanwhile.
            copy = tmp_path / "copy.jsonl"
            copy.write_bytes(file.read_bytes())
            tab.page.locator("#recording").set_input_files(copy)
            tab.wait("() => document.documentElement.dataset.mode === 'replay'")
            tab.wait(
                "() => document.getElementById('recording-name').textContent"
                ".includes('records')"
            )
            # What is past can't be broken.
            tab.page.locator("#break").wait_for(state="hidden")
            tab.page.locator("#close-recording").click()
            tab.page.locator("#break").wait_for(state="visible")
    first = json.loads(file.read_text("utf-8").splitlines()[0])
    assert (first["format"], first["version"], first["source"]) == (
        "raftwerk-events",
        1,
        "demo",
    )


def test_an_open_page_holds_up_no_demo_that_is_to_end(tmp_path: Path) -> None:
    with demo_process(tmp_path, "--nodes=1") as running:
        with httpx.stream("GET", f"{running.url}events", timeout=None) as page:
            chunks = page.iter_raw()
            next(chunks)
            watch = Stopwatch(running.process.pid)
            running.process.terminate()
            for _ in chunks:
                pass  # until it is closed
        # Before it is asked for: what it waited for a processor is gone with it.
        os.waitid(os.P_PID, running.process.pid, os.WEXITED | os.WNOWAIT)
        seconds, said = watch.seconds, str(watch)
        assert running.process.wait(STOP_SECONDS) == 0
        assert seconds < DEMO_ENDS_SECONDS, said


class Monitor:
    """`raftwerk monitor` beside the demo: it may watch, and nothing more."""

    def __init__(self, demo: DemoProcess) -> None:
        self._endpoint = demo.nodes()[0]["endpoint"]
        self._port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self._port}/"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        # pylint: disable-next=consider-using-with  # it outlives this call
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "raftwerk", "monitor"),
                f"--endpoints={self._endpoint}",
                f"--port={self._port}",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"monitor: {self.url}\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(STOP_SECONDS) == 0
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@pytest.fixture(name="monitor")
def fixture_monitor(demo: DemoProcess) -> Iterator[Monitor]:
    monitor = Monitor(demo)
    monitor.start()
    yield monitor
    monitor.stop()


def test_one_endpoint_is_enough_and_no_other_cluster_can_be_broken(
    browser: Any, monitor: Monitor
) -> None:
    with open_page(browser, monitor.url) as tab:
        tab.wait_whole()
        assert not tab.page.locator("#break").is_visible()
        assert tab.page.locator("[data-act]").count() == 0
    assert httpx.post(f"{monitor.url}act", content='{"act": "heal"}').status_code == 404


def test_a_page_says_that_the_monitor_is_gone_and_finds_it_again(
    browser: Any, monitor: Monitor
) -> None:
    with open_page(browser, monitor.url) as tab:
        tab.wait_whole()
        monitor.stop()
        tab.wait_health("The monitor does not answer since")
        tab.wait("() => document.getElementById('connection').dataset.kind === 'lost'")
        monitor.start()
        tab.wait_whole()
        # The browser itself complains of a connection that was refused.
        tab.complaints.clear()


def test_a_node_that_is_gone_is_shown_with_since_when(
    browser: Any, demo: DemoProcess, monitor: Monitor
) -> None:
    """A monitor is told by nobody that a process was stopped: it finds out."""
    nodes = processes_with(f"--data-dir={demo.log.parent}/")
    pid = next(pid for pid, words in nodes.items() if "--name=n3 " in words)
    with open_page(browser, monitor.url) as tab:
        tab.wait_whole()
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_role(tab, "n3", "UNREACHABLE")
            tab.wait(
                "() => [...document.querySelectorAll('.row.role-unreachable')]"
                ".some(row => row.textContent.includes('last seen in term'))"
            )
        finally:
            os.kill(pid, signal.SIGCONT)
        tab.wait_whole()
