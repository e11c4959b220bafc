"""The calls about leases, and a lease that is kept alive as long as it is wanted."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.errors import LeaseLost
from raftwerk.client.http import Request
from raftwerk.client.values import Header
from raftwerk.errors import RequestError
from raftwerk.host.protocol import Clock, Timers

__all__ = [
    "Granted",
    "KeptAlive",
    "KeptLease",
    "LeaseCalls",
    "LeaseList",
    "TimeLeft",
    "ask_gateway",
]

BEATS_PER_TTL: Final = 3
"""How often a lease is kept alive within its time."""

Result = TypeVar("Result")

_NAMES: Final = {
    "lease_id": "ID",
    "ttl_seconds": "TTL",
    "granted_seconds": "grantedTTL",
}


class Granted(msgspec.Struct, frozen=True, rename=_NAMES):
    """A new lease.

    Parameters
    ----------
    header : Header
        With the store's revision.
    lease_id : int
        Its id.
    ttl_seconds : int
        How long it lasts after it was kept alive.
    """

    header: Header
    lease_id: int
    ttl_seconds: int


class KeptAlive(msgspec.Struct, frozen=True, rename=_NAMES):
    """A lease that was kept alive.

    Parameters
    ----------
    header : Header
        With the store's revision.
    lease_id : int
        Its id.
    ttl_seconds : int
        How long it lasts; 0 if there is no such lease.
    """

    header: Header
    lease_id: int = 0
    ttl_seconds: int = 0


class TimeLeft(msgspec.Struct, frozen=True, rename=_NAMES):
    """How long a lease lasts.

    Parameters
    ----------
    header : Header
        With the store's revision.
    lease_id : int
        Its id.
    ttl_seconds : int
        How long from now; -1 if there is no such lease.
    granted_seconds : int
        How long after it was kept alive.
    keys : tuple of bytes
        What is attached to it, if that was asked for.
    """

    header: Header
    lease_id: int = 0
    ttl_seconds: int = 0
    granted_seconds: int = 0
    keys: tuple[bytes, ...] = ()


class _Listed(msgspec.Struct, frozen=True, rename=_NAMES):
    """One of all leases."""

    lease_id: int


class LeaseList(msgspec.Struct, frozen=True):
    """All leases.

    Parameters
    ----------
    header : Header
        With the store's revision.
    leases : tuple
        Each has a `lease_id`; what ends first comes first.
    """

    header: Header
    leases: tuple[_Listed, ...] = ()


class _Revoked(msgspec.Struct, frozen=True):
    """The answer to a revocation."""

    header: Header


class _Line(msgspec.Struct, frozen=True):
    """One line of a stream of keep-alives."""

    result: KeptAlive


async def ask_gateway(
    endpoints: Endpoints,
    name: str,
    fields: dict[str, Any],
    kind: type[Result],
    *,
    is_read: bool,
) -> Result:
    """Do a call of etcd's gateway.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    name : str
        The call's, ``lease/grant`` say.
    fields : dict
        Of the request; what is zero or empty is left out.
    kind : type
        Of the answer.
    is_read : bool
        Whether it may be repeated whatever happened.

    Returns
    -------
    Result
        The answer.

    Raises
    ------
    Refused
        If the cluster refused it.
    NotProposed
        If nothing happened.
    OutcomeUnknown
        If it writes, and the answer is lost.
    """
    given = {field: value for field, value in fields.items() if value}
    request = Request(path=f"/v3/{name}", body=msgspec.json.encode(given))
    answer = await endpoints.ask(request, is_read=is_read)
    return msgspec.json.decode(answer.body, type=kind, strict=False)


class LeaseCalls:
    """Grants leases, keeps them alive and ends them through any member.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    clock : Clock
        For leases that are kept alive.
    timers : Timers
        The same.
    """

    def __init__(self, endpoints: Endpoints, clock: Clock, timers: Timers) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._timers = timers

    async def grant_lease(self, ttl_seconds: int, lease_id: int = 0) -> Granted:
        """Begin a lease.

        Parameters
        ----------
        ttl_seconds : int
            How long it lasts after it was kept alive; 2 at least.
        lease_id : int
            Its id; 0 for any.

        Returns
        -------
        Granted
            The lease.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be granted; then it ends by itself.
        """
        fields = {"TTL": ttl_seconds, "ID": lease_id}
        return await ask_gateway(
            self._endpoints, "lease/grant", fields, Granted, is_read=False
        )

    async def revoke_lease(self, lease_id: int) -> Header:
        """End a lease, and delete the keys that are attached to it.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        Header
            With the revision of the deletions.

        Raises
        ------
        Refused
            If there is no such lease.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not have ended.
        """
        fields = {"ID": lease_id}
        answer = await ask_gateway(
            self._endpoints, "lease/revoke", fields, _Revoked, is_read=False
        )
        return answer.header

    async def keep_lease_alive(self, lease_id: int) -> KeptAlive:
        """Let a lease last for all of its time again, once.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        KeptAlive
            With no time if there is no such lease.

        Raises
        ------
        NotProposed
            If nobody could be asked in time.
        """
        fields = {"ID": lease_id}
        line = await ask_gateway(
            self._endpoints, "lease/keepalive", fields, _Line, is_read=True
        )
        return line.result

    async def lease_time_to_live(
        self, lease_id: int, *, keys: bool = False
    ) -> TimeLeft:
        """Return how long a lease lasts.

        Parameters
        ----------
        lease_id : int
            Which.
        keys : bool
            Whether to return what is attached to it.

        Returns
        -------
        TimeLeft
            With -1 if there is no such lease.

        Raises
        ------
        NotProposed
            If nobody could be asked in time.
        """
        fields = {"ID": lease_id, "keys": keys}
        return await ask_gateway(
            self._endpoints, "lease/timetolive", fields, TimeLeft, is_read=True
        )

    async def leases(self) -> LeaseList:
        """Return all leases.

        Returns
        -------
        LeaseList
            What ends first comes first.

        Raises
        ------
        NotProposed
            If nobody could be asked in time.
        """
        return await ask_gateway(
            self._endpoints, "lease/leases", {}, LeaseList, is_read=True
        )

    def kept_lease(self, ttl_seconds: int = 10) -> "KeptLease":
        """Return a lease that lasts as long as its context, and not much longer.

        Parameters
        ----------
        ttl_seconds : int
            How long it lasts if we are gone without a word.

        Returns
        -------
        KeptLease
            To be entered.

        Examples
        --------
        Inside a coroutine, with a client::

            async with client.kept_lease(5) as lease:
                await client.put("alive", "yes", lease=lease.lease_id)
                await lease.until_lost()
        """
        return KeptLease(self, ttl_seconds, self._clock, self._timers)


class KeptLease:
    """A lease that is kept alive from the beginning of its context to its end.

    Parameters
    ----------
    calls : LeaseCalls
        Makes the calls.
    ttl_seconds : int
        How long it lasts if we are gone.
    clock : Clock
        Tells how long it is since it was kept alive.
    timers : Timers
        For waits.

    Attributes
    ----------
    lease_id : int
        Its id, within the context.
    ttl_seconds : int
        How long it lasts after it was kept alive.
    """

    def __init__(
        self, calls: LeaseCalls, ttl_seconds: int, clock: Clock, timers: Timers
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._timers = timers
        self._keeping: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self.lease_id = 0
        self.ttl_seconds = ttl_seconds

    @property
    def is_lost(self) -> bool:
        """Whether it has ended, or may have for all that we know."""
        return self._lost.is_set()

    async def until_lost(self) -> None:
        """Return when it has ended, or may have: what it stood for is over."""
        await self._lost.wait()

    async def __aenter__(self) -> Self:
        asked = self._clock.now()
        granted = await self._calls.grant_lease(self.ttl_seconds)
        self.lease_id, self.ttl_seconds = granted.lease_id, granted.ttl_seconds
        self._keeping = asyncio.ensure_future(self._keep_alive(asked))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if not self.is_lost:
            try:
                await self._calls.revoke_lease(self.lease_id)
            except RequestError:
                pass  # it ends by itself

    async def _keep_alive(self, asked: float) -> None:
        """Keep it alive in time; say so once that may have failed."""
        # Whatever we do meanwhile, who waits for its end must hear of it in time.
        end = self._timers.call_later(
            asked + self.ttl_seconds - self._clock.now(), self._lost.set
        )
        try:
            while not self.is_lost:
                await self._timers.sleep(self.ttl_seconds / BEATS_PER_TTL)
                begin = self._clock.now()
                try:
                    kept = await self._calls.keep_lease_alive(self.lease_id)
                except RequestError:
                    continue
                if not kept.ttl_seconds:
                    self._lost.set()
                end.cancel()
                left = begin + kept.ttl_seconds - self._clock.now()
                end = self._timers.call_later(left, self._lost.set)
        finally:
            end.cancel()

    def require_held(self) -> None:
        """Raise if it is lost.

        Raises
        ------
        LeaseLost
            If it has ended, or may have.
        """
        if self.is_lost:
            raise LeaseLost(f"lease {self.lease_id:x} has ended, or may have")
