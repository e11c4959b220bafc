"""A request to an ASGI application whose answer is read while it comes."""

import asyncio
from collections import deque
from collections.abc import MutableMapping
from typing import Any

from raftwerk.api.asgi import ASGIApp
from tests.api.asgi import scope_of

__all__ = ["Exchange"]


class Exchange:
    """One request, and what came back so far.

    Attributes
    ----------
    status : int or None
        HTTP's; None before the head of the answer.
    headers : dict
        Of the answer.
    body : bytes
        All that came.
    has_ended : bool
        Whether nothing more comes.
    answering : Task or None
        The application at work.
    """

    def __init__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self._scope = scope_of(method, path, headers)
        self._pieces = deque([body or b""])
        self._is_gone = asyncio.Event()
        self._came = asyncio.Event()
        self._lines_read = 0
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.has_ended = False
        self.answering: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp) -> None:
        """Have it answered."""
        await app(self._scope, self._receive, self._send)

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._pieces:
            body = self._pieces.popleft()
            return {"type": "http.request", "body": body, "more_body": False}
        await self._is_gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            self.body += message.get("body", b"")
            self.has_ended = not message.get("more_body", False)
        self._came.set()

    async def next_line(self, seconds: float) -> bytes | None:
        """Return the next line, or None if the answer ends or nothing comes in time."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    lines = self.body.splitlines()
                    is_whole = self.has_ended or self.body.endswith(b"\n")
                    if self._lines_read < len(lines) - (not is_whole):
                        self._lines_read += 1
                        return lines[self._lines_read - 1]
                    if self.has_ended:
                        return None
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return None

    async def whole(self, seconds: float) -> bytes:
        """Return the body when all of it is there."""
        async with asyncio.timeout(seconds):
            while not self.has_ended:
                self._came.clear()
                await self._came.wait()
        return self.body

    async def close(self) -> None:
        """Go away, and wait until the application has noticed."""
        self._is_gone.set()
        if self.answering is not None:
            await asyncio.wait([self.answering])
