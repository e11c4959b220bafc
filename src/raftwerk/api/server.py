"""The client port on an address: bound before anything is promised, stopped in time."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import uvicorn

from raftwerk.api.asgi import ASGIApp
from raftwerk.api.hot import HotCalls, HotProtocol
from raftwerk.api.limits import CONNECTIONS_MAX, IDLE_SECONDS, Crowd, SlowClients
from raftwerk.config import Url
from raftwerk.errors import ConfigError

__all__ = ["ApiServer"]

BACKLOG: Final = 1024
"""Connections that may wait to be taken in."""

LOOK_SECONDS: Final = 0.01
"""From one look at the open connections to the next, at the end."""

SLOW_LOOK_SECONDS: Final = 1.0
"""From one look for slow clients to the next."""

DEAD_AFTER_SECONDS: Final = 30
"""Silence after which a client's machine is asked whether it is there, as in etcd."""

DEAD_LOOK_SECONDS: Final = 10
"""From one question to the next."""

DEAD_LOOKS: Final = 3
"""Questions without an answer that end a connection."""


def _nobody_knows(_port: int) -> str | None:
    """Know of nobody who has a port."""
    return None


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to its process, and says when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        await super().startup(sockets)
        self.accepting.set()


class ApiServer:
    """Serves an application on some addresses until it is stopped.

    Parameters
    ----------
    app : ASGIApp
        What to serve.
    urls : sequence of Url
        Where; port 0 means one that the system chooses.
    stop_seconds : int
        How long requests in flight may take to end when it is stopped.
    holder_of : callable, optional
        Returns who has a port of this machine, in words, or None.
    is_for_peers : bool
        Whether members rather than clients are served; for complaints alone.
    connections_max : int
        How many there may be at a time; more are told to come back.

    Attributes
    ----------
    hot : HotCalls
        What goes a shorter way than through the application; nothing at first, and
        nothing from `drain` on.
    """

    def __init__(
        self,
        app: ASGIApp,
        urls: Sequence[Url],
        *,
        stop_seconds: int = 10,
        holder_of: Callable[[int], str | None] = _nobody_knows,
        is_for_peers: bool = False,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self._urls = urls
        self._holder_of = holder_of
        self.hot = HotCalls()
        self._crowd = Crowd(connections_max)
        self._is_for_peers = is_for_peers
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                access_log=False,
                backlog=BACKLOG,
                date_header=False,
                http=partial(  # type: ignore[arg-type]  # makes one
                    HotProtocol, hot=self.hot, crowd=self._crowd
                ),
                lifespan="off",
                log_config=None,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=stop_seconds,
                timeout_keep_alive=IDLE_SECONDS,
                ws="none",
            )
        )
        self._slow = SlowClients(self._server.server_state)
        self._looking: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> tuple[Url, ...]:
        """Bind all addresses, and answer there.

        Returns
        -------
        tuple of Url
            Where it answers, with the ports that were bound.

        Raises
        ------
        ConfigError
            If an address can't be bound; the message names it, and who has it where
            that is known.
        """
        sockets: list[socket.socket] = []
        try:
            for url in self._urls:
                sockets.append(self._bind(url))
        except ConfigError:
            for bound in sockets:
                bound.close()
            raise
        self._serving = asyncio.ensure_future(self._server.serve(sockets))
        accepting = asyncio.ensure_future(self._server.accepting.wait())
        await asyncio.wait(
            (self._serving, accepting), return_when=asyncio.FIRST_COMPLETED
        )
        accepting.cancel()
        if self._serving.done():
            self._serving.result()
        self._looking = asyncio.ensure_future(self._look())
        return tuple(
            Url(url.host, bound.getsockname()[1])
            for url, bound in zip(self._urls, sockets, strict=True)
        )

    async def drain(self, seconds: float) -> None:
        """Take no more connections, and let those that are open be closed by clients.

        Parameters
        ----------
        seconds : float
            How long that may take.
        """
        self.hot.by_path = {}
        for server in self._server.servers:
            server.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._server.server_state.connections and loop.time() < deadline:
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Take no more connections, let requests in flight end, and close all."""
        if self._looking is not None:
            self._looking.cancel()
        serving, self._serving = self._serving, None
        if serving is not None:
            self._server.should_exit = True
            await serving

    async def _look(self) -> None:
        """Look for slow clients for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SLOW_LOOK_SECONDS)
            self._slow.look(loop.time())
            self._crowd.look()

    def _bind(self, url: Url) -> socket.socket:
        """Return a socket that is bound to an address."""
        try:
            # Resolved here and not by the loop: it happens once, before we serve.
            found = socket.getaddrinfo(
                url.host, url.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except OSError as error:
            raise ConfigError(
                f"{self._failure(url)}: that host is not known here"
                f" ({error.strerror})"
            ) from error
        # Where a name has addresses of both kinds, IPv4 is what most clients try.
        family, kind, protocol, _, address = min(
            found, key=lambda each: each[0] != socket.AF_INET
        )
        bound = socket.socket(family, kind, protocol)
        try:
            # A port with mere remains of connections is free.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _notice_the_dead(bound)
            bound.bind(address)
            # At once, for until then another process could bind it as well.
            bound.listen(BACKLOG)
        except OSError as error:
            bound.close()
            raise ConfigError(self._explain(url, error)) from error
        return bound

    def _failure(self, url: Url) -> str:
        """Say what can't be done."""
        if self._is_for_peers:
            return f"cannot listen on {url.host_port} for peers"
        return f"clients can't be served at {url}"

    def _explain(self, url: Url, error: OSError) -> str:
        """Say in one line why an address can't be bound."""
        if error.errno != errno.EADDRINUSE:
            return f"{self._failure(url)}: {error.strerror}"
        holder = self._holder_of(url.port) or "another process"
        return f"{self._failure(url)}: port {url.port} is taken by {holder}"


def _notice_the_dead(bound: socket.socket) -> None:
    """Have connections taken in there end when the client's machine is gone.

    Nothing is sent to a client that watches what does not change, so nothing else would
    tell us. Connections inherit it from the socket that listens.
    """
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", DEAD_AFTER_SECONDS),
        ("TCP_KEEPINTVL", DEAD_LOOK_SECONDS),
        ("TCP_KEEPCNT", DEAD_LOOKS),
    ):
        if hasattr(socket, name):  # not on every system
            bound.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
