"""What a connection may cost us before it has asked for anything.

The server bounds neither how large the head of a request may get nor how long it may
take to come. Bodies are bounded where they are read (`asgi.read_body`), for what they
may have differs; here is bounded only how long a call may wait for one.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from raftwerk.api.asgi import DRAINED_BYTES_MAX

__all__ = [
    "CONNECTIONS_MAX",
    "Crowd",
    "HEAD_BYTES_MAX",
    "IDLE_SECONDS",
    "LimitedProtocol",
    "SlowClients",
]

CONNECTIONS_MAX: Final = 16_384
"""Of clients at a time; more are told to come back."""

REFUSED_MAX: Final = 256
"""Connections that are being told so; beyond that they are cut off without a word."""

HEAD_BYTES_MAX: Final = 64 * 1024
"""Of one request: its line, and all of its headers."""

HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection or its first byte."""

BODY_SECONDS: Final = 60.0
"""How long a body may take that nobody has begun to answer; streams answer early."""

IDLE_SECONDS: Final = 75
"""How long an idle connection is kept; clients keep theirs for a minute, mostly."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 38\r\nconnection: close\r\n\r\n"
    b"the head of a request may have 64 KiB\n"
)


_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"content-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n"
    b"content-length: 37\r\nconnection: close\r\n\r\n"
    b"too many connections; try again soon\n"
)


class Crowd:
    """Connections beyond those that may be, while they are told so.

    Parameters
    ----------
    connections_max : int
        How many may be served at a time.
    """

    def __init__(self, connections_max: int = CONNECTIONS_MAX) -> None:
        self._connections_max = connections_max
        self._refused: set[asyncio.Transport] = set()
        self._refused_before: set[asyncio.Transport] = set()

    def has_room(self, connections: int) -> bool:
        """Tell whether a connection may be served.

        Parameters
        ----------
        connections : int
            How many there are, with this one.

        Returns
        -------
        bool
            False: it is to be refused.
        """
        return connections <= self._connections_max

    def refuse(self, transport: asyncio.Transport) -> None:
        """Tell a client to come back.

        Parameters
        ----------
        transport : asyncio.Transport
            Its connection.
        """
        if len(self._refused) + len(self._refused_before) >= REFUSED_MAX:
            transport.abort()
            return
        # Not closed before the client has: what it sent and we did not read would make
        # the system take our answer back.
        self._refused.add(transport)
        transport.write(_TOO_MANY)
        transport.write_eof()

    def look(self) -> None:
        """Close those who were told one look ago; to be called every second."""
        for transport in self._refused_before:
            transport.close()
        self._refused_before, self._refused = self._refused, set()


class LimitedProtocol(HttpToolsProtocol):
    """HTTP on one of few enough connections, with a bound for each request's head."""

    crowd = Crowd()
    _head_bytes = 0
    _is_refused = False
    _is_rest = False

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or say at once that there are too many.

        Parameters
        ----------
        transport : asyncio.Transport
            The connection.
        """
        super().connection_made(transport)
        if not self.crowd.has_room(len(self.connections)):
            self._is_refused = True
            self.connections.discard(self)
            self.crowd.refuse(transport)

    @property
    def has_begun_head(self) -> bool:
        """Whether a request has begun to come, and its head is not whole.

        Returns
        -------
        bool
            False between two requests, too.
        """
        return self._head_bytes > 0

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that gets too large ends the connection.

        Parameters
        ----------
        data : bytes
            What came.
        """
        if self._is_refused:
            return
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._head_bytes = 0  # the usual case: a whole request came
            return
        # A request that was refused within its body: the rest is thrown away, so that
        # the client, who may send all of it first, finds our answer.
        is_rest = cycle is not None and cycle.more_body
        has_rest_ended = self._is_rest and not is_rest
        self._is_rest = is_rest
        self._head_bytes = 0 if has_rest_ended else self._head_bytes + len(data)
        bytes_max = DRAINED_BYTES_MAX if is_rest else HEAD_BYTES_MAX
        if self._head_bytes > bytes_max and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()


class SlowClients:
    """Looks for connections that keep us waiting, and closes them.

    To be asked every second: a timer for each request would cost more than this finds.

    Parameters
    ----------
    state : ServerState
        The server's connections.
    head_seconds : float
        How long a head may take.
    body_seconds : float
        How long a body may take.
    idle_seconds : float
        How long a connection is kept between two requests.
    """

    def __init__(
        self,
        state: ServerState,
        *,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._state = state
        self._seconds = {
            "head": head_seconds,
            "body": body_seconds,
            "idle": idle_seconds,
        }
        self._waiting: dict[Any, tuple[str, object, float]] = {}
        """Since when which connection lets us wait for what."""

    def look(self, now: float) -> None:
        """Close those that let us wait for too long.

        Parameters
        ----------
        now : float
            Seconds, from any beginning.
        """
        waiting = {}
        connections: list[Any] = list(self._state.connections)
        for connection in connections:
            part = _awaited(connection)
            if part is None:
                continue
            cycle = connection.cycle
            before = self._waiting.get(connection)
            since = now
            if before is not None and before[0] == part and before[1] is cycle:
                since = before[2]
            if now - since >= self._seconds[part]:
                connection.transport.close()
            else:
                waiting[connection] = (part, cycle, since)
        self._waiting = waiting


def _awaited(connection: Any) -> str | None:
    """Return which part of a request a connection lets us wait for."""
    cycle = connection.cycle
    if cycle is None or connection.has_begun_head:
        return "head"
    if cycle.response_complete:
        # Between two requests; behind some, the server sets a timer of its own.
        return "idle" if connection.timeout_keep_alive_task is None else None
    if cycle.more_body and not cycle.response_started:
        return "body"
    return None
