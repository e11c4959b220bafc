"""A hub of two nodes on virtual time: the test says what they say."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from raftwerk.config import Url
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.monitor.hub import Hub
from raftwerk.monitor.pages import Page
from raftwerk.monitor.report import FetchError

ONE, TWO = Url("node-1", 2379), Url("node-2", 2379)


class FakeNode:
    """A node's stream: the test says what comes, and whether anything does."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.opened = 0
        self.open_now = 0
        self.is_away = False
        self._streams: list[asyncio.Queue[bytes | None]] = []

    def say(self, **record: Any) -> None:
        line = json.dumps({"t": 1.0, "node": self.node_id, **record}).encode()
        for stream in self._streams:
            stream.put_nowait(line)

    def end(self) -> None:
        self.is_away = True
        for stream in self._streams:
            stream.put_nowait(None)

    async def records(self) -> AsyncIterator[bytes]:
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.append(stream)
        self.opened += 1
        self.open_now += 1
        self.say(type="header", format="raftwerk-events", version=1)
        try:
            while (line := await stream.get()) is not None:
                yield line
        finally:
            self._streams.remove(stream)
            self.open_now -= 1


class Stage:
    """A hub of two nodes."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.nodes = {ONE: FakeNode("1"), TWO: FakeNode("2")}
        self.host = virtual_host(loop, SplitMix64(1))
        self.hub = Hub((ONE, TWO), self.open, self.host)

    @asynccontextmanager
    async def open(self, url: Url) -> AsyncIterator[AsyncIterator[bytes]]:
        node = self.nodes.get(url)
        if node is None or node.is_away:
            raise FetchError("connection refused")
        records = node.records()
        try:
            yield records
        finally:
            await records.aclose()  # type: ignore[attr-defined]  # a generator

    def page(self) -> Page:
        page = self.hub.open_page()
        assert page is not None
        return page


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    """Run a story on virtual time."""

    async def told() -> None:
        stage = Stage()
        await story(stage)
        await stage.hub.stop()
        assert all(node.open_now == 0 for node in stage.nodes.values())

    run(told())


async def shown(page: Page) -> list[dict[str, Any]]:
    """Return all records that a page was given, once it is closed."""
    page.close()
    text = b"".join([piece async for piece in page.stream()])
    return [
        record
        for line in text.split(b"\n")
        if line.startswith(b"data: ")
        for record in json.loads(line.removeprefix(b"data: "))
    ]


def kinds(records: list[dict[str, Any]]) -> list[str]:
    return [record["type"] for record in records]
