"""A steady load on a demo: so many requests a second, on all nodes that run.

A client of its own, small and quick: what it takes of the machine, the nodes can't
have.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.config import Url

__all__ = ["Load"]

WORKERS: Final = 24
"""Requests that may be under way at a time."""

RATE_MAX: Final = 1000

REQUEST_SECONDS: Final = 8.0

DEBT_SECONDS: Final = 0.2
"""What is made up for after nothing could be sent; more would be a flood."""

KEYS: Final = 200

READ_EVERY: Final = 4
"""One request of so many is a read."""

AGAIN_SECONDS: Final = 0.2


class _Connection:
    """One connection that is kept open, to one node at a time."""

    def __init__(self) -> None:
        self._url: Url | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, url: Url, path: str, body: bytes) -> int:
        """Send a request, and return the status of its answer."""
        if url != self._url or self._writer is None or self._writer.is_closing():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(
                url.host, url.port
            )
            self._url = url
        reader, writer = self._reader, self._writer
        assert reader is not None  # nosec B101: for the type checker
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {url.host_port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in answer.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        await reader.readexactly(length)
        return int(answer.split(b" ", 2)[1])

    def close(self) -> None:
        """Let go."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = None


class Load:
    """Sends requests at the rate that was asked for last.

    Parameters
    ----------
    urls : callable
        Returns where running nodes answer clients.
    changed : callable
        Takes a record whenever there is something to show.
    """

    def __init__(
        self,
        urls: Callable[[], Sequence[Url]],
        changed: Callable[[dict[str, object]], object],
    ) -> None:
        self._urls = urls
        self._changed = changed
        self._rate = 0
        self._next = 0.0
        self._sent = 0
        self._failed = 0
        self._wanted = asyncio.Event()

    def set_rate(self, rate: int) -> None:
        """Send so many from now on.

        Parameters
        ----------
        rate : int
            Requests a second, from 0 to 1000.
        """
        self._rate = min(max(rate, 0), RATE_MAX)
        if self._rate:
            self._next = asyncio.get_running_loop().time()
            self._wanted.set()
        else:
            self._wanted.clear()
        self._changed({"type": "load", "rate": self._rate})

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(self._work(number))

    async def _work(self, number: int) -> None:
        """Send one request after the other."""
        loop = asyncio.get_running_loop()
        connection = _Connection()
        try:
            while True:
                await self._wanted.wait()
                due = self._next = max(
                    self._next + 1 / max(self._rate, 1), loop.time() - DEBT_SECONDS
                )
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                urls = self._urls()
                if not urls:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                await self._request(connection, urls[number % len(urls)])
        finally:
            connection.close()

    async def _request(self, connection: _Connection, url: Url) -> None:
        """Send one request; whether it went well, the page shows by itself."""
        self._sent += 1
        key = f"load/{self._sent % KEYS:03}"
        fields = {"key": _text(key)}
        path = "/v3/kv/range"
        if self._sent % READ_EVERY:
            fields["value"] = _text(f"value {self._sent}")
            path = "/v3/kv/put"
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await connection.post(url, path, json.dumps(fields).encode())
        except (OSError, EOFError, ValueError, TimeoutError):
            self._failed += 1
            connection.close()
            await asyncio.sleep(AGAIN_SECONDS)


def _text(value: str) -> str:
    """Return a text as etcd's JSON has keys and values."""
    return base64.b64encode(value.encode()).decode()
