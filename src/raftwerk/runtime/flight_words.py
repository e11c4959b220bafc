"""Flights in words: what was told, how the core stands, what a step changed."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from raftwerk.core.messages import Message, Proposal
from raftwerk.core.ready import Ready
from raftwerk.core.records import Change, Entry, Snapshot
from raftwerk.runtime.flight_form import (
    Compacted,
    ConfApplied,
    Ended,
    Installed,
    Record,
    Stepped,
    TimeoutSet,
    Took,
    Wrote,
)

__all__ = ["asked", "changes", "flat", "told"]

ID_FIELDS: Final = frozenset(
    {"leader", "node_id", "peer", "receiver", "requester", "sender", "transferee"}
    | {"vote", "voters", "voters_outgoing", "learners", "learners_next"}
)
"""What holds ids, which people know in hexadecimal."""

NONE: Final = "none"


def told(record: Record) -> str:
    """Return in one line what the core, or its storage, was told.

    Parameters
    ----------
    record : Record
        Any.

    Returns
    -------
    str
        Without payloads.

    Examples
    --------
    >>> from raftwerk.core.inputs import Tick
    >>> told(Stepped(at_millis=7, event=Tick(3)))
    'Tick count=3'
    """
    words = _told(record)
    return f"{words}: {record.outcome}" if record.outcome else words


def _told(record: Record) -> str:
    """Return what was told, without how it ended."""
    words = "advance"
    match record:
        case Stepped(event=event):
            name = type(event).__name__
            if isinstance(event, Message):
                name += f" from {event.sender:x}"
            words = " ".join([name, *_fields_of(event)])
        case Took():
            words = f"ready taken, hash {record.digest.hex()}"
        case ConfApplied():
            words = f"change applied: {_word('', record.change.changes)}"
        case TimeoutSet():
            words = f"election timeout set to {record.ticks} ticks"
        case Wrote():
            words = f"storage given {', '.join(_written(record))}"
        case Installed():
            words = f"storage given {_word('', record.snapshot)}, in place of its log"
        case Compacted():
            words = (
                f"storage keeps {_word('', record.snapshot)}, and {record.keep} of the"
                " entries that it covers"
            )
        case Ended():
            words = f"end: {record.reason}"
    return words


def _written(record: Wrote) -> Iterator[str]:
    """Yield what storage was given."""
    if record.terms:
        yield f"entries {record.first} to {record.first + len(record.terms) - 1}"
    hard_state = record.hard_state
    if hard_state is not None:
        yield f"term {hard_state.term}"
        yield f"vote {_id(hard_state.vote)}"
        yield f"commit index {hard_state.commit_index}"


def asked(ready: Ready) -> list[str]:
    """Return in lines what a `Ready` asks for.

    Parameters
    ----------
    ready : Ready
        As it was taken.

    Returns
    -------
    list of str
        Without payloads.
    """
    late = ready.append.replies if ready.append else ready.messages_after_sync
    parts = [("storing", flat(ready.entries, "entries")["entries"])]
    if ready.snapshot is not None:
        parts.append(("installing", _word("", ready.snapshot)))
    parts.append(("applying", flat(ready.committed, "entries")["entries"]))
    parts += [("sending", _sent(each)) for each in ready.messages]
    parts += [("sending, once that is stored,", _sent(each)) for each in late]
    parts += [("reading", _word("", each)) for each in ready.read_states]
    return [f"{what} {words}" for what, words in parts if words != NONE]


def _sent(message: Message) -> str:
    """Return a message, and to whom it goes."""
    fields = " ".join(_fields_of(message))
    return f"{type(message).__name__} to {message.receiver:x} {fields}".rstrip()


def _fields_of(event: msgspec.Struct) -> Iterator[str]:
    """Yield the fields of an input, but for whom it comes from and goes to."""
    for field in event.__struct_fields__:
        if field not in ("sender", "receiver"):
            yield f"{field}={_word(field, getattr(event, field))}"


def _word(field: str, value: object) -> str:
    """Return a value in short."""
    word = str(getattr(value, "name", value))
    match value:
        case None:
            word = NONE
        case bool():
            word = word.lower()
        case int() if field in ID_FIELDS:
            word = _id(value)
        case bytes():
            word = f"{len(value)} bytes"
        case Snapshot():
            word = f"a snapshot up to {value.index} of term {value.term}"
        case Change():
            word = f"{value.kind.name} {value.node_id:x}"
        case tuple() | list():
            word = _words(field, value)
        case msgspec.Struct():
            word = f"{type(value).__name__}({', '.join(_fields_of(value))})"
    return word


def _words(field: str, values: Sequence[object]) -> str:
    """Return a sequence in short: entries and proposals by number and size."""
    if values and isinstance(values[0], (Entry, Proposal)):
        size = sum(len(each.data) for each in values if isinstance(each, _HOLDERS))
        return f"{len(values)} ({size} bytes)"
    return ",".join(_word(field, each) for each in values) or NONE


_HOLDERS: Final = (Entry, Proposal)


def _id(node_id: int | None) -> str:
    """Return an id as people know it."""
    return NONE if node_id is None else f"{node_id:x}"


def flat(value: object, path: str = "") -> dict[str, str]:
    """Return a state as one mapping from paths to words.

    Parameters
    ----------
    value : object
        An image, or a part of one.
    path : str
        Where it stands.

    Returns
    -------
    dict of str to str
        In the order of the fields; payloads by their sizes.

    Examples
    --------
    >>> from raftwerk.core.image import SeenImage
    >>> flat(SeenImage(term=3, commit_index=7), "seen")
    {'seen.term': '3', 'seen.commit_index': '7'}
    """
    field = path.rpartition(".")[2]
    if isinstance(value, msgspec.Struct) and not isinstance(
        value, (Entry, Snapshot, Message)
    ):
        found: dict[str, str] = {}
        for name in value.__struct_fields__:
            found |= flat(getattr(value, name), f"{path}.{name}" if path else name)
        return found
    if field in ("progress", "votes", "acknowledged") and isinstance(value, tuple):
        found = {}
        for node_id, known in value:
            found |= flat(known, f"{path}.{node_id:x}")
        return found
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], Entry):
        return {path: f"{value[0].index} to {value[-1].index}, {_words('', value)}"}
    return {path: _word(field, value)}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return in lines what differs between two states.

    Parameters
    ----------
    before, after : dict of str to str
        As `flat` returns them.

    Returns
    -------
    list of str
        One for each path; what came and what went counts as well.

    Examples
    --------
    >>> changes({"term": "3", "vote": "1"}, {"term": "4", "leader": "2"})
    ['term: 3 -> 4', 'vote: 1 -> none', 'leader: none -> 2']
    """
    return [
        f"{path}: {before.get(path, NONE)} -> {after.get(path, NONE)}"
        for path in {**before, **after}
        if before.get(path, NONE) != after.get(path, NONE)
    ]
