"""A caller from outside: keys, leases, locks, members, over any that answer."""

from types import TracebackType
from typing import Self

from raftwerk.client.cluster import API_PREFIX, ClusterCalls
from raftwerk.client.connections import Connections
from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Http
from raftwerk.client.lock import LockCalls
from raftwerk.client.maintenance import MaintenanceCalls
from raftwerk.client.session import SessionCalls
from raftwerk.config import Url
from raftwerk.host.protocol import Host
from raftwerk.host.real import real_host

__all__ = ["Client"]


class Client(LockCalls, ClusterCalls, MaintenanceCalls, SessionCalls):
    """Calls a cluster through whichever of its members answers.

    Reads are asked again elsewhere when a member fails; writes only while it is certain
    that nothing was done, and end as `raftwerk.errors.OutcomeUnknown` otherwise; unless
    they are idempotent, or those of a session (`open_session`).

    Parameters
    ----------
    *endpoints : str
        Client URLs of some members, ``http://HOST:PORT``; without any, that of a node
        without flags on this machine.
    timeout_seconds : float
        How long a call may take in all.
    idempotent : bool
        Whether writes of keys are given an ``Idempotency-Key``, so that they may be
        asked again elsewhere as well. Each takes a place among those that the cluster
        remembers (docs/guide/exactly-once.md).
    api_prefix : str
        Where the members' documented API begins, if they were told so.
    host : Host, optional
        Time; without it, that of the machine.
    http : Http, optional
        Carries requests; without it, the network does.

    Raises
    ------
    ConfigError
        If an endpoint is no such URL.

    Examples
    --------
    Inside a coroutine, with a node on this machine::

        async with Client() as client:
            await client.put("greeting", "hello")
            found = await client.get("greeting")
            print(found.kvs[0].value)
    """

    def __init__(
        self,
        *endpoints: str,
        timeout_seconds: float = 10.0,
        idempotent: bool = False,
        api_prefix: str = API_PREFIX,
        host: Host | None = None,
        http: Http | None = None,
    ) -> None:
        host = real_host() if host is None else host
        texts = endpoints or ("http://127.0.0.1:2379",)
        self._http = Connections(host.timers) if http is None else http
        asked = Endpoints(
            [Url.parse("endpoints", text) for text in texts],
            self._http,
            clock=host.clock,
            timers=host.timers,
            timeout_seconds=timeout_seconds,
        )
        LockCalls.__init__(self, asked, host.clock, host.timers)
        ClusterCalls.__init__(self, asked, api_prefix)
        SessionCalls.__init__(self, asked, api_prefix)
        if idempotent:
            self._new_key = lambda: f"{host.draw.below(1 << 64):016x}"
        MaintenanceCalls.__init__(self, asked)

    @property
    def endpoints(self) -> Endpoints:
        """Where members answer, the one that is asked first as the first."""
        return self._endpoints

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()
