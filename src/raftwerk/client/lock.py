"""Locks and elections as a client holds them: in line by keys that end with its lease.

The line is that of etcd's own libraries (keys ``NAME/LEASE``, the oldest is the first),
so theirs and ours wait for each other. All of it is done from here, by transactions and
watches: if a member dies the next one goes on.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.errors import LeaseLost, WatchCompacted
from raftwerk.client.kv import KeyCalls, prefix_end
from raftwerk.client.lease import KeptLease, LeaseCalls, ask_gateway
from raftwerk.client.values import Found, Header, KeyValue
from raftwerk.client.watch import WatchCalls
from raftwerk.host.protocol import Clock, Timers

__all__ = ["Held", "LockCalls"]


class _Response(msgspec.Struct, frozen=True):
    """One answer within a transaction's."""

    response_range: Found | None = None


class _Joined(msgspec.Struct, frozen=True):
    """The answer to the transaction that takes a place."""

    header: Header
    responses: tuple[_Response, ...] = ()


class LockCalls(KeyCalls, LeaseCalls, WatchCalls):
    """Locks and elections over any members.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    clock : Clock
        For leases.
    timers : Timers
        For waits.
    """

    def __init__(self, endpoints: Endpoints, clock: Clock, timers: Timers) -> None:
        KeyCalls.__init__(self, endpoints)
        LeaseCalls.__init__(self, endpoints, clock, timers)
        WatchCalls.__init__(self, endpoints, timers)

    def lock(
        self, name: str | bytes, *, value: str | bytes = b"", ttl_seconds: int = 10
    ) -> "Held":
        """Return a lock, to be had within a context.

        Parameters
        ----------
        name : str or bytes
            Which; a text stands for its UTF-8.
        value : str or bytes
            What its key says; of an election, what the leader proclaims.
        ttl_seconds : int
            How long it is ours if we are gone without a word.

        Returns
        -------
        Held
            To be entered, which waits until it is ours.

        Examples
        --------
        Inside a coroutine, with a client::

            async with client.lock("backup") as held:
                await backup(fencing_number=held.number)
        """
        return Held(self, self._endpoints, name, value, self.kept_lease(ttl_seconds))

    async def observe_election(
        self, name: str | bytes
    ) -> AsyncGenerator[KeyValue, None]:
        """Hear who leads and what it says, from now on.

        Parameters
        ----------
        name : str or bytes
            Which election.

        Yields
        ------
        KeyValue
            The leader's key, whenever it or its value is another one. Of leaders that
            lead but for a moment some may be passed over.

        Raises
        ------
        RequestError
            As `KeyCalls.get` and `WatchCalls.watch`.
        """
        prefix = _bytes(name) + b"/"
        known: KeyValue | None = None
        while True:
            found = await self.get(
                prefix,
                prefix_end(prefix),
                limit=1,
                sort_order="ASCEND",
                sort_target="CREATE",
            )
            first = found.kvs[0] if found.kvs else None
            if first is not None and first != known:
                yield first
            known = first
            # Any change in line may be one of the leader.
            start = found.header.revision + 1
            watch = self.watch(prefix, prefix_end(prefix), start_revision=start)
            try:
                async with aclosing(watch):
                    async for told in watch:
                        if told.events:
                            break
            except WatchCompacted:
                pass  # look anew

    async def pause(self, seconds: float) -> None:
        """Wait, by the client's host.

        Parameters
        ----------
        seconds : float
            How long.
        """
        await self._timers.sleep(seconds)


