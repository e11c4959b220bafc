"""A steady load: its rate, and what it does while nobody answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from raftwerk.cli.demo_load import RATE_MAX, Load
from raftwerk.config import Url

pytestmark = pytest.mark.e2e

WAIT_SECONDS = 20.0


class Stage:
    """A node that counts requests, and a load on it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.urls: Sequence[Url] = ()
        self.shown: list[object] = []
        self.load = Load(
            lambda: self.urls, lambda said: self.shown.append(said["rate"])
        )

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests as a node does."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                await reader.readexactly(length)
                self.paths.append(head.split(b" ", 2)[1].decode())
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.paths) < count:
                await asyncio.sleep(0.01)


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    """Run a story beside a load."""

    async def told() -> None:
        stage = Stage()
        server = await asyncio.start_server(stage.answer, "127.0.0.1", 0)
        stage.urls = [Url("127.0.0.1", server.sockets[0].getsockname()[1])]
        running = asyncio.create_task(stage.load.run())
        try:
            await story(stage)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            server.close()

    asyncio.run(told())


def test_three_writes_come_to_one_read() -> None:
    async def story(stage: Stage) -> None:
        stage.load.set_rate(1000)
        await stage.until(100)
        writes = stage.paths[:100].count("/v3/kv/put")
        assert 70 <= writes <= 80
        assert stage.paths[:100].count("/v3/kv/range") == 100 - writes

    play(story)


def test_the_rate_has_a_bound_and_is_shown() -> None:
    async def story(stage: Stage) -> None:
        for rate in (10**6, 50, -3):
            stage.load.set_rate(rate)
        assert stage.shown == [RATE_MAX, 50, 0]

    play(story)


def test_it_goes_on_when_nodes_are_back() -> None:
    async def story(stage: Stage) -> None:
        there, stage.urls = stage.urls, ()
        stage.load.set_rate(500)
        await asyncio.sleep(0)
        assert not stage.paths
        stage.urls = there
        await stage.until(10)

    play(story)
