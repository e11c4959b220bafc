"""Versions in the order of their keys, cut where their content says.

Whether a chunk ends before a key depends on that key and the size of its versions
alone. So a key that changes makes another chunk of its own neighbourhood, and of no
other: snapshots of two members, or of two moments, share the chunks of all that is the
same in both. The idea is that of content-defined chunks (Muthitacharoen et al., LBFS,
SOSP 2001, §3.1), with keys in the place of bytes.

A store may have millions of versions, and whoever draws chunks may be a loop that has
other things to do within a millisecond. So versions are dealt to buckets of
neighbouring keys first, a few at a time, and each bucket is sorted in one call.
"""

import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec

from raftwerk.kv.records import KeyValue

__all__ = ["CHUNK_BYTES", "CHUNK_BYTES_MAX", "Placed", "Version", "cut", "placed"]

CHUNK_BYTES: Final = 64 * 1024
"""What a chunk has on average; so a store of 1 GiB has a manifest of 256 KiB."""

CHUNK_BYTES_MAX: Final = 4 * CHUNK_BYTES
"""Where a chunk ends at the latest, wherever that is; one version always fits."""

VERSION_BYTES: Final = 32
"""What a version takes beside its key and value, about."""

SORTED_AT_ONCE: Final = 4_096
"""Versions that are sorted in one call, which nothing can interrupt."""

DEALT_AT_ONCE: Final = 1_024
"""Versions that are put into buckets between two pauses: half a millisecond's work."""

BUCKET_VERSIONS: Final = 1_024
"""How many should fall into one bucket."""

SAMPLES_PER_BUCKET: Final = 8
"""Keys that are looked at to find where buckets begin."""

SAMPLED: Final = BUCKET_VERSIONS // SAMPLES_PER_BUCKET
"""One of so many versions is looked at for that."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A version that was not the first change of its revision.

    Parameters
    ----------
    key : bytes
        Its key.
    mod_revision : int
        Its revision.
    place : int
        Which change of the revision it was, from 0.
    kv : KeyValue
        The version.
    """

    key: bytes
    mod_revision: int
    place: int
    kv: KeyValue

    @property
    def value(self) -> bytes:
        """What the version says, as of one that has no place.

        Returns
        -------
        bytes
            The value.
        """
        return self.kv.value


Version: TypeAlias = KeyValue | Placed

_key_of: Final = attrgetter("key")


def placed(versions: Iterator[KeyValue]) -> Iterator[Version]:
    """Return changes with their places among those of one revision.

    Parameters
    ----------
    versions : iterator of KeyValue
        As they were made.

    Yields
    ------
    Version
        The first of each revision as it is.
    """
    revision = place = 0
    for kv in versions:
        made = kv.mod_revision
        if made == revision:
            place += 1
            yield Placed(kv.key, revision, place, kv)
        else:
            revision, place = made, 0
            yield kv


def cut(versions: Iterable[Version]) -> Iterator[list[Version]]:
    """Return the versions of each chunk.

    Parameters
    ----------
    versions : iterable of Version
        Those of one key in the order in which they were made.

    Yields
    ------
    list of Version
        In the order of keys; those of one key stay in their order. An empty list is a
        pause: some work is done, and there is no chunk yet.
    """
    chunk: list[Version] = []
    size = 0
    for run in _by_key(versions):
        if not run:
            yield []
        for key, group in groupby(run, _key_of):
            same = list(group)
            key_bytes = len(same) * (VERSION_BYTES + len(key))
            key_bytes += sum([len(version.value) for version in same])
            if chunk and _begins_chunk(key, key_bytes):
                yield chunk
                chunk, size = [], 0
            if size + key_bytes <= CHUNK_BYTES_MAX:
                chunk += same
                size += key_bytes
            else:
                for version in same:
                    version_bytes = VERSION_BYTES + len(key) + len(version.value)
                    if chunk and size + version_bytes > CHUNK_BYTES_MAX:
                        yield chunk
                        chunk, size = [], 0
                    chunk.append(version)
                    size += version_bytes
    if chunk:
        yield chunk


def _by_key(versions: Iterable[Version]) -> Iterator[list[Version]]:
    """Yield versions in the order of keys, those of a key in one list, or pauses."""
    # In small pieces, and these in tuples: one list of all would be gone through by the
    # garbage collector in a single step, and let go of in another.
    pieces: deque[tuple[Version, ...]] = deque()
    samples: list[list[bytes]] = []
    source = iter(versions)
    while piece := tuple(islice(source, DEALT_AT_ONCE)):
        pieces.append(piece)
        samples.append(sorted(version.key for version in piece[::SAMPLED]))
        yield []
    if len(pieces) * DEALT_AT_ONCE <= SORTED_AT_ONCE:
        # They are one bucket, and there is nothing to be dealt.
        yield sorted(chain.from_iterable(pieces), key=_key_of)
        return
    borders: list[bytes] = []
    for border in _borders(samples):
        if border is None:
            yield []
        else:
            borders.append(border)
    buckets: list[list[Version]] = [[] for _ in range(len(borders) + 1)]
    while pieces:
        for version in pieces.popleft():
            buckets[bisect_right(borders, version.key)].append(version)
        yield []
    buckets.reverse()
    while buckets:
        bucket = buckets.pop()  # Let go of one by one: they are many.
        if len(bucket) <= SORTED_AT_ONCE:
            bucket.sort(key=_key_of)
            yield bucket
        else:
            yield _sorted_in_pieces(bucket)


def _borders(samples: list[list[bytes]]) -> Iterator[bytes | None]:
    """Yield the keys with which buckets begin, but for the first one, and pauses."""
    last, count = None, 0
    for number, key in enumerate(merge(*samples), 1):
        if key != last:
            if count and count % SAMPLES_PER_BUCKET == 0:
                yield key
            last, count = key, count + 1
        if number % DEALT_AT_ONCE == 0:
            yield None


def _sorted_in_pieces(bucket: list[Version]) -> list[Version]:
    """Sort a bucket into which too many fell: few keys of many versions."""
    pieces = []
    source = iter(bucket)
    while piece := list(islice(source, SORTED_AT_ONCE)):
        piece.sort(key=_key_of)
        pieces.append(piece)
    return list(merge(*pieces, key=_key_of))


def _begins_chunk(key: bytes, size_bytes: int) -> bool:
    """Tell whether a chunk begins with a key: the more likely the larger it is."""
    # Multiplied, for the checksums of names that are counted up are not scattered.
    drawn = zlib.crc32(key) * 0x9E3779B1 & 0xFFFFFFFF
    return drawn * CHUNK_BYTES < size_bytes << 32
