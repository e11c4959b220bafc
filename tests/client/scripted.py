"""Servers whose answers are written down, on virtual time."""

import asyncio
from collections.abc import AsyncIterator

from raftwerk.client import Client
from raftwerk.client.http import Answer, Lost, NotSent, Request
from raftwerk.config import Url
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, virtual_host

__all__ = ["HANGS", "OK", "Said", "ScriptedHttp", "client_of", "error", "here"]

OK = Answer(200, b'{"header":{"revision":"7"}}')

HANGS = "hangs"
"""It takes the request and never answers."""

Said = Answer | NotSent | Lost | str


def error(status: int, code: int, words: str) -> Answer:
    """Return an error as etcd's gateway says it."""
    body = f'{{"error":"{words}","code":{code},"message":"{words}"}}'
    return Answer(status, body.encode())


def here() -> tuple[VirtualLoop, Host]:
    """Return the loop that runs, and its host."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop, virtual_host(loop, SplitMix64(1))


class ScriptedHttp:
    """Says what is written down for each server, the last thing again and again."""

    def __init__(self, *, takes_seconds: float = 0.0, **said: list[Said]) -> None:
        self.said = said
        self.takes_seconds = takes_seconds
        self.asked: list[str] = []
        self.requests: list[Request] = []

    async def ask(self, url: Url, request: Request) -> Answer:
        self.asked.append(url.host)
        self.requests.append(request)
        script = self.said[url.host]
        said = script.pop(0) if len(script) > 1 else script[0]
        if self.takes_seconds:
            await here()[1].timers.sleep(self.takes_seconds)
        if said == HANGS:
            await here()[1].timers.sleep(3600)
        if isinstance(said, Answer):
            return said
        assert isinstance(said, Exception)
        raise said

    async def stream(self, url: Url, request: Request) -> AsyncIterator[bytes]:
        answer = await self.ask(url, request)
        for line in answer.body.split(b"\n"):
            yield line

    async def close(self) -> None:
        """Have nothing to close."""


def client_of(
    http: ScriptedHttp, timeout_seconds: float = 10.0, idempotent: bool = False
) -> Client:
    """Return a client of all these servers."""
    endpoints = [f"http://{host}:1" for host in http.said]
    host = here()[1]
    return Client(
        *endpoints,
        timeout_seconds=timeout_seconds,
        idempotent=idempotent,
        host=host,
        http=http,
    )
