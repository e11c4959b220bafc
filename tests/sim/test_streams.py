"""Byte streams between simulated machines: what TCP promises, and what it does not."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from raftwerk.errors import InvariantViolation
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, VirtualProcess, run, virtual_host
from raftwerk.sim.streams import End, Streams
from raftwerk.transport.conditions import Conditions


class Talker(asyncio.Protocol):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.end: End | None = None
        self.pieces: list[bytes] = []
        self.lost: list[Exception | None] = []
        self.pauses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, End)
        self.end = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)

    def pause_writing(self) -> None:
        self.pauses += 1


class Stage:
    """Two machines, and a stream from one to the other."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.timers = virtual_host(loop, SplitMix64(1)).timers
        self.conditions = Conditions()
        self.is_cut = False
        self.streams = Streams(
            self.timers,
            SplitMix64(2),
            lambda _sender, _receiver: self.conditions,
            lambda _sender, _receiver: self.is_cut,
        )
        loop.sockets = self.streams
        self.processes = [VirtualProcess(loop, SplitMix64(n)) for n in range(2)]
        for number, process in enumerate(self.processes):
            self.streams.begin(process, f"n{number}")
        self.here, self.there = Talker(), Talker()

    async def connect(self) -> End:
        """Connect the first machine to the second."""
        loop = asyncio.get_running_loop()
        first, second = self.processes
        await self._in(second, loop.create_server(lambda: self.there, "n1", 2380))
        await self._in(first, loop.create_connection(lambda: self.here, "n1", 2380))
        await self.timers.sleep(0.1)
        assert self.here.end is not None
        return self.here.end

    async def _in(
        self, process: VirtualProcess, coroutine: Coroutine[Any, Any, object]
    ) -> None:
        await process.start(coroutine)


def test_bytes_arrive_in_order_and_in_pieces() -> None:
    async def story() -> None:
        stage = Stage()
        end = await stage.connect()
        sent = [b"%d," % number for number in range(200)]
        for piece in sent:
            end.write(piece)
        await stage.timers.sleep(5.0)
        assert b"".join(stage.there.pieces) == b"".join(sent)
        assert len(stage.there.pieces) > len(sent)

    run(story())


def test_what_is_cut_off_comes_when_the_way_is_healed() -> None:
    async def story() -> None:
        stage = Stage()
        end = await stage.connect()
        stage.is_cut = True
        end.write(b"later")
        await stage.timers.sleep(3.0)
        assert not stage.there.pieces
        stage.is_cut = False
        await stage.timers.sleep(1.0)
        assert b"".join(stage.there.pieces) == b"later"

    run(story())


def test_bytes_may_be_damaged_on_the_way() -> None:
    async def story() -> None:
        stage = Stage()
        end = await stage.connect()
        stage.conditions = Conditions(damage_rate=1.0)
        end.write(b"x" * 100)
        await stage.timers.sleep(1.0)
        assert b"".join(stage.there.pieces) != b"x" * 100

    run(story())


def test_who_writes_more_than_arrives_is_asked_to_wait() -> None:
    async def story() -> None:
        stage = Stage()
        end = await stage.connect()
        stage.is_cut = True
        end.write(bytes(100_000))
        assert stage.here.pauses == 1

    run(story())


@pytest.mark.parametrize("is_heard", [True, False])
def test_end_of_a_process_is_heard_if_its_machine_goes_on(is_heard: bool) -> None:
    async def story() -> None:
        stage = Stage()
        await stage.connect()
        second = stage.processes[1]
        second.kill()
        stage.streams.crash(second, is_heard)
        await stage.timers.sleep(1.0)
        assert len(stage.here.lost) == is_heard
        assert not stage.there.lost

    run(story())


def test_loop_without_sockets_says_so() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(InvariantViolation, match="no sockets"):
            await loop.create_connection(Talker, "n1", 2380)

    run(story())
