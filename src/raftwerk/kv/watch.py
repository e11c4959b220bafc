"""Telling of changes: each once and in order, to each who watches.

A watcher is either *synced*: it was told of all there is, and each change is given to
it when it happens; or *behind*: it reads the history from where it stands, in steps,
and is synced when it has come to its end. What a synced watcher does not fetch waits
for it up to a bound (`watcher`); beyond that it falls behind, and misses nothing unless
what it wants is compacted meanwhile.

A change finds the synced watchers that want it by its key: those of this very key in a
dictionary, those of ranges in `intervals`. Watchers of one key or range stand together
and are given one list. Source: etcd's watchable store; its guarantees of order,
uniqueness, resumption and atomicity (all changes of one revision come together).
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from raftwerk.kv.intervals import SpanIndex
from raftwerk.kv.records import Event
from raftwerk.kv.spans import Span, span_of
from raftwerk.kv.store import Store
from raftwerk.kv.watcher import Batch, Watcher

__all__ = ["Watchers", "holds_nothing"]

BATCH_REVISIONS_MAX: Final = 1_000
"""Revisions that one batch from history holds, as in etcd."""

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
"""The same in bytes of keys and values, but for its last revision, which is whole."""

CHANGES_PER_STEP: Final = 1_000
"""Changes that are looked at between two turns of others; about a millisecond."""

CHANGES_PER_ADVANCE: Final = 2_000
"""Changes that are given to synced watchers in one go; if there are more, they read
them in steps, as those do who are behind."""


_Group = dict[Watcher, None]
"""Who watches one key or range, in the order in which they came."""


class Watchers:
    """All who watch one store.

    Parameters
    ----------
    store : Store
        Which; `advance` must be called when it has changed, before anything else here.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told = store.revision
        self._of_key: dict[bytes, _Group] = {}
        self._of_span: dict[Span, _Group] = {}
        self._spans: SpanIndex[_Group] = SpanIndex()

    def __len__(self) -> int:
        """Return how many are synced."""
        groups = (self._of_key.values(), self._of_span.values())
        return sum(len(watchers) for group in groups for watchers in group)

    @property
    def revision(self) -> int:
        """The revision up to which those who are idle were told of all they want."""
        return self._told

    def open(
        self,
        span: Span,
        start_revision: int,
        *,
        wants_puts: bool = True,
        wants_deletes: bool = True,
        on_ready: Callable[[], None],
    ) -> Watcher:
        """Begin to watch.

        Parameters
        ----------
        span : Span
            Which keys; not empty.
        start_revision : int
            From which revision on; 0 for all that comes from now on.
        wants_puts, wants_deletes : bool
            Which changes.
        on_ready : callable
            Called when there is something to `take`, or may be, after there was
            nothing.

        Returns
        -------
        Watcher
            To be given to `take`, and in the end to `close`.
        """
        newest = self._store.revision
        watcher = Watcher(
            span,
            start_revision or newest + 1,
            wants_puts=wants_puts,
            wants_deletes=wants_deletes,
            on_ready=on_ready,
        )
        if watcher.next_revision > newest:
            self._sync(watcher)
        else:
            on_ready()
        return watcher

    def close(self, watcher: Watcher) -> None:
        """Tell somebody nothing more.

        Parameters
        ----------
        watcher : Watcher
            Who.
        """
        if watcher.is_synced:
            watcher.is_synced = False
            self._drop(watcher)

    def advance(self) -> None:
        """Give what has happened to the synced watchers that want it."""
        newest, told = self._store.revision, self._told
        if newest == told:
            return
        self._told = newest
        if not (self._of_key or self._spans):
            return
        if told + 1 < self._store.compact_revision:
            # It became another store, and what lies between is forgotten there.
            self._all_behind(told + 1)
            return
        revision = told + 1
        together: list[Event] = []
        changes = self._store.events_since(revision)
        for number, event in enumerate(changes):
            if event.kv.mod_revision != revision:
                self._give(revision, together)
                together = []
                revision = event.kv.mod_revision
            if number >= CHANGES_PER_ADVANCE:
                # A part of a revision is never given: it comes as a whole or not.
                self._all_behind(revision)
                return
            together.append(event)
        self._give(revision, together)

    def take(self, watcher: Watcher) -> Generator[None, None, Batch | None]:
        """Return what comes next for somebody, in steps of a bounded length.

        Parameters
        ----------
        watcher : Watcher
            Who; nobody else takes for it meanwhile.

        Returns
        -------
        generator
            Yields between two steps, between which the store may change; returns the
            next changes, or None once there are none: then `on_ready` will be called.

        Raises
        ------
        CompactedRevision
            If what comes next is forgotten; watching is over then.
        """
        batch = watcher.take_pending()
        while batch is None and not watcher.is_synced:
            newest = self._store.revision
            if watcher.next_revision > newest:
                self._sync(watcher)
                break
            changes = self._store.events_since(watcher.next_revision)
            batch = yield from _read(watcher, changes, newest)
        return batch

    def _sync(self, watcher: Watcher) -> None:
        """Have it given what happens from now on."""
        watcher.is_synced = True
        start, stop = watcher.span
        if stop == start + b"\0":
            self._of_key.setdefault(start, {})[watcher] = None
            return
        watchers = self._of_span.get(watcher.span)
        if watchers is None:
            watchers = self._of_span[watcher.span] = {}
            self._spans.add(watcher.span, watchers)
        watchers[watcher] = None

    def _drop(self, watcher: Watcher) -> None:
        """Have it given nothing more."""
        start, stop = watcher.span
        if stop == start + b"\0":
            watchers = self._of_key[start]
            del watchers[watcher]
            if not watchers:
                del self._of_key[start]
            return
        watchers = self._of_span[watcher.span]
        del watchers[watcher]
        if not watchers:
            del self._of_span[watcher.span]
            self._spans.remove(watcher.span)

    def _groups_of(self, key: bytes) -> list[_Group]:
        """Return those who watch a key."""
        groups = self._spans.containing(key) if self._spans else []
        if (watchers := self._of_key.get(key)) is not None:
            groups.append(watchers)
        return groups

    def _give(self, revision: int, changes: list[Event]) -> None:
        """Give one revision's changes to those who watch their keys."""
        late: list[Watcher] = []
        if len(changes) == 1:
            # Nearly always so, and then all who watch are given one and the same.
            groups = self._groups_of(changes[0].kv.key)
            _offer(chain.from_iterable(groups), revision, changes, late)
        else:
            found: dict[int, tuple[_Group, list[Event]]] = {}
            for event in changes:
                for watchers in self._groups_of(event.kv.key):
                    found.setdefault(id(watchers), (watchers, []))[1].append(event)
            for watchers, events in found.values():
                _offer(watchers, revision, events, late)
        for watcher in late:
            self._drop(watcher)
            watcher.fall_behind(revision)

    def _all_behind(self, revision: int) -> None:
        """Have everybody read the history from a revision on."""
        groups = [*self._of_key.values(), *self._of_span.values()]
        self._of_key.clear()
        self._of_span.clear()
        self._spans = SpanIndex()
        for watchers in groups:
            for watcher in watchers:
                watcher.fall_behind(revision)


