"""The contract over real sockets, and what only real sockets can do to us."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from raftwerk.errors import ConfigError
from raftwerk.host.real import real_host
from raftwerk.transport.codec import FrameKind, decode_struct, encode_struct
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.frame import Frame, FrameDecoder, encode_frame
from raftwerk.transport.handshake import Hello, Refusal, Welcome
from raftwerk.transport.protocol import Admission, Identity, Transport
from raftwerk.transport.tcp import TcpTransport, TlsContexts
from raftwerk.types import NodeId
from tests.transport.contract import Group, Story, TransportContract
from tests.transport.helpers import (
    ONE,
    TWO,
    Lines,
    Recorder,
    append_entries,
    heartbeat,
    identity,
    messages_of,
    snapshot,
)

pytestmark = pytest.mark.e2e

QUICK = TransportConfig(
    handshake_seconds=0.3,
    ping_seconds=0.05,
    silence_seconds=0.2,
    refused_seconds=0.3,
)


class TcpGroup(Group):
    """Members on loopback, each on a port that the system chooses."""

    def __init__(
        self,
        config: TransportConfig = TransportConfig(),
        tls_of: Callable[[NodeId], TlsContexts | None] = lambda node_id: None,
        local: str = "127.0.0.1",
    ) -> None:
        self.host = real_host()
        super().__init__(self.host.timers)
        self._config = config
        self._tls_of = tls_of
        self._local = local

    def make(
        self, who: Identity, address: str, admit: Admission | None = None
    ) -> Transport:
        return TcpTransport(
            who,
            address,
            host=self.host,
            report=self.lines,
            config=self._config,
            admit=admit,
            tls=self._tls_of(who.node_id),
        )

    def free_address(self) -> str:
        return f"{self._local}:0"

    def address_of(self, transport: Transport, address: str) -> str:
        assert isinstance(transport, TcpTransport)
        return transport.addresses()[0]


def run(
    story: Coroutine[Any, Any, None],
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """Run a story; what nobody took of its errors is an error here."""
    failures: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=new_loop) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _loop, context: failures.append(context))
        runner.run(story)
    assert not failures


async def played(story: Story, group: Group) -> None:
    await story(group)
    await group.stop_all()


class TestTcp(TransportContract):
    """The contract on asyncio's own loop."""

    def play(self, story: Story) -> None:
        async def whole() -> None:
            await played(story, TcpGroup(QUICK))

        run(whole())


class TestTcpOnUvloop(TransportContract):
    """The contract on the loop that a node runs on."""

    def play(self, story: Story) -> None:
        async def whole() -> None:
            await played(story, TcpGroup(QUICK))

        run(whole(), uvloop.new_event_loop)


LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop]
)
NewLoop = Callable[[], asyncio.AbstractEventLoop]


class Stranger:
    """A raw connection to a member, or of one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.decoder = FrameDecoder(2**24)
        self.frames: list[Frame] = []

    async def read_frame(self) -> Frame:
        """Return the next frame that arrives."""
        while not self.frames:
            data = await self.reader.read(65536)
            if not data:
                raise EOFError
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)

    async def refusal(self) -> str:
        """Return why it is refused, once the connection is closed."""
        frame = await self.read_frame()
        assert frame.kind == FrameKind.REFUSAL
        with pytest.raises((EOFError, ConnectionError)):
            await self.read_frame()
        return decode_struct(frame, Refusal).words


@asynccontextmanager
async def calling(address: str) -> AsyncIterator[Stranger]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Stranger(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def answering(
    behave: Callable[[Stranger], Coroutine[Any, Any, None]],
) -> AsyncIterator[str]:
    """Listen as something that is no member; yield where."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer() -> None:
            try:
                await behave(Stranger(reader, writer))
            except (EOFError, ConnectionError):
                pass
            finally:
                writer.transport.abort()

        tasks.add(asyncio.get_running_loop().create_task(answer()))

    # It buffers next to nothing, so that who does not read is felt soon.
    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def welcome(stranger: Stranger) -> None:
    """Answer a hello as member 2 would."""
    hello = decode_struct(await stranger.read_frame(), Hello)
    assert hello.receiver == TWO
    answer = Welcome(version=1, identity=identity(TWO))
    stranger.writer.write(encode_struct(FrameKind.WELCOME, answer))


