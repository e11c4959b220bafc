"""The grammar of a script: directives with arguments, input and expected output.

A directive line, optional lines of input, a line of four dashes, the expected output
up to a blank line. Between directives there may be blank lines and comments.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

__all__ = ["Argument", "Directive", "ScriptError", "parse_script"]

SEPARATOR: Final = "----"
# A list in parentheses is one word, for blanks may follow its commas.
_WORD: Final = re.compile(r"[^\s=(]+=\([^)]*\)|\S+")
_LIST: Final = re.compile(r"\((.*)\)", re.DOTALL)
_TRUTHS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


class ScriptError(Exception):
    """A script that cannot be meant: it fails, whatever the core does."""


class Argument(msgspec.Struct, frozen=True):
    """One word behind the command: ``key``, ``key=value`` or ``key=(a, b)``."""

    text: str
    key: str
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The only value."""
        if len(self.values) != 1:
            raise ScriptError(f"one value is needed in {self.text!r}")
        return self.values[0]

    def numbers(self) -> tuple[int, ...]:
        """Return the values as numbers."""
        return tuple(_number(value) for value in self.values)

    def number(self) -> int:
        """Return the only value as a number."""
        return _number(self.value)

    def truth(self) -> bool:
        """Return the only value as a truth value."""
        return parse_truth(self.value)


class Directive(msgspec.Struct, frozen=True):
    """One command, with what it gets and what it is to print."""

    line: int
    """The number of its line in the file, from 1."""
    text: str
    command: str
    arguments: tuple[Argument, ...]
    input: str
    expected: str
    expected_lines: tuple[int, int]
    """The half-open range of file lines, from 0, that the separator and output take."""

    def argument(self, place: int) -> Argument:
        """Return an argument by its place."""
        if place >= len(self.arguments):
            raise ScriptError(f"{self.command!r} needs {place + 1} arguments or more")
        return self.arguments[place]

    def word(self, place: int) -> str:
        """Return an argument as it stands there."""
        return self.argument(place).text

    def number(self, place: int) -> int:
        """Return an argument without a value as a number."""
        return _number(self.word(place))

    def bare_numbers(self) -> tuple[int, ...]:
        """Return all arguments without a value as numbers."""
        return tuple(_number(one.key) for one in self.arguments if not one.values)

    def values(self) -> Iterator[Argument]:
        """Yield the arguments with a value."""
        return (one for one in self.arguments if one.values)

    def option(self, key: str) -> Argument | None:
        """Return the argument with this key, if there is one."""
        return next((one for one in self.arguments if one.key == key), None)


def parse_truth(text: str) -> bool:
    """Return what a word says: true or false."""
    if text not in _TRUTHS:
        raise ScriptError(f"neither true nor false: {text!r}")
    return _TRUTHS[text]


def _number(text: str) -> int:
    """Return what a word says: a number that is not negative."""
    if not (text.isascii() and text.isdigit()):
        raise ScriptError(f"not a number: {text!r}")
    return int(text)


def parse_script(text: str) -> Iterator[Directive]:
    """Yield the directives of a script, in order."""
    return iter(_Reader(text.split("\n")).directives())


class _Reader:
    """Reads lines from the top to the bottom, once."""

    def __init__(self, lines: list[str]) -> None:
        if lines and not lines[-1]:
            lines = lines[:-1]  # what stands behind the last line end is no line
        self._lines = lines
        self._next = 0

    def _take(self) -> str | None:
        """Return the next line, or None at the end."""
        if self._next >= len(self._lines):
            return None
        self._next += 1
        return self._lines[self._next - 1].removesuffix("\r")

    def directives(self) -> Iterator[Directive]:
        """Yield what there is."""
        while (line := self._take()) is not None:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            number = self._next
            while line.endswith("\\") and (following := self._take()) is not None:
                line = f"{line[:-1]} {following.strip()}"
            command, *words = _WORD.findall(line)
            body, has_separator = self._input()
            start = self._next - 1 if has_separator else self._next
            expected = self._expected() if has_separator else ""
            yield Directive(
                line=number,
                text=line,
                command=command,
                arguments=tuple(_argument(word) for word in words),
                input=body,
                expected=expected,
                expected_lines=(start, self._next),
            )

    def _input(self) -> tuple[str, bool]:
        """Return the lines up to the separator, and whether there is one."""
        lines: list[str] = []
        while (line := self._take()) is not None:
            if line == SEPARATOR:
                return "\n".join(lines).strip(), True
            lines.append(line)
        return "\n".join(lines).strip(), False

    def _expected(self) -> str:
        """Return the expected output, in whichever of its two forms it stands."""
        if self._next < len(self._lines) and self._lines[self._next] == SEPARATOR:
            self._take()
            return self._until(
                lambda: self._lines[self._next : self._next + 2] == [SEPARATOR] * 2,
                skip=2,
            )
        return self._until(lambda: not self._lines[self._next].strip(), skip=0)

    def _until(self, is_end: Callable[[], bool], skip: int) -> str:
        """Return the lines up to an end or that of the file; leave out `skip` more."""
        lines: list[str] = []
        while self._next < len(self._lines):
            if is_end():
                self._next += skip
                break
            line = self._take()
            lines.append(f"{line}\n")
        return "".join(lines)


def _argument(word: str) -> Argument:
    """Return a word in its parts."""
    key, has_value, value = word.partition("=")
    if not has_value:
        return Argument(word, key, ())
    listed = _LIST.fullmatch(value)
    if listed is None:
        return Argument(word, key, (value,))
    values = (one.strip() for one in listed[1].split(",")) if listed[1].strip() else ()
    return Argument(word, key, tuple(values))
