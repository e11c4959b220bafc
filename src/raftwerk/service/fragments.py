"""A large answer to a watch in parts, none of them larger than a message may be.

Sizes are those of etcd's protobuf messages, for that is what its clients bound, and so
the parts are cut where etcd cuts them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from raftwerk.kv import Event, KeyValue
from raftwerk.service.watch_messages import WatchAnswer

__all__ = ["MESSAGE_BYTES_MAX", "split"]

MESSAGE_BYTES_MAX: Final = 1_572_864 + 512 * 1024
"""etcd's bound on a request, and what it adds for the wrapping."""

HEADER_BYTES: Final = 40
"""About what ids, revision, term and flags take."""


def split(
    answer: WatchAnswer, bytes_max: int = MESSAGE_BYTES_MAX
) -> Iterator[WatchAnswer]:
    """Yield an answer in parts, each with one event at least.

    Parameters
    ----------
    answer : WatchAnswer
        With events.
    bytes_max : int
        What a part may have, unless it is a single event.

    Yields
    ------
    WatchAnswer
        All but the last say that they are fragments; the answer itself, if it is small
        enough.
    """
    events: list[Event] = []
    size = HEADER_BYTES
    for event in answer.events:
        more = _delimited(_event_bytes(event, answer.prev_kv))
        if events and size + more >= bytes_max:
            yield _part(answer, events, is_last=False)
            events, size = [], HEADER_BYTES
        events.append(event)
        size += more
    yield _part(answer, events, is_last=True)


def _part(
    answer: WatchAnswer, events: Sequence[Event], *, is_last: bool
) -> WatchAnswer:
    """Return a part of an answer."""
    return msgspec.structs.replace(answer, events=events, fragment=not is_last)


def _event_bytes(event: Event, with_previous: bool) -> int:
    """Return the size of an event's message."""
    size = _delimited(_kv_bytes(event.kv)) + (0 if event.kv.version else 2)
    if with_previous and event.prev_kv is not None:
        size += _delimited(_kv_bytes(event.prev_kv))
    return size


def _kv_bytes(kv: KeyValue) -> int:
    """Return the size of a version's message."""
    numbers = (kv.create_revision, kv.mod_revision, kv.version, kv.lease)
    size = sum(1 + _varint_bytes(number) for number in numbers if number)
    return size + sum(_delimited(len(text)) for text in (kv.key, kv.value) if text)


def _delimited(size: int) -> int:
    """Return the size of a field with a length before it."""
    return 1 + _varint_bytes(size) + size


def _varint_bytes(number: int) -> int:
    """Return the size of a number; a negative one takes ten bytes."""
    return 10 if number < 0 else max(1, (number.bit_length() + 6) // 7)
