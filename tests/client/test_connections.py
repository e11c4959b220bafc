"""HTTP over sockets: connections are kept, and what is known when one breaks."""

import asyncio

import pytest

from raftwerk.client.connections import Connections
from raftwerk.client.http import Answer, Lost, NotSent, Request, StreamRefused
from raftwerk.config import Url
from raftwerk.host.real import real_host
from tests.e2e.ports import free_ports

pytestmark = pytest.mark.e2e

REQUEST = Request(path="/x", body=b"body")


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


class Server:
    """Answers each request of a connection with the next bytes of a script."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = Url("127.0.0.1", free_ports(1)[0])
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(
            self._serve, self.url.host, self.url.port
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            while self.answers:
                self.requests.append(await read_request(reader))
                answer = self.answers.pop(0)
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer or not answer:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def told(body: bytes, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ask(server: Server, connections: Connections) -> Answer:
    return await connections.ask(server.url, REQUEST)


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        async with Server(told(b"one"), told(b"two", "404 Not Found")) as server:
            assert await ask(server, connections) == Answer(200, b"one")
            assert await ask(server, connections) == Answer(404, b"two")
            await connections.close()
        assert server.connections == 1
        head = f"POST /x HTTP/1.1\r\nHost: {server.url.host_port}\r\n"
        assert server.requests[0].startswith(head.encode())
        assert server.requests[0].endswith(b"\r\n\r\nbody")

    asyncio.run(story())


def test_one_that_the_server_ends_is_not_used_again() -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        last = told(b"one", headers=("connection: close",))
        async with Server(last, told(b"two")) as server:
            await ask(server, connections)
            assert (await ask(server, connections)).body == b"two"
            await connections.close()
        assert server.connections == 2

    asyncio.run(story())


def test_without_a_connection_nothing_was_sent() -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        with pytest.raises(NotSent, match="connection refused"):
            await connections.ask(Url("127.0.0.1", free_ports(1)[0]), REQUEST)
        with pytest.raises(NotSent):
            await connections.ask(Url("no-such-host.invalid", 1), REQUEST)

    asyncio.run(story())


BROKEN = [b"", told(b"whole")[:-2], b"SSH-2.0-OpenSSH\r\n\r\n"]


@pytest.mark.parametrize("answer", BROKEN)
def test_without_a_whole_answer_nobody_knows(answer: bytes) -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        async with Server(answer) as server:
            with pytest.raises(Lost):
                await ask(server, connections)

    asyncio.run(story())


def chunked(*pieces: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return head + b"".join(chunks) + b"0\r\n\r\n"


def test_a_stream_comes_line_by_line_however_it_was_cut() -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        async with Server(chunked(b"one\ntw", b"o\n", b"three")) as server:
            lines = [line async for line in connections.stream(server.url, REQUEST)]
        assert lines == [b"one", b"two", b"three"]

    asyncio.run(story())


def test_a_stream_that_is_refused_says_with_what() -> None:
    async def story() -> None:
        connections = Connections(real_host().timers)
        async with Server(told(b"no", "400 Bad Request")) as server:
            with pytest.raises(StreamRefused) as caught:
                async for _ in connections.stream(server.url, REQUEST):
                    pass
        assert caught.value.answer == Answer(400, b"no")

    asyncio.run(story())
