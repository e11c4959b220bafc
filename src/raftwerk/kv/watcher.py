"""One who watches: what it wants, how far it has come, and what waits for it.

What a synced watcher does not fetch waits for it up to a bound; beyond that it falls
behind. So whoever is slow costs a bounded amount of memory and delays nobody.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from raftwerk.kv.records import Event
from raftwerk.kv.spans import Span

__all__ = ["Batch", "Watcher"]

PENDING_REVISIONS_MAX: Final = 128
"""Revisions that may wait for one watcher; then it falls behind."""

PENDING_BYTES_MAX: Final = 4 * 1024 * 1024
"""The same in bytes of keys and values; a single revision may have more."""


class Batch(msgspec.Struct, frozen=True):
    """Changes that a watcher is told of together.

    Parameters
    ----------
    revision : int
        Their own, if it is one that just happened; the store's, if they are history.
    events : sequence of Event
        In order; may be the list of others too.
    """

    revision: int
    events: Sequence[Event]


class Watcher:
    """One who watches: what it wants, and how far it has come.

    Parameters
    ----------
    span : Span
        The keys that it watches.
    next_revision : int
        The first revision that it wants to be told of.
    wants_puts, wants_deletes : bool
        Which changes.
    on_ready : callable
        Called when there is something for it, or may be, after there was nothing.
    """

    __slots__ = (
        "_on_ready",
        "_pending",
        "_pending_bytes",
        "is_synced",
        "next_revision",
        "span",
        "wants_deletes",
        "wants_puts",
    )

    def __init__(
        self,
        span: Span,
        next_revision: int,
        *,
        wants_puts: bool,
        wants_deletes: bool,
        on_ready: Callable[[], None],
    ) -> None:
        self.span = span
        self.next_revision = next_revision
        self.wants_puts = wants_puts
        self.wants_deletes = wants_deletes
        self.is_synced = False
        self._on_ready = on_ready
        self._pending: deque[tuple[Batch, int]] = deque()
        self._pending_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether it was told of all there is."""
        return self.is_synced and not self._pending

    def select(self, events: list[Event]) -> list[Event]:
        """Return those changes of its keys that it wants.

        Parameters
        ----------
        events : list of Event
            Of its keys.

        Returns
        -------
        list of Event
            The same list, if it wants all.
        """
        if self.wants_puts and self.wants_deletes:
            return events
        return [event for event in events if self.wants(event)]

    def wants(self, event: Event) -> bool:
        """Tell whether it wants a change of its keys, of this kind.

        Parameters
        ----------
        event : Event
            Of its keys.

        Returns
        -------
        bool
            A deletion has version 0.
        """
        return self.wants_puts if event.kv.version else self.wants_deletes

    def offer(self, batch: Batch, size: int) -> bool:
        """Let a batch wait, if there is room.

        Parameters
        ----------
        batch : Batch
            Not empty.
        size : int
            Its bytes.

        Returns
        -------
        bool
            Whether there was.
        """
        pending = self._pending
        if pending and (
            len(pending) >= PENDING_REVISIONS_MAX
            or self._pending_bytes + size > PENDING_BYTES_MAX
        ):
            return False
        pending.append((batch, size))
        self._pending_bytes += size
        if len(pending) == 1:
            self._on_ready()
        return True

    def take_pending(self) -> Batch | None:
        """Return the batch that has waited longest.

        Returns
        -------
        Batch or None
            None if none waits.
        """
        if not self._pending:
            return None
        batch, size = self._pending.popleft()
        self._pending_bytes -= size
        return batch

    def fall_behind(self, revision: int) -> None:
        """Have it read the history from a revision on.

        Parameters
        ----------
        revision : int
            The first one that it was not given; what waits for it remains.
        """
        self.is_synced = False
        self.next_revision = max(self.next_revision, revision)
        if not self._pending:
            self._on_ready()
