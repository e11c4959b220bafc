"""Standing in line: what locks and elections have in common.

Whoever wants to be first puts a key ``NAME/LEASE`` that ends with its lease; the keys
of a name stand in the order in which they were created, and the oldest is the first.
Each waits for the key right before its own, so that one release wakes one, not all.
Nothing else is remembered anywhere: any member can take a call up, and clients that
keep to the same keys (etcd's own libraries do) stand in the same line.

Source: etcd's ``client/v3/concurrency``, which its lock and election servers call.
"""

from collections.abc import Sequence

import msgspec

from raftwerk.errors import InvariantViolation
from raftwerk.kv import (
    Compare,
    CompareTarget,
    DeleteRange,
    KeyValue,
    Put,
    Range,
    RangeResult,
    SortOrder,
    SortTarget,
    Txn,
)
from raftwerk.service.errors import ServiceError
from raftwerk.service.kv import KvService
from raftwerk.service.watch import WatchService
from raftwerk.service.watch_messages import CreateWatch

__all__ = ["Place", "Queue", "RecipeError", "key_of", "prefix_of"]


class RecipeError(ServiceError):
    """A lock or an election refused something, in etcd's words for it."""


class Place(msgspec.Struct, frozen=True):
    """A place in line.

    Parameters
    ----------
    key : bytes
        The key that holds it.
    created : int
        Its create revision: who has a lower one comes before. As a fencing number it
        only grows from one owner to the next.
    revision : int
        The store's when the place was taken, or found to be.
    value : bytes
        The value that the key has.
    is_first : bool
        Whether nobody stood before it.
    """

    key: bytes
    created: int
    revision: int
    value: bytes
    is_first: bool


def prefix_of(name: bytes) -> bytes:
    """Return how the keys of a name begin.

    Parameters
    ----------
    name : bytes
        May be empty.

    Returns
    -------
    bytes
        It ends with a slash.
    """
    return name + b"/"


def key_of(name: bytes, lease_id: int) -> bytes:
    """Return the key with which a lease stands in a line.

    Parameters
    ----------
    name : bytes
        The line's.
    lease_id : int
        May be negative.

    Returns
    -------
    bytes
        With the lease in lower-case hexadecimal.

    Examples
    --------
    >>> key_of(b"lock", 7402)
    b'lock/1cea'
    """
    return prefix_of(name) + b"%x" % lease_id


class Queue:
    """All lines of one store.

    Parameters
    ----------
    kv : KvService
        The key-value calls.
    watches : WatchService
        To be woken.
    """

    def __init__(self, kv: KvService, watches: WatchService) -> None:
        self._kv = kv
        self._watches = watches

    async def join(self, name: bytes, lease_id: int, value: bytes = b"") -> Place:
        """Take the last place, or find the one that the lease has already.

        Parameters
        ----------
        name : bytes
            Of the line.
        lease_id : int
            The place ends with this lease.
        value : bytes
            Of the key, if it is new.

        Returns
        -------
        Place
            New, or as it is.

        Raises
        ------
        RequestError
            As `KvService.txn`.
        """
        key = key_of(name, lease_id)
        is_absent = Compare(key, target=CompareTarget.CREATE)
        put, get, first = Put(key, value, lease_id), Range(key), _first_of(name)
        result = await self._kv.txn(Txn((is_absent,), (put, get, first), (get, first)))
        ours, firsts = result.responses[-2:]
        if not (isinstance(ours, RangeResult) and isinstance(firsts, RangeResult)):
            raise InvariantViolation(f"a range is answered by {ours!r}, {firsts!r}")
        kv = ours.kvs[0]
        is_first = firsts.kvs[0].key == key
        return Place(key, kv.create_revision, result.revision, kv.value, is_first)

    async def leave(self, place: Place) -> None:
        """Give a place up, if it is still this one.

        Parameters
        ----------
        place : Place
            Which.

        Raises
        ------
        RequestError
            As `KvService.txn`.
        """
        is_ours = Compare(place.key, target=CompareTarget.CREATE, number=place.created)
        await self._kv.txn(Txn((is_ours,), (DeleteRange(place.key),)))

    async def until_first(self, name: bytes, place: Place) -> int | None:
        """Wait until nobody stands before a place.

        Parameters
        ----------
        name : bytes
            Of the line.
        place : Place
            Which.

        Returns
        -------
        int or None
            The store's revision when it was the first; None if the place was lost.

        Raises
        ------
        RequestError
            As `KvService.range`.
        """
        if place.is_first:
            return place.revision
        prefix = prefix_of(name)
        # The last of those before us.
        before = Range(
            prefix,
            prefix[:-1] + b"0",
            limit=1,
            sort_order=SortOrder.DESCEND,
            sort_target=SortTarget.CREATE,
            max_create_revision=place.created - 1,
        )
        while True:
            found = await self._kv.range(before)
            ours = await self._kv.range(Range(place.key))
            if not ours.kvs or ours.kvs[0].create_revision != place.created:
                return None
            if not found.kvs:
                return ours.revision
            # Ours is watched, too: it may end with its lease while we wait.
            await self._until_deleted((found.kvs[0].key, place.key), found.revision + 1)

    async def first(self, name: bytes) -> tuple[int, KeyValue | None]:
        """Return who is the first of a line.

        Parameters
        ----------
        name : bytes
            Of the line.

        Returns
        -------
        tuple of int and KeyValue or None
            The store's revision, and the key; None if nobody stands there.

        Raises
        ------
        RequestError
            As `KvService.range`.
        """
        found = await self._kv.range(_first_of(name))
        return found.revision, found.kvs[0] if found.kvs else None

    async def _until_deleted(self, keys: Sequence[bytes], start: int) -> None:
        """Return when one of some keys was deleted, or the past is forgotten."""
        stream = self._watches.open()
        try:
            for key in keys:
                await stream.create(
                    CreateWatch(key=key, start_revision=start, wants_puts=False)
                )
            async for answer in stream:
                if answer.events or answer.canceled:
                    return
        finally:
            stream.close()


def _first_of(name: bytes) -> Range:
    """Return what reads who is the first of a line."""
    prefix = prefix_of(name)
    return Range(
        prefix,
        prefix[:-1] + b"0",
        limit=1,
        sort_order=SortOrder.ASCEND,
        sort_target=SortTarget.CREATE,
    )
