"""Locks: one owner a name at a time, in the order in which they came.

The owner has the lock as long as its key is there: until it is unlocked, or its lease
ends. That a client *believes* to have it proves nothing, for its lease may have ended
while it slept; so whoever guards something by a lock has it check the create revision
of the key, which only grows from owner to owner. Source: etcd's ``v3lock``.
"""

import asyncio
from typing import Final

import msgspec

from raftwerk.errors import RequestError
from raftwerk.kv import DeleteRange
from raftwerk.service.kv import KvService
from raftwerk.service.lease import LeaseService
from raftwerk.service.queue import Place, Queue, RecipeError
from raftwerk.service.watch import WatchService

__all__ = ["LockService", "Locked"]

LEASE_SECONDS: Final = 60
"""The lease of whoever brings none; as etcd's."""


class Locked(msgspec.Struct, frozen=True, gc=False):
    """A lock that is owned.

    Parameters
    ----------
    revision : int
        The store's when it came to be.
    key : bytes
        What holds it; to be given to `LockService.unlock`.
    """

    revision: int
    key: bytes


class LockService:
    """The calls about locks on one member; any member takes any of them.

    Parameters
    ----------
    kv : KvService
        The key-value calls.
    lease : LeaseService
        The calls about leases.
    watches : WatchService
        To be woken.
    """

    def __init__(
        self, kv: KvService, lease: LeaseService, watches: WatchService
    ) -> None:
        self._kv = kv
        self._lease = lease
        self._queue = Queue(kv, watches)
        self._leaving: set[asyncio.Task[None]] = set()

    async def lock(self, name: bytes, lease_id: int = 0) -> Locked:
        """Wait until a lock is owned by a lease.

        If it is cancelled, the place in line is given up.

        Parameters
        ----------
        name : bytes
            Which lock.
        lease_id : int
            Whose; 0 for a new lease of a minute, that nobody keeps alive.

        Returns
        -------
        Locked
            At once, if the lease owns it already.

        Raises
        ------
        LeaseNotFound
            If there is no such lease.
        RecipeError
            If the lease ended during the wait.
        RequestError
            As `KvService.txn`.
        """
        if not lease_id:
            lease_id = (await self._lease.grant(LEASE_SECONDS)).lease_id
        place = await self._queue.join(name, lease_id)
        try:
            revision = await self._queue.until_first(name, place)
        except (asyncio.CancelledError, RequestError):
            self._leave(place)
            raise
        if revision is None:
            raise RecipeError("mutex: session is expired")
        return Locked(revision, place.key)

    async def unlock(self, key: bytes) -> int:
        """Let go of a lock; nothing happens if that was done before.

        Parameters
        ----------
        key : bytes
            From `lock`.

        Returns
        -------
        int
            The store's revision.

        Raises
        ------
        EmptyKey
            If there is none.
        RequestError
            As `KvService.delete_range`.
        """
        return (await self._kv.delete_range(DeleteRange(key))).revision

    def _leave(self, place: Place) -> None:
        """Give a place up, beside whoever does not wait for it any more."""
        task = asyncio.ensure_future(leave_quietly(self._queue, place))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def leave_quietly(queue: Queue, place: Place) -> None:
    """Give a place up; if that can't be done, it ends with its lease.

    Parameters
    ----------
    queue : Queue
        The lines.
    place : Place
        Which.
    """
    try:
        await queue.leave(place)
    except RequestError:
        pass
