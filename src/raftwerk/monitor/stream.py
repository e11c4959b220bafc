"""A node's stream of events over HTTP: ``GET /api/v1/events``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

import httpx

from raftwerk.config import Url
from raftwerk.monitor.report import FetchError

__all__ = ["HttpStream"]

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A record is far smaller; who sends more is no node."""

PREFIX: Final = b"data: "


class HttpStream:
    """Opens nodes' streams; closes them all at its end.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport or None
        What carries requests in place of sockets.
    prefix : str
        Where the nodes' documented API begins.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, prefix: str = "/api"
    ) -> None:
        self._path = f"{prefix}/v1/events"
        # A silent node is missed by who follows it; a stream has no end by itself.
        timeout = httpx.Timeout(2.0, read=None)
        self._client = httpx.AsyncClient(
            trust_env=False,
            transport=transport,
            timeout=timeout,
            limits=httpx.Limits(max_connections=None),
        )

    async def __aenter__(self) -> Self:
        """Be ready to open streams."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def __call__(self, url: Url) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a node's stream.

        Parameters
        ----------
        url : Url
            Where the node answers clients.

        Yields
        ------
        async iterator of bytes
            Its records, each a line.

        Raises
        ------
        FetchError
            If it does not answer, or not as a node does; also later, within the stream.
        """
        try:
            async with self._client.stream("GET", f"{url}{self._path}") as response:
                if response.status_code != httpx.codes.OK:
                    raise FetchError(f"HTTP status {response.status_code}")
                yield _records(response)
        except httpx.HTTPError as error:
            raise FetchError(str(error) or type(error).__name__) from error


async def _records(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the data of each event; a node's have one line each."""
    rest = b""
    async for chunk in response.aiter_raw():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            raise FetchError(f"a record of more than {LINE_BYTES_MAX} bytes")
        for line in lines:
            if line.startswith(PREFIX):
                yield line[len(PREFIX) :]
