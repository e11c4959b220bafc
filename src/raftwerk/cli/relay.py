"""The lines between the demo's nodes, in our hands: cut, slowed and healed, each way.

A node listens on one address and tells its peers another one: that of a relay. Nodes
know nothing of it. Who dials is read from the first frame; what goes one way between
two nodes may be on two connections, for each dials the other, and both are held alike.

What is cut is held and not lost: so it is with TCP on a network that heals.
"""

import asyncio
from collections import defaultdict
from functools import partial
from typing import Final

from raftwerk.config import Url
from raftwerk.errors import RaftwerkError
from raftwerk.transport.codec import FrameKind, decode_struct
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.frame import FrameDecoder
from raftwerk.transport.handshake import Hello

__all__ = ["Line", "Relay"]

CHUNK_BYTES: Final = 64 * 1024

WAITING_CHUNKS_MAX: Final = 64
"""What a slow line holds; who sends more is made to wait, as by any network."""

STRANGER: Final = "somebody"


class Line:
    """The way from one node to another, on whatever connection."""

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        """How long what comes is on its way."""
        self._is_open = asyncio.Event()
        self._is_open.set()

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes."""
        return not self._is_open.is_set()

    def cut(self) -> None:
        """Let nothing pass."""
        self._is_open.clear()

    def heal(self) -> None:
        """Let pass what was held, and all that comes."""
        self._is_open.set()

    async def wait_open(self) -> None:
        """Return when something may pass."""
        await self._is_open.wait()


class Relay:
    """One listener in front of each node; names are those of the nodes."""

    def __init__(self) -> None:
        self._told: dict[str, Url] = {}
        self._real: dict[str, Url] = {}
        self._names: dict[str, str] = {}
        self._lines: dict[tuple[str, str], Line] = defaultdict(Line)
        self._servers: dict[str, asyncio.Server] = {}
        self._talks: set[asyncio.Task[None]] = set()
        self._delay_seconds = 0.0

    # ---- who is there -------------------------------------------------------

    async def add(self, name: str, told: Url) -> None:
        """Listen in front of a node.

        Parameters
        ----------
        name : str
            The node's.
        told : Url
            Where its peers are told to come.

        Raises
        ------
        OSError
            If that can't be bound.
        """
        take = partial(self._take, name)
        self._servers[name] = await asyncio.start_server(take, told.host, told.port)
        self._told[name] = told
        self._names[told.host_port] = name
        self.slow_down(self._delay_seconds)

    def lead_to(self, name: str, real: Url) -> None:
        """Know where a node listens from now on.

        Parameters
        ----------
        name : str
            The node's.
        real : Url
            Where it listens in truth.
        """
        self._real[name] = real

    def remove(self, name: str) -> None:
        """Listen for a node no more.

        Parameters
        ----------
        name : str
            The node's.
        """
        self._servers.pop(name).close()
        self._real.pop(name, None)
        del self._names[self._told.pop(name).host_port]
        for ends in [ends for ends in self._lines if name in ends]:
            del self._lines[ends]

    async def stop(self) -> None:
        """Close all."""
        for server in self._servers.values():
            server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    # ---- lines --------------------------------------------------------------

    @property
    def cuts(self) -> list[tuple[str, str]]:
        """All ways that are cut, as sender and receiver."""
        return sorted(ends for ends, line in self._lines.items() if line.is_cut)

    def line(self, sender: str, receiver: str) -> Line:
        """Return the line from one node to another.

        Parameters
        ----------
        sender, receiver : str
            Their names.

        Returns
        -------
        Line
            To be cut, slowed or healed.
        """
        return self._lines[sender, receiver]

    def cut_off(
        self, name: str, *, hears: bool = False, is_heard: bool = False
    ) -> None:
        """Cut a node off from all others, both ways unless one is excepted.

        Parameters
        ----------
        name : str
            The node's.
        hears : bool
            Whether what others say still reaches it.
        is_heard : bool
            Whether what it says still reaches others.
        """
        for other in self._told.keys() - {name}:
            if not hears:
                self.line(other, name).cut()
            if not is_heard:
                self.line(name, other).cut()

    def slow_down(self, seconds: float) -> None:
        """Delay all that travels, also to and from nodes that are added later.

        Parameters
        ----------
        seconds : float
            How long each way takes; 0 for no delay.
        """
        self._delay_seconds = seconds
        for sender in self._told:
            for receiver in self._told.keys() - {sender}:
                self.line(sender, receiver).delay_seconds = seconds

    def heal(self, name: str | None = None) -> None:
        """Make lines whole.

        Parameters
        ----------
        name : str, optional
            Of this node only.
        """
        for ends, line in self._lines.items():
            if name is None or name in ends:
                line.heal()

    # ---- work ---------------------------------------------------------------

    def _take(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take in a connection to a node."""
        talk = asyncio.create_task(self._talk(name, reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry what is said on one connection until one side ends it."""
        try:
            dialler, first = await self._introduced(reader)
            real = self._real.get(name)
            if not first or real is None:
                return
            there, back = await asyncio.open_connection(real.host, real.port)
            works = [
                asyncio.create_task(work)
                for work in (
                    _carry(self.line(dialler, name), reader, back, first),
                    _carry(self.line(name, dialler), there, writer),
                )
            ]
            try:
                await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for work in works:
                    work.cancel()
                await asyncio.gather(*works, return_exceptions=True)
                back.transport.abort()
        except (OSError, RaftwerkError):
            pass  # The node is not there, or has gone; or nobody of ours knocks.
        finally:
            writer.transport.abort()

    async def _introduced(self, reader: asyncio.StreamReader) -> tuple[str, bytes]:
        """Return who dials, and all that was read to know it."""
        decoder = FrameDecoder(TransportConfig().handshake_bytes_max)
        read = b""
        while data := await reader.read(CHUNK_BYTES):
            read += data
            for frame in decoder.feed(data):
                if frame.kind != FrameKind.HELLO:
                    return STRANGER, read
                address = decode_struct(frame, Hello).identity.address
                return self._names.get(address, STRANGER), read
        return STRANGER, b""


async def _carry(
    line: Line,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    first: bytes = b"",
) -> None:
    """Carry one direction of a connection until it ends."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_CHUNKS_MAX)

    async def deliver() -> None:
        """Hand on what is due."""
        while True:
            due, data = await waiting.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await line.wait_open()
            if not data:
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.ensure_future(deliver())
    try:
        data = first or await reader.read(CHUNK_BYTES)
        while data:
            await waiting.put((loop.time() + line.delay_seconds, data))
            data = await reader.read(CHUNK_BYTES)
        await waiting.put((0.0, b""))
        await delivering
    finally:
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
