"""Connections that cost more than they may: too large a head, too slow a client."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from raftwerk.api.asgi import Receive, Scope, Send, send_answer, text_answer
from raftwerk.api.limits import HEAD_BYTES_MAX, SlowClients
from raftwerk.api.server import ApiServer
from raftwerk.config import Url

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _hello(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when the body is there."""
    while (await receive()).get("more_body"):
        pass
    await send_answer(send, text_answer(200, "hello"))


def with_server(story: Callable[[Streams], Awaitable[None]]) -> None:
    """Run a story with a connection to a server."""

    async def whole() -> None:
        server = ApiServer(_hello, [Url("127.0.0.1", 0)], stop_seconds=1)
        (url,) = await server.start()
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            async with asyncio.timeout(20):
                await story((reader, writer))
        finally:
            writer.close()
            await server.stop()

    asyncio.run(whole())


@pytest.mark.e2e
@pytest.mark.parametrize("is_one_line", [True, False])
def test_a_head_that_never_ends_is_refused(is_one_line: bool) -> None:
    async def story(streams: Streams) -> None:
        reader, writer = streams
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        line = b"x" * 1000 + (b"" if is_one_line else b"\r\nx: ")
        for _ in range(HEAD_BYTES_MAX // 1000 + 2):
            writer.write(line)
        assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")

    with_server(story)


@pytest.mark.e2e
def test_a_large_head_within_the_bound_is_answered_again_and_again() -> None:
    async def story(streams: Streams) -> None:
        reader, writer = streams
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 30_000)
            await writer.drain()
            writer.write(b"\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"hello")

    with_server(story)


class Cycle:
    """A request as the server has it."""

    def __init__(self, *, more_body: bool, started: bool, complete: bool) -> None:
        self.more_body = more_body
        self.response_started = started
        self.response_complete = complete


class Connection:
    """A connection as the server has it, and whether it was closed."""

    def __init__(
        self, cycle: Cycle | None, *, is_timed: bool = False, has_begun: bool = False
    ) -> None:
        self.cycle = cycle
        self.timeout_keep_alive_task = object() if is_timed else None
        self.has_begun_head = has_begun
        self.transport = self
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class State:
    """All connections of a server."""

    def __init__(self, connection: Connection) -> None:
        self.connections = {connection}


ANSWERED = Cycle(more_body=False, started=True, complete=True)

SLOW = [
    # connection                                closed   why
    (Connection(None), 10, "nothing ever came"),
    (Connection(ANSWERED, has_begun=True), 10, "half a head"),
    (
        Connection(Cycle(more_body=True, started=False, complete=False)),
        60,
        "half a body",
    ),
    (Connection(ANSWERED), 75, "between two"),
    (Connection(ANSWERED, is_timed=True), None, "between two, with a timer"),
    (Connection(Cycle(more_body=True, started=True, complete=False)), None, "a stream"),
    (
        Connection(Cycle(more_body=False, started=False, complete=False)),
        None,
        "our turn",
    ),
]


@pytest.mark.parametrize(("connection", "seconds", "why"), SLOW)
def test_who_keeps_us_waiting_is_closed(
    connection: Connection, seconds: int | None, why: str
) -> None:
    state: Any = State(connection)
    slow = SlowClients(state)
    for now in range(200):
        if connection.is_closed:
            break
        slow.look(float(now))
    assert (now if connection.is_closed else None) == (
        None if seconds is None else seconds + 1
    ), why


def test_each_request_has_its_own_time() -> None:
    connection = Connection(None)
    state: Any = State(connection)
    slow = SlowClients(state)
    for now in range(0, 200, 9):
        slow.look(float(now))
        connection.cycle = Cycle(more_body=True, started=False, complete=False)
    assert not connection.is_closed


@pytest.mark.e2e
def test_one_connection_too_many_is_told_to_come_back_and_the_others_go_on() -> None:
    async def story() -> None:
        server = ApiServer(
            _hello, [Url("127.0.0.1", 0)], stop_seconds=1, connections_max=3
        )
        (url,) = await server.start()
        request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
        streams = []
        try:
            async with asyncio.timeout(20):
                for _ in range(3):
                    reader, writer = await asyncio.open_connection(url.host, url.port)
                    streams.append((reader, writer))
                    writer.write(request)
                    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 20")
                reader, writer = await asyncio.open_connection(url.host, url.port)
                writer.write(request)
                refused = await reader.read()
                assert refused.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nretry-after: 1\r\n" in refused
                writer.close()
                for reader, other in streams:
                    other.write(request)
                    await reader.readuntil(b"hello")
                streams.pop()[1].close()
                while True:  # until the server has noticed
                    reader, writer = await asyncio.open_connection(url.host, url.port)
                    writer.write(request)
                    if (await reader.readline()).startswith(b"HTTP/1.1 200 "):
                        break
                    writer.close()
                streams.append((reader, writer))
        finally:
            for _, writer in streams:
                writer.close()
            await server.stop()

    asyncio.run(story())


async def _refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer before the body is there."""
    await send_answer(send, text_answer(429, "hello"))


@pytest.mark.e2e
def test_who_is_refused_within_a_body_finds_the_answer_and_may_ask_again() -> None:
    async def story() -> None:
        server = ApiServer(_refuse, [Url("127.0.0.1", 0)], stop_seconds=1)
        (url,) = await server.start()
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            async with asyncio.timeout(20):
                for _ in range(3):
                    writer.write(b"POST / HTTP/1.1\r\nhost: a\r\n")
                    writer.write(b"content-length: 1000000\r\n\r\n")
                    for _ in range(100):
                        writer.write(b"x" * 10_000)
                        await writer.drain()
                        await asyncio.sleep(0)
                    assert (await reader.readline()).startswith(b"HTTP/1.1 429 ")
                    await reader.readuntil(b"hello")
        finally:
            writer.close()
            await server.stop()

    asyncio.run(story())
