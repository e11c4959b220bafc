"""Byte streams between simulated machines: what `transport.tcp` has for sockets here.

The transport behind it is the real one, with its frames, handshakes, lanes, pings and
waits; only what asyncio would do with a socket is done here. As TCP does, a stream
keeps its order and loses nothing while it lives: what a network loses comes late, and
what is cut off waits. As TCP does not promise, bytes may be damaged on the way: its
checksum misses some.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from raftwerk.host.draw import SplitMix64
from raftwerk.host.loop import OWNER
from raftwerk.host.protocol import Timers
from raftwerk.host.virtual import VirtualProcess
from raftwerk.transport.conditions import Conditions, happens

__all__ = ["End", "Streams"]

AGAIN_SECONDS: Final = 0.2
"""After which what was lost is sent again."""

IsCut = Callable[[str, str], bool]
"""Tells whether all from one machine to another is lost; both by name."""


# What nobody here asks of a transport is left out; asyncio's own raises then.
# pylint: disable-next=abstract-method
class End(asyncio.Transport):
    """One end of a stream, as asyncio shows it to a protocol.

    Parameters
    ----------
    streams : Streams
        All of them.
    machine : str
        On which it is.
    process : VirtualProcess or None
        Whose it is; None: of somebody beside the group.
    """

    def __init__(
        self, streams: "Streams", machine: str, process: VirtualProcess | None
    ) -> None:
        super().__init__()
        self.machine = machine
        self.process = process
        self.protocol: asyncio.Protocol | None = None
        self.other: End | None = None
        self.received_bytes = 0
        self._streams = streams
        self._is_closing = False
        self._is_paused = False
        self._high_bytes = 64 * 1024
        self._on_way: deque[bytes | BaseException | None] = deque()
        """Pieces; at the end an exception, or None if it was closed in order."""
        self._on_way_bytes = 0
        self._is_moving = False

    # ---- what asyncio's protocols ask -----------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Do as `asyncio.BaseTransport.get_extra_info` says."""
        if name == "socket":
            return self
        if name == "peername" and self.other is not None:
            return (self.other.machine, 0)
        return default

    def setsockopt(self, *_option: int) -> None:
        """Have no options.

        Parameters
        ----------
        *_option : int
            Not used.
        """

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Do as `asyncio.WriteTransport.set_write_buffer_limits` says."""
        del low
        self._high_bytes = self._high_bytes if high is None else high

    def is_closing(self) -> bool:
        """Do as `asyncio.BaseTransport.is_closing` says."""
        return self._is_closing

    def write(self, data: Any) -> None:
        """Do as `asyncio.WriteTransport.write` says."""
        if self._is_closing or not data:
            return
        for piece in self._streams.torn(bytes(data)):
            self._on_way.append(piece)
            self._on_way_bytes += len(piece)
        if self._on_way_bytes > self._high_bytes and not self._is_paused:
            self._is_paused = True
            if self.protocol is not None:
                self.protocol.pause_writing()
        self._move()

    def close(self) -> None:
        """Do as `asyncio.BaseTransport.close` says."""
        self._end(None)

    def abort(self) -> None:
        """Do as `asyncio.WriteTransport.abort` says."""
        self._on_way.clear()
        self._on_way_bytes = 0
        self._end(ConnectionResetError(104, "connection reset by peer"))

    def _end(self, told: BaseException | None) -> None:
        """Write no more, and have both protocols hear of the end."""
        if self._is_closing:
            return
        self._is_closing = True
        self._on_way.append(told)
        self._move()
        self.tell("connection_lost", None)
        self._streams.forget(self)

    # ---- what the network does --------------------------------------------------

    def tell(self, method: str, *args: object) -> None:
        """Have the protocol told something in its own process, soon.

        Parameters
        ----------
        method : str
            Of `asyncio.Protocol`.
        *args : object
            With what.
        """
        if self.protocol is not None:
            timers = self._streams.timers
            if self.process is not None:
                timers = self.process.host.timers
            timers.call_later(0.0, self._told, method, *args)

    def _told(self, method: str, *args: object) -> None:
        """Tell it, unless it was told that this is the end."""
        protocol = self.protocol
        if protocol is not None:
            if method == "connection_lost":
                self.protocol = None
            getattr(protocol, method)(*args)

    def die(self, told: BaseException | None) -> None:
        """End with its process, of which nothing is called any more.

        Parameters
        ----------
        told : BaseException or None
            What the other end hears; None: nothing, for the power is gone.
        """
        self.protocol = None
        self._is_closing = True
        self._on_way.clear()
        if told is not None:
            self._on_way.append(told)
            self._move()

    def _move(self) -> None:
        """Have the next piece arrive, one after the other."""
        if not self._is_moving and self._on_way and self.other is not None:
            self._is_moving = True
            seconds = self._streams.seconds(self.machine, self.other.machine)
            self._streams.timers.call_later(seconds, self._arrive)

    def _arrive(self) -> None:
        """Bring what is next, unless the way is cut or it is lost: then again later."""
        streams, other = self._streams, self.other
        if not self._on_way or other is None:
            self._is_moving = False
            return
        if streams.is_lost(self.machine, other.machine):
            streams.timers.call_later(AGAIN_SECONDS, self._arrive)
            return
        self._is_moving = False
        # All that has come so far is read at once, as from a socket.
        piece = self._on_way.popleft()
        if isinstance(piece, bytes):
            self._on_way_bytes -= len(piece)
            other.received_bytes += len(piece)
            other.tell(
                "data_received", streams.damaged(piece, self.machine, other.machine)
            )
            if self._is_paused and not self._on_way_bytes:
                self._is_paused = False
                self.tell("resume_writing")
        elif not other.is_closing():
            other.tell("connection_lost", piece)
            other.close()
        self._move()


class _Server:
    """Somebody who listens; what asyncio calls a server."""

    def __init__(self, streams: "Streams", address: str) -> None:
        self._streams = streams
        self._address = address
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        """Return where it listens."""
        host, _, port = self._address.rpartition(":")
        return host, int(port)

    def close(self) -> None:
        """Listen no more."""
        self._streams.close(self._address)

    async def wait_closed(self) -> None:
        """Return when it does not listen any more: at once."""


class Streams:
    """All byte streams of a simulated world: the `Sockets` of its loop.

    Parameters
    ----------
    timers : Timers
        Of the network, which dies with nobody.
    draw : SplitMix64
        Decides latencies, where pieces are torn, and what is damaged.
    conditions_of : callable
        Returns what happens on a way now.
    is_cut : callable
        Tells whether a way is cut.

    Attributes
    ----------
    timers : Timers
        The same.
    """

    def __init__(
        self,
        timers: Timers,
        draw: SplitMix64,
        conditions_of: Callable[[str, str], Conditions],
        is_cut: IsCut,
    ) -> None:
        self.timers = timers
        self._draw = draw
        self._conditions_of = conditions_of
        self._is_cut = is_cut
        self._listeners: dict[
            str, tuple[VirtualProcess, Callable[[], asyncio.Protocol]]
        ] = {}
        self._machines: dict[VirtualProcess, str] = {}
        self._ends: dict[VirtualProcess, dict[End, None]] = {}

    def begin(self, process: VirtualProcess, machine: str) -> None:
        """Know on which machine a process runs.

        Parameters
        ----------
        process : VirtualProcess
            New.
        machine : str
            By name.
        """
        self._machines[process] = machine
        self._ends[process] = {}

    def crash(self, process: VirtualProcess, is_heard: bool) -> None:
        """End all that a process had.

        Parameters
        ----------
        process : VirtualProcess
            It runs no more.
        is_heard : bool
            Whether its machine goes on and tells the other ends.
        """
        self._machines.pop(process, None)
        for address, (owner, _) in list(self._listeners.items()):
            if owner is process:
                del self._listeners[address]
        reset = ConnectionResetError(104, "connection reset by peer")
        for end in self._ends.pop(process, {}):
            end.die(reset if is_heard else None)

    def forget(self, end: End) -> None:
        """Know that an end was closed.

        Parameters
        ----------
        end : End
            Which.
        """
        if end.process is not None:
            self._ends.get(end.process, {}).pop(end, None)

    # ---- what a loop asks of sockets --------------------------------------------

    async def listen(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> _Server:
        """Take connections from now on.

        Parameters
        ----------
        factory : callable
            Makes the protocol of each.
        host : str
            The machine's name.
        port : int
            One that nobody has.

        Returns
        -------
        _Server
            To be closed.

        Raises
        ------
        OSError
            If somebody has this port.
        """
        address = f"{host}:{port}"
        if address in self._listeners:
            raise OSError(98, "address already in use")
        process = OWNER.get()
        assert isinstance(process, VirtualProcess)  # nosec B101: only machines listen
        self._listeners[address] = (process, factory)
        return _Server(self, address)

    def close(self, address: str) -> None:
        """Take no more connections somewhere.

        Parameters
        ----------
        address : str
            Where.
        """
        self._listeners.pop(address, None)

    async def connect(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[End, asyncio.Protocol]:
        """Connect to somebody.

        Parameters
        ----------
        factory : callable
            Makes the protocol at this end.
        host : str
            A machine's name.
        port : int
            On which it listens.

        Returns
        -------
        tuple of End and asyncio.Protocol
            This end, and its protocol.

        Raises
        ------
        OSError
            If nobody listens there.
        """
        process = OWNER.get()
        own = process if isinstance(process, VirtualProcess) else None
        name = "stranger" if own is None else self._machines.get(own, "")
        for _ in range(2):  # there, and back
            await self.timers.sleep(self.seconds(name, host))
            while self.is_lost(name, host) or self.is_lost(host, name):
                await self.timers.sleep(AGAIN_SECONDS)
        listener = self._listeners.get(f"{host}:{port}")
        if listener is None:
            raise ConnectionRefusedError(111, "connection refused")
        there, make = listener
        here, remote = End(self, name, own), End(self, host, there)
        here.other, remote.other = remote, here
        for end in (here, remote):
            if end.process is not None:
                self._ends.setdefault(end.process, {})[end] = None
        remote.protocol = there.call(make)
        remote.tell("connection_made", remote)
        here.protocol = protocol = factory()
        protocol.connection_made(here)
        return here, protocol

    # ---- what happens on the way --------------------------------------------------

    def seconds(self, sender: str, receiver: str) -> float:
        """Return how long the next piece takes.

        Parameters
        ----------
        sender, receiver : str
            The machines.

        Returns
        -------
        float
            By the present conditions.
        """
        conditions, draw = self._conditions_of(sender, receiver), self._draw
        seconds = conditions.latency_seconds(draw)
        if happens(conditions.reorder_rate, draw):
            seconds += conditions.extra_seconds(draw)
        return seconds

    def is_lost(self, sender: str, receiver: str) -> bool:
        """Tell whether what is sent now has to be sent again.

        Parameters
        ----------
        sender, receiver : str
            The machines.

        Returns
        -------
        bool
            Always, while the way is cut.
        """
        if self._is_cut(sender, receiver):
            return True
        return happens(self._conditions_of(sender, receiver).drop_rate, self._draw)

    def torn(self, data: bytes) -> list[bytes]:
        """Return the pieces in which some bytes arrive.

        Parameters
        ----------
        data : bytes
            Not empty.

        Returns
        -------
        list of bytes
            Mostly one.
        """
        if len(data) == 1 or self._draw.below(8):
            return [data]
        place = 1 + self._draw.below(len(data) - 1)
        return [data[:place], data[place:]]

    def damaged(self, data: bytes, sender: str, receiver: str) -> bytes:
        """Return what is left of a piece: mostly all of it.

        Parameters
        ----------
        data : bytes
            Not empty.
        sender, receiver : str
            The machines.

        Returns
        -------
        bytes
            Perhaps with a bit flipped, bytes missing, or bytes that nobody sent.
        """
        draw = self._draw
        if not happens(self._conditions_of(sender, receiver).damage_rate, draw):
            return data
        place, kind = draw.below(len(data)), draw.below(3)
        if kind == 0:
            flipped = bytes([data[place] ^ 1 << draw.below(8)])
            return data[:place] + flipped + data[place + 1 :]
        if kind == 1:
            return data[:place] + data[place + 1 + draw.below(8) :] or b"\0"
        garbage = draw.next_64_bits().to_bytes(8, "little")
        return data[:place] + garbage + data[place:]
