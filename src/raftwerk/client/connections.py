"""HTTP over sockets: a few connections to each server, kept for the next request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httptools

from raftwerk.client.http import Answer, Lost, NotSent, Request, StreamRefused
from raftwerk.config import Url
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers

__all__ = ["Connections"]

IDLE_MAX: Final = 8
"""Connections to one server that are kept for later."""

READ_BYTES: Final = 64 * 1024


class _Reading:
    """What came of an answer so far; called by its parser."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.pieces: list[bytes] = []
        self.has_headers = False
        self.is_whole = False
        self.may_be_followed = False

    def on_headers_complete(self) -> None:
        """Know that the status is there."""
        self.has_headers = True
        # The parser forgets this with the end of the message.
        self.may_be_followed = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        """Know that all is there."""
        self.is_whole = True


class _Connection:
    """One connection; one request at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._reading = _Reading()
        self.is_kept = False
        """Whether another request may follow."""

    @property
    def has_ended(self) -> bool:
        """Whether the server has closed it, as far as is known here."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def send(self, url: Url, request: Request) -> None:
        """Send a request."""
        self.is_kept = False
        self._reading = _Reading()
        head = [
            f"{request.method} {request.path} HTTP/1.1",
            f"Host: {url.host_port}",
            f"Content-Length: {len(request.body)}",
            *(f"{name}: {value}" for name, value in request.headers.items()),
        ]
        self._writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + request.body)
        try:
            await self._writer.drain()
        except OSError as error:
            raise Lost(_words(error)) from error

    async def read_some(self) -> list[bytes]:
        """Return the next pieces of the answer's body; none when it is whole."""
        reading = self._reading
        while not (reading.is_whole or reading.pieces):
            await self._feed()
        pieces, reading.pieces = reading.pieces, []
        return pieces

    async def read_status(self) -> int:
        """Return the answer's status."""
        while not self._reading.has_headers:
            await self._feed()
        status: int = self._reading.parser.get_status_code()
        return status

    async def read_all(self) -> Answer:
        """Return a whole answer."""
        status = await self.read_status()
        body = bytearray()
        while pieces := await self.read_some():
            body += b"".join(pieces)
        self.is_kept = self._reading.may_be_followed
        return Answer(status, bytes(body))

    async def _feed(self) -> None:
        """Read what is there."""
        try:
            data = await self._reader.read(READ_BYTES)
            if not data:
                raise Lost("the server closed the connection without an answer")
            self._reading.parser.feed_data(data)
        except OSError as error:
            raise Lost(_words(error)) from error
        except httptools.HttpParserError as error:
            raise Lost(f"what came is no HTTP: {error}") from error

    def close(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()


class Connections:
    """Asks servers over TCP; an `Http`.

    Parameters
    ----------
    timers : Timers
        Bound how long a connection may take to be made.
    dial_seconds : float
        How long that is.
    """

    def __init__(self, timers: Timers, dial_seconds: float = 2.0) -> None:
        self._timers = timers
        self._dial_seconds = dial_seconds
        self._idle: dict[Url, list[_Connection]] = {}

    async def ask(self, url: Url, request: Request) -> Answer:
        """Do as `Http.ask` says."""
        connection = await self._take(url)
        try:
            await connection.send(url, request)
            answer = await connection.read_all()
        except BaseException:
            connection.close()
            raise
        self._keep(url, connection)
        return answer

    async def stream(self, url: Url, request: Request) -> AsyncIterator[bytes]:
        """Do as `Http.stream` says."""
        connection = await self._take(url)
        try:
            await connection.send(url, request)
            if await connection.read_status() != 200:
                raise StreamRefused(await connection.read_all())
            rest = b""
            while pieces := await connection.read_some():
                *lines, rest = (rest + b"".join(pieces)).split(b"\n")
                for line in lines:
                    yield line
            if rest:
                yield rest
        finally:
            connection.close()

    async def close(self) -> None:
        """Do as `Http.close` says."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    async def _take(self, url: Url) -> _Connection:
        """Return a connection that was good when it was looked at last."""
        idle = self._idle.get(url, [])
        while idle:
            connection = idle.pop()
            if not connection.has_ended:
                return connection
            connection.close()
        dialling = asyncio.open_connection(url.host, url.port)
        try:
            return _Connection(
                *await within(self._timers, self._dial_seconds, dialling)
            )
        except TimeoutError:
            raise NotSent(f"no connection within {self._dial_seconds:g} s") from None
        except OSError as error:
            raise NotSent(_words(error)) from error

    def _keep(self, url: Url, connection: _Connection) -> None:
        """Keep a connection for the next request, if there may be one."""
        idle = self._idle.setdefault(url, [])
        if connection.is_kept and len(idle) < IDLE_MAX:
            idle.append(connection)
        else:
            connection.close()


def _words(error: OSError) -> str:
    """Return the reason for a failure, short."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error) or type(error).__name__).lower()
