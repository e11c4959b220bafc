"""Lines between peers, through our hands: cut in one direction or both, slow, healed.

A node listens on one port and tells its peers another one: that of a relay. Who dials
is known from its first frame. What goes in one direction between two nodes may be on
two connections, for each node dials the other; both are held alike.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from itertools import permutations
from types import TracebackType
from typing import Final, Self

from raftwerk.config import Url
from raftwerk.transport.codec import FrameKind, decode_struct
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.frame import FrameDecoder
from raftwerk.transport.handshake import Hello

__all__ = ["Line", "Relays"]

CHUNK_BYTES: Final = 64 * 1024

STRANGER: Final = "somebody"


class Line:
    """What travels from one node to another, on whatever connection."""

    def __init__(self) -> None:
        self.delay_seconds = 0.0
        """At least; twice that at most, for what comes meanwhile waits together."""
        self._is_open = asyncio.Event()
        self._is_open.set()

    def cut(self) -> None:
        """Let nothing pass. It is held and not lost: so it is with TCP after a heal."""
        self._is_open.clear()

    def heal(self) -> None:
        """Let pass what was held, and all that comes."""
        self._is_open.set()

    async def passed(self) -> None:
        """Return when what has come may go on."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        await self._is_open.wait()


class Relays:
    """One relay in front of each node; names are those of the nodes.

    Parameters
    ----------
    told : mapping of str to Url
        Where peers are told to come: there we listen.
    real : mapping of str to Url
        Where the nodes listen.
    """

    def __init__(self, told: Mapping[str, Url], real: Mapping[str, Url]) -> None:
        self._told = told
        self._real = real
        self._names = {url.host_port: name for name, url in told.items()}
        self._lines: dict[tuple[str, str], Line] = defaultdict(Line)
        self._servers: list[asyncio.Server] = []
        self._talks: set[asyncio.Task[None]] = set()

    def line(self, sender: str, receiver: str) -> Line:
        """Return the line from one node to another."""
        return self._lines[sender, receiver]

    def cut(self, name: str, *, hears: bool = False, is_heard: bool = False) -> None:
        """Cut a node off from all others, in the directions that are not excepted."""
        for other in self._told.keys() - {name}:
            if not hears:
                self.line(other, name).cut()
            if not is_heard:
                self.line(name, other).cut()

    def slow_down(self, seconds: float) -> None:
        """Delay all that travels."""
        for sender, receiver in permutations(self._told, 2):
            self.line(sender, receiver).delay_seconds = seconds

    def heal(self) -> None:
        """Make all lines whole and quick."""
        for line in self._lines.values():
            line.delay_seconds = 0.0
            line.heal()

    # ---- work ------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        for name, url in self._told.items():
            take = partial(self._take, name)
            self._servers.append(await asyncio.start_server(take, url.host, url.port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

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
            if not first:
                return
            real = self._real[name]
            there, back = await asyncio.open_connection(real.host, real.port)
            works = [
                asyncio.create_task(work)
                for work in (
                    self._carry(self.line(dialler, name), reader, back, first),
                    self._carry(self.line(name, dialler), there, writer),
                )
            ]
            try:
                await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for work in works:
                    work.cancel()
                await asyncio.gather(*works, return_exceptions=True)
                back.transport.abort()
        except OSError:
            pass  # The node is not there, or has gone.
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

    @staticmethod
    async def _carry(
        line: Line,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        first: bytes = b"",
    ) -> None:
        """Carry one direction of a connection until it ends."""
        data = first or await reader.read(CHUNK_BYTES)
        while data:
            await line.passed()
            writer.write(data)
            await writer.drain()
            data = await reader.read(CHUNK_BYTES)
