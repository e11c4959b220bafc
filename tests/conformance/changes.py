"""The input of commands that change a configuration: ``v1 l2 r3 u4``."""

from raftwerk.core.records import Change
from raftwerk.types import NodeId

from .format import CHANGE_LETTERS

__all__ = ["CommandError", "parse_changes"]


class CommandError(Exception):
    """A command refused; the message is what it prints."""


def parse_changes(text: str) -> tuple[Change, ...]:
    """Return the changes in a directive's input."""
    return tuple(_parse_change(word) for word in text.split(" ")) if text else ()


def _parse_change(word: str) -> Change:
    """Return one change."""
    if len(word) < 2:
        raise CommandError(f"unknown token {word}")
    kind = CHANGE_LETTERS.get(word[0])
    if kind is None:
        raise CommandError(f"unknown input: {word}")
    number = word[1:]
    if not (number.isascii() and number.isdigit()):
        raise CommandError(f'strconv.ParseUint: parsing "{number}": invalid syntax')
    return Change(kind, NodeId(int(number)))