GARBAGE = [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "this is not the peer protocol"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "this is not the peer protocol"),
    (bytes(1000), "this is not the peer protocol"),
    (encode_frame(FrameKind.HELLO, bytes(4000)), "cannot read the hello"),
    (b"", "no handshake within 0.3 s"),
    (b"\x20\0\0\0slow", "no handshake within 0.3 s"),
]


@LOOPS
@pytest.mark.parametrize(("data", "words"), GARBAGE)
def test_garbage_is_refused_in_words_and_changes_nothing(
    data: bytes, words: str, new_loop: NewLoop
) -> None:
    async def story(group: Group) -> None:
        await group.start_pair()
        await group.until_heard(ONE, TWO)
        before = len(group.receivers[TWO].messages)
        for _ in range(3):
            async with calling(group.addresses[TWO]) as stranger:
                stranger.writer.write(data)
                assert (await stranger.refusal()).startswith(words)
        assert len(group.lines.about(words)) == 1
        assert len(group.receivers[TWO].messages) == before
        await group.until_heard(ONE, TWO)

    run(played(story, TcpGroup(QUICK)), new_loop)


@LOOPS
def test_an_oversized_frame_of_a_member_ends_its_connection(new_loop: NewLoop) -> None:
    async def story(group: Group) -> None:
        two = await group.start(TWO)
        two.set_peers({ONE: "127.0.0.1:1"})
        async with calling(group.addresses[TWO]) as stranger:
            hello = Hello(
                version_min=1, version_max=1, receiver=TWO, identity=identity(ONE)
            )
            stranger.writer.write(encode_struct(FrameKind.HELLO, hello))
            assert (await stranger.read_frame()).kind == FrameKind.WELCOME
            # No more than its beginning, or the answer may be lost: who closes a
            # connection with something unread in it resets it.
            large = encode_frame(FrameKind.MESSAGES, bytes(2**21))
            stranger.writer.write(large[:100])
            words = "a frame of 2097153 bytes; 1 to 1048576 are allowed"
            assert await stranger.refusal() == words

    run(played(story, TcpGroup()), new_loop)


def test_strangers_at_the_door_do_not_keep_members_out() -> None:
    async def story(group: Group) -> None:
        await group.start(TWO)
        host, _, port = group.addresses[TWO].rpartition(":")
        strangers = [
            await asyncio.open_connection(host, int(port))
            for _ in range(QUICK.handshakes_max + 20)
        ]
        await group.start(ONE)
        group.introduce()
        await group.until_heard(ONE, TWO)
        for _, writer in strangers:
            writer.transport.abort()

    run(played(story, TcpGroup(QUICK)))


@LOOPS
def test_a_half_open_connection_is_noticed_and_dialled_again(new_loop: NewLoop) -> None:
    async def story(group: Group) -> None:
        async def vanish(stranger: Stranger) -> None:
            await welcome(stranger)
            while True:  # Reads, as the system of a dead process would, and is silent.
                await stranger.read_frame()

        one = await group.start(ONE)
        async with answering(vanish) as address:
            one.set_peers({TWO: address})
            await group.until(lambda: one.peers()[TWO].is_connected)
            await group.until(lambda: group.receivers[ONE].unreachable)
            assert group.lines.about("no answer for 0.2 s")
            await group.until(lambda: len(group.lines.about("connected to peer")) > 1)

    run(played(story, TcpGroup(QUICK)), new_loop)


