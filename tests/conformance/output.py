"""What a directive has printed so far: levels, log lines, indented sections."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Level", "Output"]


class Level(enum.IntEnum):
    """How grave a log line is; what is printed is at least as grave as the level."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3
    FATAL = 4
    NONE = 5
    """As a level to print at: nothing at all, not even what the harness says."""


class Output:
    """Text in the order in which it arises."""

    def __init__(self) -> None:
        self.level = Level.DEBUG
        self._parts: list[str] = []

    def clear(self) -> None:
        """Begin a new directive; the level stays."""
        self._parts = []

    def text(self) -> str:
        """Return all that was printed."""
        return "".join(self._parts)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is printed now."""
        return self.level is Level.NONE

    def write(self, text: str) -> None:
        """Print what the harness says."""
        if not self.is_quiet:
            self._parts.append(text)

    def log(self, level: Level, text: str) -> None:
        """Print a log line if it is grave enough."""
        if level >= self.level:
            self.write(f"{level.name} {text}\n")

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Indent all lines that are printed meanwhile, and end the last one."""
        outer, self._parts = self._parts, []
        try:
            yield
        finally:
            lines = self.text().removesuffix("\n").split("\n") if self._parts else []
            self._parts = outer
            self._parts += [f"  {line}\n" for line in lines]

    @contextmanager
    def at_level(self, level: Level) -> Iterator[None]:
        """Print at another level meanwhile."""
        before, self.level = self.level, level
        try:
            yield
        finally:
            self.level = before
