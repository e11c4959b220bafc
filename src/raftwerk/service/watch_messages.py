"""What a stream of watches is asked for, and what it answers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.kv import Event

__all__ = ["NO_WATCH", "CreateWatch", "WatchAnswer"]

NO_WATCH: Final = -1
"""The id in answers that belong to no watch."""


class CreateWatch(msgspec.Struct, frozen=True, kw_only=True):
    """Begin to watch keys: those of ``[key, range_end)``, see `kv.spans.span_of`.

    Parameters
    ----------
    key : bytes
        The first key; empty for the first of all.
    range_end : bytes
        Empty for one key, one NUL byte for all keys from `key` on.
    start_revision : int
        The first revision that is wanted; 0 for all that comes from now on.
    wants_puts, wants_deletes : bool
        Which changes.
    prev_kv : bool
        Whether to be told of the versions before, too.
    progress_notify : bool
        Whether to be told how far the store is when nothing happens for long.
    watch_id : int
        What to call it; 0 leaves the choice to the stream.
    fragment : bool
        Whether a large answer may come in parts.
    """

    key: bytes = b""
    range_end: bytes = b""
    start_revision: int = 0
    wants_puts: bool = True
    wants_deletes: bool = True
    prev_kv: bool = False
    progress_notify: bool = False
    watch_id: int = 0
    fragment: bool = False


class WatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a stream of watches.

    Parameters
    ----------
    revision : int
        For its header; 0 for none.
    watch_id : int
        Which watch; `NO_WATCH` for none.
    created : bool
        Whether the watch has begun.
    canceled : bool
        Whether it has ended; nothing follows for it.
    compact_revision : int
        If it ended because what it wanted is forgotten: the oldest that is not.
    cancel_reason : str
        Why else it ended.
    events : sequence of Event
        What happened.
    prev_kv : bool
        Whether the versions before are to be told.
    fragment : bool
        Whether the rest of this answer follows.
    """

    revision: int
    watch_id: int
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    events: Sequence[Event] = ()
    prev_kv: bool = False
    fragment: bool = False