@LOOPS
def test_a_peer_that_never_reads_costs_no_more_than_the_bounds(
    new_loop: NewLoop,
) -> None:
    config = TransportConfig(
        queue_bytes_max=2**20, message_bytes_max=2**20, silence_seconds=600.0
    )

    async def story(group: Group) -> None:
        async def stall(stranger: Stranger) -> None:
            await welcome(stranger)
            await asyncio.get_running_loop().create_future()

        one = await group.start(ONE)
        async with answering(stall) as address:
            one.set_peers({TWO: address})
            await group.until(lambda: one.peers()[TWO].is_connected)
            before = memory_bytes()
            message = append_entries(0, 100_000)
            for _ in range(1000):
                one.send([message])
                await group.timers.sleep(0.0)
                assert one.peers()[TWO].waiting_bytes <= config.queue_bytes_max
            assert one.peers()[TWO].dropped_messages > 500
            assert group.receivers[ONE].unreachable
            assert memory_bytes() - before < 30_000_000, "100 MB were offered"

    run(played(story, TcpGroup(config)), new_loop)


def memory_bytes() -> int:
    """Return the resident memory of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@LOOPS
def test_a_heartbeat_overtakes_a_snapshot_of_50_mb(new_loop: NewLoop) -> None:
    async def story(group: Group) -> None:
        arrived: list[tuple[str, int]] = []

        async def read_slowly(stranger: Stranger) -> None:
            await welcome(stranger)
            size = 0
            while True:
                frame = await stranger.read_frame()
                size += len(frame.payload)
                if frame.kind == FrameKind.LAST_PART:
                    arrived.append(("snapshot", size))
                elif frame.kind == FrameKind.MESSAGES:
                    (message,) = messages_of([frame])
                    arrived.append((type(message).__name__, size))
                if size < 1_000_000:
                    await asyncio.sleep(0.002)

        one = await group.start(ONE)
        async with answering(read_slowly) as address:
            one.set_peers({TWO: address})
            await group.until(lambda: one.peers()[TWO].is_connected)
            one.send([snapshot(50_000_000)])
            await group.timers.sleep(0.01)
            one.send([heartbeat()])
            await group.until(lambda: len(arrived) == 2)
        # What the system and asyncio held when it was sent went before it, no more.
        assert [name for name, _ in arrived] == ["Heartbeat", "snapshot"]
        assert arrived[0][1] < 10_000_000 and arrived[1][1] > 50_000_000

    config = TransportConfig(silence_seconds=600.0)
    run(played(story, TcpGroup(config)), new_loop)


@LOOPS
def test_a_taken_address_is_told_with_its_holder(new_loop: NewLoop) -> None:
    async def story(group: Group) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            late = group.make(identity(ONE), address)
            with pytest.raises(ConfigError) as told:
                await late.start(Recorder())
        words = f"cannot listen on {address} for peers: process {os.getpid()} ("
        assert str(told.value).startswith(words)
        assert str(told.value).endswith(") has this port; stop it or choose another")

    run(played(story, TcpGroup()), new_loop)


def test_an_address_of_another_machine_is_told() -> None:
    async def story(group: Group) -> None:
        far = group.make(identity(ONE), "192.0.2.1:2380")
        with pytest.raises(ConfigError, match="cannot assign requested address"):
            await far.start(Recorder())

    run(played(story, TcpGroup()))


def test_a_name_that_nobody_knows_is_told_and_tried_again() -> None:
    async def story(group: Group) -> None:
        one = await group.start(ONE)
        one.set_peers({TWO: "no-such-host.invalid:2380"})
        await group.until(lambda: group.receivers[ONE].unreachable)
        assert one.peers()[TWO].trouble

    run(played(story, TcpGroup(QUICK)))


def test_two_addresses_are_listened_on_and_if_one_is_taken_none_is() -> None:
    async def story(group: Group) -> None:
        one = await group.start(ONE)
        both = ["127.0.0.1:0", "127.0.0.2:0"]
        two = TcpTransport(identity(TWO), both, host=real_host(), report=Lines())
        await two.start(Recorder())
        assert [text.split(":")[0] for text in two.addresses()] == [
            "127.0.0.1",
            "127.0.0.2",
        ]
        await two.stop()
        both = ["127.0.0.1:0", group.addresses[ONE]]
        two = TcpTransport(identity(TWO), both, host=real_host(), report=Lines())
        with pytest.raises(ConfigError):
            await two.start(Recorder())
        assert not two.addresses()
        assert not one.peers()

    run(played(story, TcpGroup()))


class Unconnected(asyncio.Transport):  # pylint: disable=abstract-method  # unused
    """A connection of which nobody hears again."""

    def abort(self) -> None:
        """Do nothing, for the loop has closed it."""


def test_a_dial_that_is_called_off_as_it_connects_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As uvloop does it: made, closed, and never said to be lost."""

    async def story() -> None:
        dialled = asyncio.Event()

        async def connect(
            factory: Callable[[], asyncio.Protocol], *_: Any, **__: Any
        ) -> None:
            wire = factory()
            dialled.set()
            try:
                await asyncio.Event().wait()
            finally:
                with socket.socket() as sock:
                    wire.connection_made(Unconnected({"socket": sock}))

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "create_connection", connect)
        one = TcpTransport(
            identity(ONE), "127.0.0.1:0", host=real_host(), report=Lines()
        )
        one.set_peers({TWO: "127.0.0.1:1"})
        await one.start(Recorder())
        await dialled.wait()
        one.set_peers({})
        await asyncio.wait_for(one.stop(), 30.0)

    asyncio.run(story())


