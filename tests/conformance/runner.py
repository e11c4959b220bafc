"""Runs one script from its first directive on, up to the first difference."""

import difflib
import random
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from . import membership, quorum
from .interaction import Interaction
from .script import SEPARATOR, Directive, ScriptError, parse_script

__all__ = ["Difference", "find_scripts", "rewrite_script", "run_script"]

Draw = Callable[[int], int]


class Harness(Protocol):
    """What carries out the directives of one file."""

    def handle(self, directive: Directive) -> str:
        """Carry out one directive and return what it printed."""


class Difference(msgspec.Struct, frozen=True):
    """The first place where a script and the core do not agree."""

    path: Path
    line: int
    directive: str
    expected: str
    actual: str

    def __str__(self) -> str:
        lines = difflib.unified_diff(
            self.expected.splitlines(),
            self.actual.splitlines(),
            "expected",
            "actual",
            lineterm="",
            n=1000,
        )
        title = f"{self.path}:{self.line}: {self.directive}"
        return "\n".join([title, *lines])


def find_scripts(paths: Iterable[Path]) -> list[Path]:
    """Return the files, and all scripts below the folders, each once and in order."""
    found: dict[Path, None] = {}
    for path in paths:
        below = (file for file in path.rglob("*.txt") if file.is_file())
        files = sorted(below) if path.is_dir() else [path]
        found.update(dict.fromkeys(files))
    return list(found)


def _draw() -> Draw:
    """Return draws that are the same in each run; no output depends on them."""
    generator = random.Random(0)
    return generator.randrange


def _harness(first: Directive, draw: Draw) -> Harness:
    """Return what carries out a script that begins with this directive."""
    if first.command in quorum.COMMANDS:
        return quorum.Quorums()
    if first.command in membership.COMMANDS:
        return membership.MembershipChanges()
    return Interaction(draw)


def _answer(harness: Harness, directive: Directive) -> str:
    """Return what a directive printed, in the form in which scripts have it."""
    answer = harness.handle(directive)
    return answer if not answer or answer.endswith("\n") else f"{answer}\n"


def run_script(path: Path, draw: Draw | None = None) -> Difference | None:
    """Run one script; what comes behind the first difference depends on it.

    Parameters
    ----------
    path : Path
        The script.
    draw : callable, optional
        Where election timeouts are drawn from; another one must change nothing.

    Returns
    -------
    Difference or None
        The first one, or None if the core does just what the script says. That it
        raised is a difference too.
    """
    harness: Harness | None = None
    directive: Directive | None = None
    try:
        for directive in parse_script(path.read_text("utf-8")):
            harness = harness or _harness(directive, draw or _draw())
            actual = _answer(harness, directive)
            if actual != directive.expected:
                return _difference(path, directive, actual)
    except ScriptError as error:
        return _difference(path, directive, f"the script cannot be run: {error}\n")
    except UnicodeDecodeError as error:
        return _difference(path, None, f"the script is no text: {error}\n")
    except Exception:  # pylint: disable=broad-exception-caught # reported, not hidden
        return _difference(path, directive, traceback.format_exc())
    return None


def _difference(path: Path, directive: Directive | None, actual: str) -> Difference:
    """Return a difference at a directive, or before any."""
    if directive is None:
        return Difference(path, 1, "", "", actual)
    return Difference(path, directive.line, directive.text, directive.expected, actual)


def rewrite_script(path: Path) -> None:
    """Put what the core does now in the place of what a script expects.

    Parameters
    ----------
    path : Path
        A script of our own; the change is to be reviewed like one of the code.
    """
    text = path.read_text("utf-8")
    lines = text.removesuffix("\n").split("\n")
    rewritten: list[str] = []
    copied = 0
    harness: Harness | None = None
    for directive in parse_script(text):
        harness = harness or _harness(directive, _draw())
        answer = _answer(harness, directive)
        start, stop = directive.expected_lines
        rewritten += [*lines[copied:start], SEPARATOR]
        if any(not line.strip() for line in answer.splitlines()):
            rewritten += [SEPARATOR, *answer.splitlines(), SEPARATOR, SEPARATOR]
        else:
            rewritten += answer.splitlines()
        copied = stop
        # What was typed without a blank line behind it gets one: the output ends there.
        if copied < len(lines) and lines[copied].strip():
            rewritten.append("")
    path.write_text("\n".join([*rewritten, *lines[copied:], ""]), "utf-8")
