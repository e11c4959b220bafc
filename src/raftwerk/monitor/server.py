"""The page on a port, in a process that has other things to do as well."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from raftwerk.errors import ConfigError

__all__ = ["PageServer"]


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the process that it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class PageServer:
    """Serves an application on one address until it is stopped.

    Parameters
    ----------
    app : ASGIApp
        What to serve.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Serve nothing yet."""
        config = uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _QuietServer(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Bind an address and answer there.

        Parameters
        ----------
        host : str
            A name or an address of this machine.
        port : int
            The port; 0 for one that the system chooses.

        Returns
        -------
        int
            The port that was bound.

        Raises
        ------
        ConfigError
            If the address is taken or can't be bound, naming it.
        """
        try:
            # Resolved here and not by the loop: it happens once, before we serve.
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
        except OSError as error:
            raise ConfigError(_refusal(host, port, error)) from error
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError as error:
            listener.close()
            raise ConfigError(_refusal(host, port, error)) from error
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Answer what was asked, and close."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving


def _refusal(host: str, port: int, error: OSError) -> str:
    """Say in one line why the page can't be served."""
    return f"the page can't be served on {host} port {port}: {error.strerror}"
