"""What a demo shows, on a terminal of 80 columns and in a file."""

import io
from pathlib import Path

from rich.console import Console

from raftwerk.cli.child import Child
from raftwerk.cli.display import LineDisplay, LiveDisplay, make_display
from raftwerk.monitor.report import UNREACHABLE, NodeView


class FakeChild(Child):
    """Has the process that the test says, or none."""

    def __init__(self, name: str, pid: int | None) -> None:
        super().__init__(name, (), Path("none"))
        self._pid = pid

    @property
    def pid(self) -> int | None:
        return self._pid


CHILDREN = (FakeChild("n1", 4_194_304), FakeChild("n2", 4_194_303))


def view(number: int, state: str = "FOLLOWER", term: int = 3) -> NodeView:
    return NodeView(
        endpoint=f"http://127.0.0.1:{number}2379",
        id=f"{number}f",
        name=f"n{number}",
        term=term,
        state=state,
        leader="n1",
    )


class Shown:
    """A display that writes where we can read it."""

    def __init__(
        self,
        *views: NodeView,
        is_terminal: bool,
        children: tuple[FakeChild, ...] = CHILDREN,
    ) -> None:
        self.views = views
        self._output = io.StringIO()
        console = Console(
            file=self._output, force_terminal=is_terminal, width=80, color_system=None
        )
        self.display = make_display(lambda: self.views, children, console)

    def lines(self) -> list[str]:
        """Return the lines that were written, without the time before each."""
        return [line.partition(" ")[2] for line in self._output.getvalue().splitlines()]

    def text(self) -> str:
        return self._output.getvalue()


def test_the_console_decides_which_display_it_is() -> None:
    assert isinstance(Shown(view(1), view(2), is_terminal=True).display, LiveDisplay)
    assert isinstance(Shown(is_terminal=False).display, LineDisplay)


def test_a_file_gets_a_line_for_each_change() -> None:
    shown = Shown(view(1, "LEADER"), view(2), is_terminal=False)
    with shown.display as display:
        display.refresh()
        display.refresh()
        shown.views = (view(1, UNREACHABLE), view(2, "LEADER", term=4))
        display.refresh()
        display.tell("n1 was killed by SIGKILL; it comes back in 1 s")
    assert shown.lines() == [
        "n1 is LEADER in term 3",
        "n2 is FOLLOWER in term 3",
        "n1 is UNREACHABLE",
        "n2 is LEADER in term 4",
        "n1 was killed by SIGKILL; it comes back in 1 s",
    ]


def test_a_node_that_was_never_heard_of_is_starting_and_no_news() -> None:
    unheard = NodeView(endpoint="http://127.0.0.1:12379", state=UNREACHABLE)
    lines = Shown(unheard, view(2), is_terminal=False)
    lines.display.refresh()
    assert lines.lines() == ["n2 is FOLLOWER in term 3"]
    live = Shown(unheard, view(2), is_terminal=True)
    with live.display:
        pass
    assert "starting" in live.text()


def test_a_node_without_a_process_is_shown_so_at_once() -> None:
    children = (FakeChild("n1", None), FakeChild("n2", 17))
    shown = Shown(view(1, "LEADER"), view(2), is_terminal=True, children=children)
    with shown.display:
        pass
    assert "no process" in shown.text()
    assert "LEADER" not in shown.text()


def test_a_long_line_in_a_file_is_not_broken() -> None:
    shown = Shown(is_terminal=False)
    shown.display.tell("word " * 40 + "[bold]:smile:")
    assert shown.lines() == ["word " * 40 + "[bold]:smile:"]


def test_the_table_fits_80_columns_and_has_the_last_lines_below_it() -> None:
    longest = NodeView(
        endpoint="http://127.0.0.1:32379",
        id="1f",
        name="n1",
        term=10**6,
        state="PRE_CANDIDATE",
        leader="n1",
    )
    shown = Shown(longest, view(2, "LEADER"), is_terminal=True)
    with shown.display as display:
        for number in range(20):
            display.tell(f"line {number}")
    table = shown.text()
    for part in ("http://127.0.0.1:32379", "PRE_CANDIDATE", "1000000", "LEADER"):
        assert part in table
    assert "…" not in table
    last_picture = table[table.rindex("node ") :]
    assert "line 19" in last_picture
    assert "line 13" not in last_picture
