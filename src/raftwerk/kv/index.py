"""The versions of each key, and the keys in order.

The newest version stands in a dictionary, for most reads want it and no other; those
that were overtaken stand behind it in a list, oldest first, where a binary search finds
the one of a revision. The keys are kept twice in order: those that exist, so that a
range can be counted without walking through it, and those that were deleted but can
still be seen at older revisions.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from operator import attrgetter
from typing import Final

from sortedcontainers import SortedList  # type: ignore[import-untyped]  # it has none

from raftwerk.errors import require
from raftwerk.kv.records import KeyValue
from raftwerk.kv.spans import Span, span_of

__all__ = ["VERSION_BYTES", "KeyIndex"]

VERSION_BYTES: Final = 200
"""About what a version takes in memory beside its key and its value."""

RUN_KEYS_MIN: Final = 16
"""So many that follow each other are taken out of the order together."""

_mod_revision: Final = attrgetter("mod_revision")


class KeyIndex:
    """All versions of all keys that are not forgotten.

    Parameters
    ----------
    kvs : iterable of KeyValue
        One version of each key, to begin with.
    """

    __slots__ = ("_current", "_gone", "_keys", "_older", "bytes")

    def __init__(self, kvs: Iterable[KeyValue] = ()) -> None:
        self._current = {kv.key: kv for kv in kvs}
        self._keys = SortedList(self._current)
        self._older: dict[bytes, list[KeyValue]] = {}
        self._gone = SortedList()
        self.bytes = sum(map(_bytes_of, self._current.values()))
        """About what all versions take in memory."""

    def __len__(self) -> int:
        return len(self._current)

    def get(self, key: bytes) -> KeyValue | None:
        """Return the newest version of a key.

        Parameters
        ----------
        key : bytes
            Which.

        Returns
        -------
        KeyValue or None
            None if the key does not exist.
        """
        return self._current.get(key)

    def at(self, key: bytes, revision: int) -> KeyValue | None:
        """Return the version of a key that was the newest at a revision.

        Parameters
        ----------
        key : bytes
            Which.
        revision : int
            Not below the compacted one.

        Returns
        -------
        KeyValue or None
            None if the key did not exist then.
        """
        kv = self._current.get(key)
        if kv is not None and kv.mod_revision <= revision:
            return kv
        older = self._older.get(key)
        if older is None:
            return None
        # Of several versions of one revision (a transaction may put and delete a key)
        # the last one is what came of it.
        place = bisect_right(older, revision, key=_mod_revision)
        if place == 0:
            return None
        kv = older[place - 1]
        return kv if kv.version else None

    def current(self) -> Collection[KeyValue]:
        """Return the newest version of each key that exists.

        Returns
        -------
        collection of KeyValue
            In no useful order; later changes don't change it.
        """
        # The garbage collector would go through a list of so many, 30 ms for a million.
        # It does not look at a dictionary that has only what it need not follow.
        return self._current.copy().values()

    def count(self, span: Span) -> int:
        """Return how many keys of a range exist.

        Parameters
        ----------
        span : Span
            The range.

        Returns
        -------
        int
            Found without looking at each.
        """
        start, stop = span
        end: int = len(self._keys) if stop is None else self._keys.bisect_left(stop)
        begin: int = self._keys.bisect_left(start)
        return max(0, end - begin)

    def keys(
        self,
        span: Span,
        *,
        after: bytes | None = None,
        with_deleted: bool = False,
        keys_max: int | None = None,
    ) -> list[bytes]:
        """Return keys of a range in order.

        Parameters
        ----------
        span : Span
            The range.
        after : bytes, optional
            Leave out the keys up to this one.
        with_deleted : bool
            Whether to return the keys too that only older revisions have.
        keys_max : int, optional
            How many at most.

        Returns
        -------
        list of bytes
            Each once.
        """
        start, stop = span
        if stop is not None and stop <= start:
            return []
        if after is not None:
            start = after
        inclusive = (after is None, False)
        found: Iterator[bytes] = self._keys.irange(start, stop, inclusive)
        if with_deleted and self._gone:
            found = merge(found, self._gone.irange(start, stop, inclusive))
        return list(found if keys_max is None else islice(found, keys_max))

    def size(self, span: Span) -> int:
        """Return how many keys of a range stand here, deleted ones too.

        Parameters
        ----------
        span : Span
            The range.

        Returns
        -------
        int
            As many as must be looked at to read the range at an older revision.
        """
        start, stop = span
        gone = self._gone
        end: int = len(gone) if stop is None else gone.bisect_left(stop)
        begin: int = gone.bisect_left(start)
        return self.count(span) + max(0, end - begin)

    def find(
        self, key: bytes, range_end: bytes, keys_max: int | None = None
    ) -> list[KeyValue]:
        """Return the newest versions of the keys that a request names.

        Parameters
        ----------
        key : bytes
            As in `spans.span_of`.
        range_end : bytes
            The same.
        keys_max : int, optional
            How many at most.

        Returns
        -------
        list of KeyValue
            In the order of keys.
        """
        keys = [key]
        if range_end:
            keys = self.keys(span_of(key, range_end), keys_max=keys_max)
        return [kv for key in keys if (kv := self._current.get(key)) is not None]

    def put(self, kv: KeyValue, before: KeyValue | None) -> None:
        """Take in a new version of a key.

        Parameters
        ----------
        kv : KeyValue
            The version.
        before : KeyValue or None
            What `get` says.
        """
        key = kv.key
        if before is not None:
            self._overtake(before)
        else:
            self._keys.add(key)
            if key in self._older:
                self._gone.remove(key)
        self._current[key] = kv
        self.bytes += _bytes_of(kv)

    def delete(self, deletions: Sequence[KeyValue], before: Sequence[KeyValue]) -> None:
        """Take in that keys were deleted.

        Parameters
        ----------
        deletions : sequence of KeyValue
            Their versions of this kind.
        before : sequence of KeyValue
            What `get` says of each, in the order of keys.
        """
        keys = [kv.key for kv in before]
        place = self._keys.bisect_left(keys[0]) if keys else 0
        stop = place + len(keys)
        if len(keys) < RUN_KEYS_MIN or self._keys[stop - 1 : stop] != keys[-1:]:
            # A few, or with others between them: those of a lease.
            for key in keys:
                self._keys.remove(key)
        else:
            # So large a part is cut out at once: key by key takes twice the time.
            del self._keys[place:stop]
        for deletion, kv in zip(deletions, before, strict=True):
            del self._current[kv.key]
            self._overtake(kv)
            self._older[kv.key].append(deletion)
            self.bytes += _bytes_of(deletion)
        self._gone.update(keys)

    def forget(self, key: bytes, revision: int) -> None:
        """Drop the versions of a key that can't be seen from a revision on.

        Parameters
        ----------
        key : bytes
            Which.
        revision : int
            The oldest that stays readable.
        """
        older = self._older.get(key)
        if older is None:
            return
        kv = self._current.get(key)
        if kv is not None and kv.mod_revision <= revision:
            self.bytes -= sum(map(_bytes_of, older))
            del self._older[key]
            return
        # One is kept from before: it is what can be seen at the revision itself. A
        # deletion shows nothing, so nothing is kept of it.
        place = bisect_right(older, revision, key=_mod_revision)
        if place and older[place - 1].version:
            place -= 1
        self.bytes -= sum(map(_bytes_of, older[:place]))
        del older[:place]
        if not older:
            del self._older[key]
            if kv is None:
                self._gone.remove(key)

    def check(self) -> None:
        """Raise unless what must be true of any index is true of this one.

        Raises
        ------
        InvariantViolation
            If it is not.
        """
        current, older = self._current, self._older
        require(list(self._keys) == sorted(current), "what exists stands in order")
        require(
            list(self._gone) == sorted(older.keys() - current.keys()),
            "what was deleted and can still be seen stands in order",
        )
        for key, versions in older.items():
            newest = [current[key]] if key in current else []
            revisions = [kv.mod_revision for kv in versions + newest]
            require(bool(versions), "a key without older versions has no list of them")
            require(revisions == sorted(revisions), "versions stand in order")
        versions_of_all = [*current.values(), *chain.from_iterable(older.values())]
        require(
            self.bytes == sum(map(_bytes_of, versions_of_all)),
            "the bytes of all versions are known",
        )
        require(
            all(kv.version > 0 for kv in current.values()), "a deleted key is not there"
        )

    def _overtake(self, before: KeyValue) -> None:
        """Put a version behind the newest."""
        older = self._older.get(before.key)
        if older is None:
            self._older[before.key] = [before]
        else:
            older.append(before)


def _bytes_of(kv: KeyValue) -> int:
    """Return about what a version takes in memory."""
    return VERSION_BYTES + len(kv.key) + len(kv.value)