def holds_nothing(key: bytes, range_end: bytes) -> bool:
    """Tell whether a range has no keys whatever there is in the store.

    Parameters
    ----------
    key, range_end : bytes
        As in `spans.span_of`.

    Returns
    -------
    bool
        Nobody can watch such a range.
    """
    start, stop = span_of(key, range_end)
    return stop is not None and stop <= start


def _offer(
    watchers: Iterable[Watcher], revision: int, events: list[Event], late: list[Watcher]
) -> None:
    """Give one revision's changes to watchers; who has no room is late."""
    whole, size = Batch(revision, events), _size_of(events)
    for watcher in watchers:
        if revision < watcher.next_revision:
            continue  # it waits for a later one
        wanted = watcher.select(events)
        batch = whole if wanted is events else Batch(revision, wanted)
        if wanted and not watcher.offer(batch, size):
            late.append(watcher)


def _read(
    watcher: Watcher, changes: Iterator[Event], newest: int
) -> Generator[None, None, Batch | None]:
    """Return the next changes from history that somebody wants; None at its end.

    The changes are those up to the revision that is the newest when it begins.
    """
    start, stop = watcher.span
    found: list[Event] = []
    size = revisions = 0
    last = 0
    for number, event in enumerate(changes, 1):
        if number % CHANGES_PER_STEP == 0:
            yield
        kv = event.kv
        if kv.key < start or (stop is not None and kv.key >= stop):
            continue
        if not watcher.wants(event):
            continue
        if kv.mod_revision != last:
            if revisions >= BATCH_REVISIONS_MAX or size >= BATCH_BYTES_MAX:
                watcher.next_revision = kv.mod_revision
                return Batch(newest, found)
            last = kv.mod_revision
            revisions += 1
        found.append(event)
        size += _size_of((event,))
    watcher.next_revision = newest + 1
    return Batch(newest, found) if found else None


def _size_of(events: Sequence[Event]) -> int:
    """Return the bytes of keys and values in changes."""
    size = 0
    for kv, prev_kv in [(event.kv, event.prev_kv) for event in events]:
        size += len(kv.key) + len(kv.value)
        if prev_kv is not None:
            size += len(prev_kv.value)
    return size
