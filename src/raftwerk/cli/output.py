"""What commands print: lines and tables that fit a terminal, or JSON for programs."""

import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.config import bad_setting
from raftwerk.errors import OutputLost

__all__ = [
    "FORMS",
    "finish",
    "guard",
    "is_json",
    "table",
    "write",
    "write_json",
    "write_lines",
]

FORMS: Final = ("text", "json")
"""What ``-o`` takes; etcdctl's "simple" is our text."""

GAP: Final = "  "


def is_json(form: str) -> bool:
    """Tell whether JSON is wanted.

    Parameters
    ----------
    form : str
        What ``-o`` says.

    Returns
    -------
    bool
        True for JSON.

    Raises
    ------
    ConfigError
        If there is no such form.
    """
    form = form.removeprefix("=")  # "-w=json", as Go's flags are written
    if form in ("simple", "table"):  # etcdctl's words
        return False
    if form not in FORMS:
        raise bad_setting("output", form, f"one of {', '.join(FORMS)}")
    return form == "json"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with columns as wide as they need.

    Parameters
    ----------
    headings : sequence of str
        Of the columns; those of numbers begin with ``>`` and are flush right.
    rows : sequence of sequence of str
        The cells; an empty one is shown as a dash.

    Returns
    -------
    list of str
        The headings, and a line for each row.

    Examples
    --------
    >>> print("\\n".join(table(["name", ">lag"], [["n1", "0"], ["n20", ""]])))
    NAME  LAG
    n1      0
    n20     -
    """
    titles = [heading.removeprefix(">").upper() for heading in headings]
    cells = [titles, *([cell or "-" for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        GAP.join(
            cell.rjust(width) if heading.startswith(">") else cell.ljust(width)
            for heading, cell, width in zip(headings, line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]


def write_json(value: object) -> None:
    """Print a value as one line of JSON.

    Parameters
    ----------
    value : object
        What msgspec encodes; bytes become base64.
    """
    write(msgspec.json.encode(value) + b"\n")


def write_lines(lines: Sequence[str]) -> None:
    """Print lines.

    Parameters
    ----------
    lines : sequence of str
        Without their ends.
    """
    write("".join(f"{line}\n" for line in lines).encode())


def write(data: bytes) -> None:
    """Print bytes as they are; whoever reads may stop reading.

    Parameters
    ----------
    data : bytes
        What to print.

    Raises
    ------
    OutputLost
        If they can't be written: a full disk, a closed standard output.
    """
    # A process that was started with a closed standard output has none: typeshed
    # doesn't say so.
    if sys.stdout is None:
        raise _lost("it is closed")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        _give_up(error)


def guard() -> None:
    """Have what others print (help, the demo) fail as `write` does; for a process."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):  # it may be none at all
        encoding, errors, lines = (
            stream.encoding,
            stream.errors,
            stream.line_buffering,
        )
        sys.stdout = _Guarded(stream.detach(), encoding, errors, line_buffering=lines)


def finish() -> bool:
    """Write what is still to be written.

    Returns
    -------
    bool
        Whether somebody still reads, as far as that is known.

    Raises
    ------
    OutputLost
        If it can't be written.
    """
    if sys.stdout is None:
        return True
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        _give_up(error)
        return False
    return not (isinstance(sys.stdout, _Guarded) and sys.stdout.is_broken)


class _Guarded(io.TextIOWrapper):
    """Standard output; who prints is to know itself when nobody reads on."""

    is_broken = False

    def write(self, text: str) -> int:
        """Print some text; see `io.TextIOBase`."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self.is_broken = True
            raise
        except OSError as error:
            _give_up(error)
            raise

    def flush(self) -> None:
        """Pass on what is kept; see `io.IOBase`."""
        try:
            super().flush()
        except BrokenPipeError:
            self.is_broken = True
            raise
        except OSError as error:
            _give_up(error)
            raise


def _give_up(error: OSError) -> None:
    """Write no more; raise unless it is only that nobody reads."""
    # So that nobody complains at the end either: see Python's docs on SIGPIPE.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        raise _lost(error.strerror) from error


def _lost(why: str | None) -> OutputLost:
    """Return what to say of an answer that nobody can read."""
    return OutputLost(
        f"what was asked for is done, but can't be shown: standard output: {why}"
    )
