"""What a demo shows: a table that lives on a terminal, lines elsewhere."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raftwerk.cli.child import Child
from raftwerk.monitor.report import UNREACHABLE, NodeView

__all__ = ["Display", "LineDisplay", "LiveDisplay", "make_display"]

STYLES: Final = {
    "LEADER": "bold green",
    "CANDIDATE": "yellow",
    "PRE_CANDIDATE": "yellow",
    UNREACHABLE: "red",
}

LINES_MAX: Final = 6
"""How many of the last lines stay below the live table."""

Views = Callable[[], Sequence[NodeView]]


class Display(Protocol):
    """Shows how the nodes do while it is open."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, and leave the last state to be read."""

    def tell(self, line: str) -> None:
        """Show a line about something that happened.

        Parameters
        ----------
        line : str
            For people.
        """

    def refresh(self) -> None:
        """Show what is known of the nodes by now."""


class LineDisplay:
    """Prints a line for each change of who leads and who can't be reached.

    Parameters
    ----------
    views : callable
        Returns what is known of each node, in the order of the children.
    children : sequence of Child
        The nodes' processes; may grow and shrink with the views.
    console : Console
        Where to print.
    """

    def __init__(
        self, views: Views, children: Sequence[Child], console: Console
    ) -> None:
        """Have shown nothing yet."""
        self._views = views
        self._children = children
        self._console = console
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""

    def tell(self, line: str) -> None:
        """Do as `Display.tell` says."""
        now = datetime.now().strftime("%H:%M:%S")
        self._console.print(Text(f"{now} {line}"), soft_wrap=True)

    def refresh(self) -> None:
        """Print what became different."""
        for child, view in zip(self._children, self._views(), strict=True):
            if view.id is None:
                continue  # never heard of: it is still starting
            said = f"{child.name} is {view.state}"
            if view.state != UNREACHABLE:
                said += f" in term {view.term}"
            if self._shown.get(child.name) != said:
                self._shown[child.name] = said
                self.tell(said)


class LiveDisplay:
    """Keeps a table up to date in place, with the last lines below it.

    Parameters
    ----------
    views : callable
        Returns what is known of each node, in the order of the children.
    children : sequence of Child
        The nodes' processes; may grow and shrink with the views.
    console : Console
        A terminal.
    """

    def __init__(
        self, views: Views, children: Sequence[Child], console: Console
    ) -> None:
        """Have shown nothing yet."""
        self._views = views
        self._children = children
        self._lines: list[str] = []
        self._live = Live(
            console=console, auto_refresh=False, get_renderable=self._render
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw for the last time and give the cursor back."""
        self._live.stop()

    def tell(self, line: str) -> None:
        """Do as `Display.tell` says."""
        now = datetime.now().strftime("%H:%M:%S")
        self._lines = [*self._lines, f"{now} {line}"][-LINES_MAX:]
        self.refresh()

    def refresh(self) -> None:
        """Draw again."""
        self._live.refresh()

    def _render(self) -> Group:
        """Return the table and the lines, for at most 80 columns."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("node", "address", "pid", "state", "term", "leader"):
            table.add_column(heading, no_wrap=True, header_style="dim")
        for child, view in zip(self._children, self._views(), strict=True):
            state = _state(child, view)
            table.add_row(
                child.name,
                view.endpoint,
                str(child.pid or "-"),
                Text(state, style=STYLES.get(state, "")),
                str(view.term if view.term is not None else "-"),
                view.leader or "-",
            )
        return Group(table, *(Text(line, style="dim") for line in self._lines))


def _state(child: Child, view: NodeView) -> str:
    """Return a node's own word for its state, or ours where it has none."""
    if child.pid is None:
        return "no process"
    return view.state if view.id is not None else "starting"


def make_display(views: Views, children: Sequence[Child], console: Console) -> Display:
    """Return what fits the console.

    Parameters
    ----------
    views : callable
        Returns what is known of each node, in the order of the children.
    children : sequence of Child
        The nodes' processes; may grow and shrink with the views.
    console : Console
        Where to show it.

    Returns
    -------
    Display
        To be opened as a context.
    """
    if console.is_terminal:
        return LiveDisplay(views, children, console)
    return LineDisplay(views, children, console)
