"""Servers that are whole members in this process, on virtual time."""

import asyncio
from collections.abc import AsyncIterator

from raftwerk.client.http import Answer, Lost, NotSent, Request, StreamRefused
from raftwerk.config import Url
from tests.api.whole_member import WholeMember

__all__ = ["AsgiHttp"]

LINE_SECONDS = 3600.0


class AsgiHttp:
    """Asks members without a socket.

    Parameters
    ----------
    **members : WholeMember
        By the host under which they are asked.
    """

    def __init__(self, **members: WholeMember) -> None:
        self._members = members
        self.is_cut = False
        """Whether nobody is reached."""
        self.loses = 0
        """So many answers are lost on their way back."""
        self.asked: list[tuple[str, str, str]] = []

    async def ask(self, url: Url, request: Request) -> Answer:
        if self.is_cut:
            raise NotSent("cut")
        exchange = self._members[url.host].open(
            request.method, request.path, request.body, dict(request.headers)
        )
        try:
            body = await exchange.whole(LINE_SECONDS)
        except asyncio.CancelledError:
            await exchange.close()
            raise
        self.asked.append((url.host, request.method, request.path))
        if self.is_cut or self.loses > 0:
            self.loses -= 1
            raise Lost("cut")
        assert exchange.status is not None
        return Answer(exchange.status, body)

    async def stream(self, url: Url, request: Request) -> AsyncIterator[bytes]:
        if self.is_cut:
            raise NotSent("cut")
        exchange = self._members[url.host].open(
            request.method, request.path, request.body
        )
        try:
            is_first = True
            while (line := await exchange.next_line(LINE_SECONDS)) is not None:
                if is_first and exchange.status != 200:
                    raise StreamRefused(Answer(exchange.status or 0, line))
                is_first = False
                yield line
        finally:
            await exchange.close()

    async def close(self) -> None:
        """Have nothing to close."""
