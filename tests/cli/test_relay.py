"""Lines between nodes: whole, cut each way, slow, healed; on real sockets."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from raftwerk.cli.relay import Relay
from raftwerk.config import Url
from raftwerk.transport.codec import FrameKind, encode_struct
from raftwerk.transport.handshake import Hello
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId
from tests.e2e.ports import free_ports

pytestmark = pytest.mark.e2e

WAIT_SECONDS = 20.0

CUT_SECONDS = 0.2
"""What has not come by then is held; too short a time can only let a test pass."""


class Stage:
    """Two nodes, of which the second only listens, and a relay in front of each."""

    def __init__(self) -> None:
        self.relay = Relay()
        self.told = [Url("127.0.0.1", port) for port in free_ports(2)]
        self.real = Url("127.0.0.1", free_ports(1)[0])
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.answers: list[asyncio.StreamWriter] = []

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Be the second node: hear everything."""
        self.answers.append(writer)
        while data := await reader.read(1000):
            self.heard.put_nowait(data)
        writer.close()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Be the first node: dial the second, and say who we are."""
        target = self.told[1]
        reader, writer = await asyncio.open_connection(target.host, target.port)
        hello = Hello(
            version_min=1,
            version_max=1,
            receiver=NodeId(2),
            identity=Identity(
                cluster_id=1, node_id=NodeId(1), address=self.told[0].host_port
            ),
        )
        writer.write(encode_struct(FrameKind.HELLO, hello))
        assert await self.hear()
        return reader, writer

    async def hear(self) -> bytes:
        """Return what the second node hears next."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.heard.get()

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(CUT_SECONDS):
                await self.heard.get()
        except TimeoutError:
            return True
        return False


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    """Run a story between two nodes."""

    async def told() -> None:
        stage = Stage()
        server = await asyncio.start_server(
            stage.take, stage.real.host, stage.real.port
        )
        await stage.relay.add("n1", stage.told[0])
        await stage.relay.add("n2", stage.told[1])
        stage.relay.lead_to("n2", stage.real)
        try:
            await story(stage)
        finally:
            await stage.relay.stop()
            server.close()
            await server.wait_closed()

    asyncio.run(told())


def test_what_is_said_arrives_both_ways() -> None:
    async def story(stage: Stage) -> None:
        reader, writer = await stage.dial()
        writer.write(b"there")
        assert await stage.hear() == b"there"
        stage.answers[0].write(b"back")
        async with asyncio.timeout(WAIT_SECONDS):
            assert await reader.read(10) == b"back"
        writer.close()

    play(story)


def test_one_way_can_be_cut_and_healed_and_nothing_is_lost() -> None:
    async def story(stage: Stage) -> None:
        reader, writer = await stage.dial()
        stage.relay.line("n1", "n2").cut()
        assert stage.relay.cuts == [("n1", "n2")]
        writer.write(b"held")
        assert await stage.hears_nothing()
        stage.answers[0].write(b"the other way is open")
        async with asyncio.timeout(WAIT_SECONDS):
            assert await reader.read(100) == b"the other way is open"
        stage.relay.heal()
        assert await stage.hear() == b"held"
        assert not stage.relay.cuts
        writer.close()

    play(story)


def test_a_node_that_is_cut_off_is_cut_both_ways() -> None:
    async def story(stage: Stage) -> None:
        stage.relay.cut_off("n2")
        assert stage.relay.cuts == [("n1", "n2"), ("n2", "n1")]
        stage.relay.heal("n1")
        assert not stage.relay.cuts

    play(story)


def test_a_slow_line_keeps_the_order() -> None:
    async def story(stage: Stage) -> None:
        _, writer = await stage.dial()
        loop = asyncio.get_running_loop()
        stage.relay.slow_down(0.1)
        began = loop.time()
        text = b""
        for number in range(5):
            writer.write(b"%d" % number)
            await writer.drain()
        while len(text) < 5:
            text += await stage.hear()
        assert text == b"01234"
        assert loop.time() - began >= 0.1
        writer.close()

    play(story)


def test_who_speaks_another_language_is_let_go() -> None:
    async def story(stage: Stage) -> None:
        target = stage.told[1]
        reader, writer = await asyncio.open_connection(target.host, target.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
        async with asyncio.timeout(WAIT_SECONDS):
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
        writer.close()
        assert stage.heard.empty()

    play(story)


def test_a_node_that_was_removed_is_dialled_in_vain() -> None:
    async def story(stage: Stage) -> None:
        stage.relay.cut_off("n2")
        stage.relay.remove("n2")
        assert not stage.relay.cuts
        with pytest.raises(OSError, match="Connect"):
            await stage.dial()

    play(story)