class Held:
    """A place in line; within its context it is the first.

    Parameters
    ----------
    calls : LockCalls
        Makes the calls.
    endpoints : Endpoints
        Where members answer.
    name : str or bytes
        Of the lock or the election.
    value : str or bytes
        What the key says.
    lease : KeptLease
        Keeps the place.

    Attributes
    ----------
    key : bytes
        What holds it.
    number : int
        The create revision of the key. It grows from one owner to the next: whatever
        the lock protects should refuse a number lower than one that it has seen.
    revision : int
        The store's when it became ours.
    value : bytes
        What the key says.
    lease : KeptLease
        What it lasts as long as.
    """

    def __init__(
        self,
        calls: LockCalls,
        endpoints: Endpoints,
        name: str | bytes,
        value: str | bytes,
        lease: KeptLease,
    ) -> None:
        self._calls = calls
        self._endpoints = endpoints
        self._prefix = _bytes(name) + b"/"
        self.value = _bytes(value)
        self.lease = lease
        self.key = b""
        self.number = 0
        self.revision = 0

    async def __aenter__(self) -> Self:
        await self.lease.__aenter__()
        try:
            await self._join()
            await self._until_first()
        except BaseException:
            await self.lease.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The key ends with the lease.
        await self.lease.__aexit__(kind, error, traceback)

    async def until_lost(self) -> None:
        """Return when it is ours no more, or may be another's for all that we know."""
        await self.lease.until_lost()

    async def _join(self) -> None:
        """Take the last place; asked twice, it is the same place."""
        self.key = self._prefix + b"%x" % self.lease.lease_id
        get = {"request_range": {"key": self.key}}
        put = {"key": self.key, "value": self.value, "lease": self.lease.lease_id}
        fields = {
            "compare": [{"key": self.key, "target": "CREATE", "create_revision": 0}],
            "success": [{"request_put": put}, get],
            "failure": [get],
        }
        joined = await ask_gateway(
            self._endpoints, "kv/txn", fields, _Joined, is_read=True
        )
        found = joined.responses[-1].response_range
        if found is None or not found.kvs:
            raise LeaseLost(f"{self.key!r} was not there when it had been put")
        self.number = found.kvs[0].create_revision
        self.revision = joined.header.revision

    async def _until_first(self) -> None:
        """Wait for the one right before us, until there is none."""
        while True:
            self.lease.require_held()
            ours = await self._calls.get(self.key)
            if not ours.kvs or ours.kvs[0].create_revision != self.number:
                raise LeaseLost(f"{self.key!r} is gone: its lease has ended")
            before = await self._last_before()
            if before is None:
                self.revision = ours.header.revision
                return
            await self._until_deleted(before, ours.header.revision + 1)

    async def _last_before(self) -> KeyValue | None:
        """Return who stands right before us."""
        fields = {
            "key": self._prefix,
            "range_end": prefix_end(self._prefix),
            "limit": 1,
            "sort_order": "DESCEND",
            "sort_target": "CREATE",
            "max_create_revision": self.number - 1,
        }
        found = await ask_gateway(
            self._endpoints, "kv/range", fields, Found, is_read=True
        )
        return found.kvs[0] if found.kvs else None

    async def _until_deleted(self, other: KeyValue, start: int) -> None:
        """Return when another key may be gone, or ours may be."""
        waiting = [
            asyncio.ensure_future(self._watch_deletion(other.key, start)),
            asyncio.ensure_future(self.lease.until_lost()),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting[0].done():
                waiting[0].result()  # raises what ended it
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _watch_deletion(self, key: bytes, start: int) -> None:
        """Return when a key was deleted."""
        # What was deleted before this revision would not have been found.
        watch = self._calls.watch(key, start_revision=start, filters=("NOPUT",))
        try:
            async with aclosing(watch):
                async for told in watch:
                    if told.events:
                        return
        except WatchCompacted:
            pass  # look anew

    async def proclaim(self, value: str | bytes) -> None:
        """Have the key say something else, as long as it is ours.

        Parameters
        ----------
        value : str or bytes
            What.

        Raises
        ------
        LeaseLost
            If it is ours no more.
        RequestError
            As `KeyCalls.put`.
        """
        self.lease.require_held()
        self.value = _bytes(value)
        put = {"key": self.key, "value": self.value, "lease": self.lease.lease_id}
        compare = {
            "key": self.key,
            "target": "CREATE",
            "create_revision": self.number,
        }
        get = {"request_range": {"key": self.key}}
        fields = {"compare": [compare], "success": [{"request_put": put}, get]}
        done = await ask_gateway(
            self._endpoints, "kv/txn", fields, _Joined, is_read=True
        )
        if not done.responses:
            raise LeaseLost(f"{self.key!r} is not ours any more")


def _bytes(text: str | bytes) -> bytes:
    """Return the bytes of a text."""
    return text.encode() if isinstance(text, str) else text