def has_ipv6() -> bool:
    """Tell whether this machine has an IPv6 loopback."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@LOOPS
@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_members_may_live_on_ipv6(new_loop: NewLoop) -> None:
    async def story(group: Group) -> None:
        await group.start_pair()
        assert group.addresses[ONE].startswith("[::1]:")
        await group.until_heard(ONE, TWO)
        await group.until_heard(TWO, ONE)

    run(played(story, TcpGroup(local="[::1]")), new_loop)


def contexts(authority: trustme.CA, trusted: trustme.CA) -> TlsContexts:
    """Return what a member with a certificate of `authority` uses."""
    certificate = authority.issue_cert("127.0.0.1")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    for context in (server, client):
        certificate.configure_cert(context)
        trusted.configure_trust(context)
    return TlsContexts(server, client)


@LOOPS
def test_members_talk_over_mutual_tls(new_loop: NewLoop) -> None:
    authority = trustme.CA()

    async def story(group: Group) -> None:
        one, _ = await group.start_pair()
        await group.until_heard(ONE, TWO)
        await group.until_heard(TWO, ONE)
        one.send([snapshot(3_000_000)])
        await group.until(lambda: group.receivers[ONE].snapshots == [(TWO, True)])
        async with calling(group.addresses[TWO]) as stranger:
            stranger.writer.write(b"in the clear\r\n\r\n")
            with pytest.raises((EOFError, ConnectionError)):
                await stranger.read_frame()

    tls = contexts(authority, authority)
    run(played(story, TcpGroup(QUICK, tls_of=lambda _: tls)), new_loop)


@LOOPS
def test_a_certificate_of_another_authority_is_refused(new_loop: NewLoop) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    tls = {ONE: contexts(ours, ours), TWO: contexts(theirs, ours)}

    async def story(group: Group) -> None:
        one, two = await group.start_pair()
        for _ in range(10):
            two.send([heartbeat(0, TWO, ONE)])
            one.send([heartbeat()])
            await group.timers.sleep(0.05)
        await group.until(lambda: one.peers()[TWO].trouble.startswith("TLS: "))
        assert not group.receivers[ONE].messages and not group.receivers[TWO].messages
        assert not one.peers()[TWO].is_connected
        assert not two.peers()[ONE].is_connected

    run(played(story, TcpGroup(QUICK, tls_of=lambda node_id: tls[node_id])), new_loop)
