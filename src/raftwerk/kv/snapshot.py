"""The whole store as bytes, with all that can be read or watched of its past.

A stream of records, each with its length before it: a header, the leases, all versions
of keys that can still be seen, and an end that says how many versions there were.
It depends on what can be seen alone, not on how far a member has come with forgetting.
The chunks of the stream may be cut and joined on their way; their bytes may not change,
which is for whoever stores and sends them to see to.

Versions stand in the order of keys, cut as `kv.chunking` says: snapshots of two
members, or of two moments, share the chunks of all that is the same in both.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Final, TypeAlias, cast

import msgspec

from raftwerk.errors import StorageError, UnknownFormat
from raftwerk.kv.chunking import Placed, Version, cut, placed
from raftwerk.kv.history import Change
from raftwerk.kv.index import KeyIndex
from raftwerk.kv.leases import Lease
from raftwerk.kv.records import KeyValue
from raftwerk.kv.state import FIRST_REVISION, State

__all__ = ["SNAPSHOT_VERSION", "base_of", "read", "take"]

SNAPSHOT_VERSION: Final = 3
"""The newest format that this store reads; it writes no other. 2 has leases and
alarms, 3 the order of keys."""

MAGIC: Final = b"raftwerk-kv\n"

LEASES_PER_RECORD: Final = 4_096
"""About as many as make up a chunk."""

RECORD_BYTES_MAX: Final = 1 << 30
"""More than any record has; what says so is none."""


class _Header(msgspec.Struct, frozen=True, array_like=True, tag="header"):
    """What comes first; the version stands before it, outside."""

    revision: int
    compact_revision: int
    alarms: list[tuple[int, int]] = []


class _Base(msgspec.Struct, frozen=True, array_like=True, tag="base"):
    """Keys as they were at the compacted revision, each with one version."""

    kvs: list[KeyValue]


class _Changes(msgspec.Struct, frozen=True, array_like=True, tag="changes"):
    """Versions in the order in which they were made."""

    kvs: list[KeyValue]


class _Versions(msgspec.Struct, frozen=True, array_like=True, tag="versions"):
    """Versions in the order of keys, those of one key in the order of revisions.

    `places` says for each which change of its revision it was, from 0; without it, each
    was the first.
    """

    kvs: list[KeyValue]
    places: list[int] = []


class _End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """What comes last: a stream without it is not whole."""

    base_count: int
    change_count: int


class _Leases(msgspec.Struct, frozen=True, array_like=True, tag="leases"):
    """Leases as they were when the snapshot was taken; what has keys is in the keys."""

    term: int
    leases: list[Lease]


_Record: TypeAlias = _Header | _Leases | _Base | _Changes | _Versions | _End

_made: Final = itemgetter(0)
"""The version that a change made."""

_DECODER: Final = msgspec.msgpack.Decoder(_Record)


def take(state: State) -> Iterable[bytes]:
    """Return the store as it is now.

    Only references are copied here, a few milliseconds for a million keys. The bytes
    are made while the chunks are drawn, at any time and in any thread.

    Parameters
    ----------
    state : State
        The store.

    Returns
    -------
    iterable of bytes
        Chunks of about `chunking.CHUNK_BYTES`; can be drawn once. An empty one is a
        pause: each takes about a millisecond, and no more.
    """
    oldest = state.compact_revision
    header = _Header(state.revision, oldest, sorted(state.alarms))
    # Not multi-version like the keys, so these are copied in this very step.
    leases = _Leases(state.leases.term, state.leases.all())
    return _chunks(header, leases, base_of(state), state.history.since(oldest))


def base_of(state: State) -> Iterator[KeyValue]:
    """Return what was there at the compacted revision and not made by it.

    Parameters
    ----------
    state : State
        The store.

    Returns
    -------
    iterator of KeyValue
        In no useful order; drawn at any time, in any thread, it gives what is so now.
    """
    oldest = state.compact_revision
    if oldest <= FIRST_REVISION:
        return iter(())  # all there is stands in the history
    # What a change overtakes that is under way was there, too.
    changes = state.history.since(oldest, with_held=True)
    return _base(oldest, state.index.current(), changes)


def read(chunks: Iterable[bytes]) -> State:
    """Return the store that `take` was given.

    Parameters
    ----------
    chunks : iterable of bytes
        Its chunks, cut anywhere.

    Returns
    -------
    State
        Equal in all that can be seen.

    Raises
    ------
    UnknownFormat
        If a newer version wrote it, or something else.
    StorageError
        If it is not whole.
    """
    source = _Source(chunks)
    _check_format(source.take(len(MAGIC) + 1))
    content = _Content()
    while not content.is_whole:
        size = int.from_bytes(source.take(4), "little")
        content.take(_decode(source.take(size)))
    state = _rebuild(content.header, content.base, content.changes())
    state.leases.term = content.leases.term
    for lease in content.leases.leases:
        state.leases.put(lease)
    state.leases.take_news()  # it is none: this is how things stand
    return state


class _Content:
    """What the records of a snapshot say, one after the other."""

    def __init__(self) -> None:
        self.header = _Header(FIRST_REVISION, 0)
        self.leases = _Leases(0, [])
        self.base: list[KeyValue] = []
        self.is_whole = False
        self._has_header = False
        self._changes: list[KeyValue] = []
        self._placed: list[list[Placed]] = []

    def take(self, record: _Record) -> None:
        """Take in the next record."""
        match record:
            case _Header():
                self.header, self._has_header = record, True
            case _Leases(term, part):
                self.leases = _Leases(term, self.leases.leases + part)
            case _Base(kvs):
                self.base += kvs
            case _Changes(kvs):
                self._changes += kvs
            case _Versions(kvs, places):
                oldest = self.header.compact_revision
                self.base += [kv for kv in kvs if kv.mod_revision < oldest]
                self._placed.append(_in_order(kvs, places, oldest))
            case _End():
                self._check(record)
                self.is_whole = True

    def changes(self) -> list[KeyValue]:
        """Return all changes in the order in which they were made."""
        if self._placed:
            merged = merge(*self._placed, key=_by_revision)
            self._changes += [each.kv for each in merged]
            self._placed = []
        return self._changes

    def _check(self, end: _End) -> None:
        """Refuse what lacks something."""
        found = (len(self.base), len(self.changes()))
        if not self._has_header or found != (end.base_count, end.change_count):
            raise StorageError(
                f"the store's snapshot has {found[0]} keys and {found[1]} changes; at"
                f" its end it says that there are {end.base_count} and"
                f" {end.change_count}"
            )


def _chunks(
    header: _Header,
    leases: _Leases,
    base: Iterator[KeyValue],
    changes: Iterator[Change],
) -> Iterator[bytes]:
    """Yield the chunks of a snapshot; nothing that is given here changes any more."""
    first = [MAGIC + bytes([SNAPSHOT_VERSION]) + _framed(header)]
    for start in range(0, max(1, len(leases.leases)), LEASES_PER_RECORD):
        part = leases.leases[start : start + LEASES_PER_RECORD]
        first.append(_framed(_Leases(leases.term, part)))
    yield b"".join(first)
    oldest = header.compact_revision
    base_count = change_count = 0
    for versions in cut(chain(base, placed(map(_made, changes)))):
        if not versions:
            yield b""
            continue
        older = sum([version.mod_revision < oldest for version in versions])
        base_count += older
        change_count += len(versions) - older
        yield _framed(_record_of(versions))
    yield _framed(_End(base_count, change_count))


def _record_of(versions: list[Version]) -> _Versions:
    """Return the record of versions."""
    if Placed not in set(map(type, versions)):
        return _Versions(cast(list[KeyValue], versions))
    kvs = [each.kv if isinstance(each, Placed) else each for each in versions]
    places = [each.place if isinstance(each, Placed) else 0 for each in versions]
    return _Versions(kvs, places)


def _base(
    oldest: int, current: Iterable[KeyValue], changes: Iterator[Change]
) -> Iterator[KeyValue]:
    """Yield what was there at the compacted revision and not made by it.

    It has not been overtaken since then, or it stands with the change that overtook it.
    """
    overtaken = (
        kv for made, kv in changes if kv is not None and made.mod_revision > oldest
    )
    return (kv for kv in chain(current, overtaken) if kv.mod_revision < oldest)


_by_revision: Final = attrgetter("mod_revision", "place")


def _in_order(kvs: list[KeyValue], places: list[int], oldest: int) -> list[Placed]:
    """Return the changes of a record in the order in which they were made."""
    changes = [
        Placed(kv.key, kv.mod_revision, place, kv)
        for kv, place in zip(kvs, places or [0] * len(kvs), strict=True)
        if kv.mod_revision >= oldest
    ]
    changes.sort(key=_by_revision)
    return changes


def _framed(record: _Record) -> bytes:
    """Return a record with its length before it."""
    data = msgspec.msgpack.encode(record)
    return len(data).to_bytes(4, "little") + data


def _check_format(beginning: bytes) -> None:
    """Refuse what this version did not write."""
    if not beginning.startswith(MAGIC):
        raise UnknownFormat(f"the store's snapshot begins with {beginning!r}")
    version = beginning[-1]
    if not 1 <= version <= SNAPSHOT_VERSION:
        raise UnknownFormat(
            f"the store's snapshot has version {version}; this version of raftwerk"
            f" reads {SNAPSHOT_VERSION}"
        )


def _decode(data: bytes) -> _Record:
    """Return a record."""
    try:
        record: _Record = _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise StorageError(f"a record of the store's snapshot: {error}") from error
    return record


def _rebuild(header: _Header, base: list[KeyValue], changes: list[KeyValue]) -> State:
    """Return the store to which the changes lead."""
    state = State(compact_revision=header.compact_revision, index=KeyIndex(base))
    for change in changes:
        before = state.index.get(change.key)
        if change.version:
            state.put(change, before)
        elif before is not None:
            state.delete([before], change.mod_revision)
        else:
            # It was deleted by the compacted revision itself: a watch may want that.
            state.history.append(change, None)
    state.revision = header.revision
    state.alarms = set(header.alarms)
    return state


class _Source:
    """The bytes of chunks, by any number at a time."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._bytes = bytearray()

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if size > RECORD_BYTES_MAX:
            raise StorageError(
                f"a record of the store's snapshot says it has {size} bytes"
            )
        while len(self._bytes) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise StorageError("the store's snapshot ends before its end")
            self._bytes += chunk
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken
