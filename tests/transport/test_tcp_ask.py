"""A question over real sockets."""

import asyncio
import socket

import pytest

from raftwerk.errors import PeerError
from raftwerk.host.real import RealTimers, real_host
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.tcp import TcpTransport
from raftwerk.transport.tcp_ask import ask
from tests.transport.helpers import TWO, Lines, Recorder, identity

pytestmark = pytest.mark.e2e

QUICK = TransportConfig(handshake_seconds=0.3)


def test_a_member_answers_who_has_no_id_yet() -> None:
    async def story() -> None:
        member = TcpTransport(
            identity(TWO),
            "127.0.0.1:0",
            host=real_host(),
            report=Lines(),
            answer=lambda question: question.upper(),
        )
        await member.start(Recorder())
        (address,) = member.addresses()
        try:
            assert await ask(address, b"hello", timers=RealTimers()) == b"HELLO"
        finally:
            await member.stop()
        with pytest.raises(PeerError, match="refused"):
            await ask(address, b"hello", timers=RealTimers())

    asyncio.run(story())


def test_who_says_nothing_is_not_waited_for() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            address = f"127.0.0.1:{mute.getsockname()[1]}"
            with pytest.raises(PeerError, match="no answer in 0.3 s"):
                await ask(address, b"hello", timers=RealTimers(), config=QUICK)

    asyncio.run(story())
