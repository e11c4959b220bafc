"""Elections among clients: one leader a name at a time, with a word for all to hear.

Not to be taken for the group's own: a candidate is a lease, the leader is the oldest
key of the name, and its value is what it proclaims. Source: etcd's ``v3election``.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from raftwerk.errors import RequestError
from raftwerk.kv import (
    Compare,
    CompareTarget,
    DeleteRange,
    KeyValue,
    Operation,
    Put,
    Txn,
)
from raftwerk.service.kv import KvService
from raftwerk.service.lease import LeaseService
from raftwerk.service.lock import LEASE_SECONDS, leave_quietly
from raftwerk.service.queue import Place, Queue, RecipeError, prefix_of
from raftwerk.service.watch import WatchService
from raftwerk.service.watch_messages import CreateWatch

__all__ = ["Elected", "ElectionService", "LeaderKey", "Proclaimed"]


class LeaderKey(msgspec.Struct, frozen=True, gc=False):
    """What shows who leads.

    Parameters
    ----------
    name : bytes
        The election's.
    key : bytes
        What holds it.
    rev : int
        The create revision of that key.
    lease : int
        The leader.
    """

    name: bytes = b""
    key: bytes = b""
    rev: int = 0
    lease: int = 0


class Elected(msgspec.Struct, frozen=True, gc=False):
    """An election that was won.

    Parameters
    ----------
    revision : int
        The store's when it was stood for it.
    leader : LeaderKey
        To be given to `proclaim` and `resign`.
    """

    revision: int
    leader: LeaderKey


class Proclaimed(msgspec.Struct, frozen=True, gc=False):
    """Who leads, and what it says.

    Parameters
    ----------
    revision : int
        The store's.
    kv : KeyValue
        The leader's key.
    """

    revision: int
    kv: KeyValue


class ElectionService:
    """The calls about elections on one member; any member takes any of them.

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
        self._watches = watches
        self._queue = Queue(kv, watches)
        self._leaving: set[asyncio.Task[None]] = set()

    async def campaign(self, name: bytes, lease_id: int, value: bytes) -> Elected:
        """Stand for an election, and wait until it is won.

        If it is cancelled, the place in line is given up.

        Parameters
        ----------
        name : bytes
            Which election.
        lease_id : int
            Who stands; 0 for a new lease of a minute, that nobody keeps alive.
        value : bytes
            What to proclaim; it is heard once the election is won.

        Returns
        -------
        Elected
            At once, if the lease leads already.

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
        place = await self._queue.join(name, lease_id, value)
        leader = LeaderKey(name, place.key, place.created, lease_id)
        try:
            if place.value != value:
                await self.proclaim(leader, value)
            if await self._queue.until_first(name, place) is None:
                raise RecipeError("election: not leader")
        except (asyncio.CancelledError, RequestError):
            self._leave(place)
            raise
        return Elected(place.revision, leader)

    async def proclaim(self, leader: LeaderKey, value: bytes) -> int:
        """Say something else as the leader.

        Parameters
        ----------
        leader : LeaderKey
            From `campaign`; without a lease, the key gets one of a minute, as in etcd.
        value : bytes
            What to say.

        Returns
        -------
        int
            The revision at which it is said.

        Raises
        ------
        RecipeError
            If the key is not what it was any more.
        RequestError
            As `KvService.txn`.
        """
        lease_id = leader.lease or (await self._lease.grant(LEASE_SECONDS)).lease_id
        put = Put(leader.key, value, lease_id)
        result = await self._kv.txn(_if_still(leader, put))
        if not result.succeeded:
            raise RecipeError("election: not leader")
        return result.revision

    async def resign(self, leader: LeaderKey) -> int:
        """Lead no more; nothing happens if another one does already.

        Parameters
        ----------
        leader : LeaderKey
            From `campaign`.

        Returns
        -------
        int
            The store's revision.

        Raises
        ------
        RequestError
            As `KvService.txn`.
        """
        deletion = DeleteRange(leader.key)
        return (await self._kv.txn(_if_still(leader, deletion))).revision

    async def leader(self, name: bytes) -> Proclaimed:
        """Return who leads.

        Parameters
        ----------
        name : bytes
            Which election.

        Returns
        -------
        Proclaimed
            The leader's key and its value.

        Raises
        ------
        RecipeError
            If nobody does.
        RequestError
            As `KvService.range`.
        """
        revision, kv = await self._queue.first(name)
        if kv is None:
            raise RecipeError("election: no leader")
        return Proclaimed(revision, kv)

    async def observe(self, name: bytes) -> AsyncGenerator[Proclaimed, None]:
        """Hear what leaders say, beginning with who leads now, if anybody does.

        Parameters
        ----------
        name : bytes
            Which election.

        Yields
        ------
        Proclaimed
            What the leader says, and whatever it or the next one says from then on. Of
            leaders that lead but for a moment some may be passed over.

        Raises
        ------
        RequestError
            As `KvService.range`.
        """
        while True:
            revision, kv = await self._queue.first(name)
            if kv is None:
                await self._until_put(prefix_of(name), revision + 1)
                continue
            yield Proclaimed(revision, kv)
            async with aclosing(self._until_resigned(kv, revision + 1)) as later:
                async for said in later:
                    yield Proclaimed(said.mod_revision, said)

    async def _until_put(self, prefix: bytes, start: int) -> None:
        """Return when there may be a candidate."""
        stream = self._watches.open()
        try:
            watch = CreateWatch(
                key=prefix,
                range_end=prefix[:-1] + b"0",
                start_revision=start,
                wants_deletes=False,
            )
            await stream.create(watch)
            async for answer in stream:
                if answer.events or answer.canceled:
                    return
        finally:
            stream.close()

    async def _until_resigned(
        self, leader: KeyValue, start: int
    ) -> AsyncGenerator[KeyValue, None]:
        """Yield what a leader says, until it leads no more or the past is forgotten."""
        stream = self._watches.open()
        try:
            await stream.create(CreateWatch(key=leader.key, start_revision=start))
            async for answer in stream:
                for event in answer.events:
                    if not event.kv.version:
                        return
                    yield event.kv
                if answer.canceled:
                    return
        finally:
            stream.close()

    def _leave(self, place: Place) -> None:
        """Give a place up, beside whoever does not wait for it any more."""
        task = asyncio.ensure_future(leave_quietly(self._queue, place))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _if_still(leader: LeaderKey, operation: Operation) -> Txn:
    """Return what is done only as long as a key is the one that was elected."""
    is_same = Compare(leader.key, target=CompareTarget.CREATE, number=leader.rev)
    return Txn((is_same,), (operation,))
