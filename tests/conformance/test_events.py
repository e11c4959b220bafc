"""Every event has its line, or is known to have none; each line can be filled in."""

import string
from collections.abc import Iterator

import pytest

from raftwerk.core import events
from raftwerk.core.events import Event

from .events import LINES, UNTOLD, Both, Either, Line

KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
]


def lines_of(kind: type[Event]) -> Iterator[Line]:
    """Yield all lines that a type of event may have."""
    if kind in UNTOLD:
        return
    match LINES[kind]:
        case Line() as line:
            yield line
        case Both(first, second):
            yield from (first, second)
        case Either(_, if_set, if_not):
            yield from (if_set, if_not)


@pytest.mark.parametrize("kind", [one for one in KINDS if one.__name__[0] != "_"])
def test_each_type_of_event_has_a_line_of_its_own_fields(kind: type[Event]) -> None:
    for line in lines_of(kind):
        named = {name for _, name, _, _ in string.Formatter().parse(line.text) if name}
        assert named <= set(kind.__struct_fields__)
