"""Messages over TCP: a listener and a connection to each peer; the only sockets here.

What is said on a connection is decided by `peer` and `inbound`, which know no sockets.
Callbacks of asyncio rather than its streams: no task wakes for what arrives, and what
is sent in one call leaves in one frame a peer.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.errors import ConfigError
from raftwerk.host.protocol import Host
from raftwerk.transport.address import Address, others_in
from raftwerk.transport.config import FRAME_BODY_BYTES, TransportConfig
from raftwerk.transport.door import Doorkeeper
from raftwerk.transport.handshake import object_to_stranger
from raftwerk.transport.inbound import Inbound
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.link import Session, Surroundings
from raftwerk.transport.news import News
from raftwerk.transport.peer import Peer
from raftwerk.transport.port_holder import holder_of
from raftwerk.transport.protocol import (
    Admission,
    Answerer,
    Identity,
    Objection,
    PeerView,
    Receiver,
    Report,
)
from raftwerk.transport.wire import Wire
from raftwerk.types import NodeId

__all__ = ["TcpTransport", "TlsContexts", "words_of_loss"]

_UNSENT_BYTES_MAX: Final = 2 * FRAME_BODY_BYTES
"""What the system may hold of ours unsent; the rest waits where it can be overtaken."""


class TlsContexts(msgspec.Struct, frozen=True):
    """How connections are encrypted, and who is trusted: for each direction."""

    server: ssl.SSLContext
    """For who dials us; demands a certificate of it, if the context says so."""
    client: ssl.SSLContext
    """For whom we dial; checks that the certificate fits the host in its address."""


class TcpTransport:
    """A `Transport` between machines.

    Parameters
    ----------
    identity : Identity
        Who we are.
    listen : str or sequence of str
        Each ``host:port`` to listen on; port 0 takes a free one.
    host : Host
        Clock, timers and draws.
    report : Report
        Where lines for the log go, for instance ``structlog.get_logger().log``.
    config : TransportConfig
        All bounds.
    admit : Admission, optional
        Says who is refused, of those whom versions, cluster and ids fit. Without it,
        all who are not among the peers.
    answer : Answerer, optional
        Answers newcomers that ask before they have an id. Without it, nobody is
        answered.
    tls : TlsContexts, optional
        Without it, connections are neither encrypted nor authenticated.
    """

    def __init__(
        self,
        identity: Identity,
        listen: str | Sequence[str],
        *,
        host: Host,
        report: Report,
        config: TransportConfig = TransportConfig(),
        admit: Admission | None = None,
        answer: Answerer | None = None,
        tls: TlsContexts | None = None,
    ) -> None:
        """Neither listen nor dial yet."""
        texts = (listen,) if isinstance(listen, str) else listen
        self._listen = [Address.parse(text) for text in texts]
        self._tls = tls
        self._inbox = Inbox(host.timers)
        self._around = Surroundings(
            identity=identity,
            config=config,
            host=host,
            admit=admit or self._admit_peers,
            inbox=self._inbox,
            news=News(report),
            dial=self._dial,
            answer=answer,
        )
        self._peers: dict[NodeId, Peer] = {}
        self._servers: list[asyncio.Server] = []
        self._door = Doorkeeper(config.handshakes_max, self._hurry)
        self._wires: set[Wire] = set()
        self._dials: set[asyncio.Task[None]] = set()
        self._on_all_closed: asyncio.Future[None] | None = None

    # -- What the runtime asks ---------------------------------------------------------

    async def start(self, receiver: Receiver) -> None:
        """Do as `Transport.start` says."""
        try:
            for address in self._listen:
                self._servers.append(await self._listen_on(address))
        except ConfigError:
            await self._close_servers()
            raise
        self._inbox.open(receiver)
        for peer in self._peers.values():
            peer.start()
            peer.flush()

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        """Do as `Transport.set_peers` says."""
        others = others_in(addresses, self._around.identity)
        for node_id, peer in list(self._peers.items()):
            if others.get(node_id) != peer.address:
                self._remove(peer)
        for node_id, address in others.items():
            if node_id not in self._peers:
                peer = self._peers[node_id] = Peer(node_id, address, self._around)
                if self._inbox.is_open:
                    peer.start()
        self._door.keep_only(others)

    def send(self, messages: Sequence[Message]) -> None:
        """Do as `Transport.send` says."""
        offered: dict[Peer, None] = {}
        for message in messages:
            peer = self._peers.get(message.receiver)
            if peer is not None:
                peer.offer(message)
                offered[peer] = None
                continue
            self._inbox.put_unreachable(message.receiver)
            if isinstance(message, InstallSnapshot):
                self._inbox.put_snapshot(message.receiver, False)
        # At once, and not when the loop comes round: the disk is asked after this, and
        # what it does should be done while these travel.
        if self._inbox.is_open:
            for peer in offered:
                peer.flush()

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Do as `Transport.peers` says."""
        return {
            node_id: peer.view(self._door.received_bytes(node_id))
            for node_id, peer in self._peers.items()
        }

    def addresses(self) -> list[str]:
        """Return where we listen, with the ports that the system has chosen.

        Returns
        -------
        list of str
            Each as ``host:port``; empty before `start` and after `stop`.
        """
        sockets = [sock for server in self._servers for sock in server.sockets]
        names = [sock.getsockname() for sock in sockets]
        return [str(Address(host=name[0], port=name[1])) for name in names]

    async def stop(self) -> None:
        """Do as `Transport.stop` says."""
        self._inbox.close()
        for server in self._servers:
            server.close()
        for peer in self._peers.values():
            peer.stop()
        self._door.close_all()
        if self._wires:
            # Bounded: each was aborted, or will be when its time to close is over.
            self._on_all_closed = asyncio.get_running_loop().create_future()
            await self._on_all_closed
        await asyncio.gather(*self._dials, return_exceptions=True)
        await self._close_servers()

    # -- Connections -------------------------------------------------------------------

    async def _listen_on(self, address: Address) -> asyncio.Server:
        """Listen, or say who is in the way."""
        try:
            return await asyncio.get_running_loop().create_server(
                self._accept,
                address.host or None,
                address.port,
                ssl=self._tls.server if self._tls else None,
                ssl_handshake_timeout=self._tls_seconds(),
            )
        except OSError as error:
            words = words_of_loss(error)
            if error.errno == errno.EADDRINUSE:
                holder = holder_of(address.port)
                words = f"{holder} has this port; stop it or choose another"
            elif error.errno is None:  # asyncio's, of Python 3.13: no address is ours
                words = os.strerror(errno.EADDRNOTAVAIL).lower()
            raise ConfigError(
                f"cannot listen on {address} for peers: {words}"
            ) from None

    async def _close_servers(self) -> None:
        """Listen no more."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
            await server.wait_closed()

    def _accept(self) -> Wire:
        """Make the session of an incoming connection."""
        return self._wire_for(Inbound(self._around, self._door))

    def _dial(self, address: str, session: Session) -> Callable[[], None]:
        """Do as `Surroundings.dial` says."""
        wire = self._wire_for(session)
        dial = self._connect(Address.parse(address), wire)
        task = asyncio.get_running_loop().create_task(dial)
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

        def call_off() -> None:
            wire.abort()
            task.cancel()

        return call_off

    async def _connect(self, address: Address, wire: Wire) -> None:
        """Connect a wire, or tell it why not."""
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: wire,
                address.host,
                address.port,
                ssl=self._tls.client if self._tls else None,
                ssl_handshake_timeout=self._tls_seconds(),
            )
        except OSError as error:
            wire.fail(error)
        except asyncio.CancelledError:
            # Called off. If it was just connected, nobody may tell the wire that this
            # is over: uvloop closes the socket at once, and says nothing more.
            self._on_gone(wire)
            raise

    def _wire_for(self, session: Session) -> Wire:
        """Make the wire of a session."""
        return Wire(
            session,
            timers=self._around.host.timers,
            close_seconds=self._around.config.close_seconds,
            on_made=self._on_made,
            on_gone=self._on_gone,
            words_of=words_of_loss,
        )

    def _on_made(self, wire: Wire, transport: asyncio.Transport) -> None:
        """Count a connection in, and keep the system from hoarding what it can't send.

        Without the option some megabytes may stand between a heartbeat and the line.
        """
        self._wires.add(wire)
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES_MAX)
        if not self._inbox.is_open:
            wire.abort()

    def _on_gone(self, wire: Wire) -> None:
        """Count a connection out."""
        self._wires.discard(wire)
        if not self._wires and self._on_all_closed is not None:
            self._on_all_closed.set_result(None)
            self._on_all_closed = None

    def _hurry(self, node_id: NodeId) -> None:
        """Connect to a peer that has just connected to us."""
        if node_id in self._peers:
            self._peers[node_id].hurry()

    def _remove(self, peer: Peer) -> None:
        """Part with a peer."""
        del self._peers[peer.node_id]
        peer.stop()
        self._inbox.put_unreachable(peer.node_id)

    def _admit_peers(self, identity: Identity) -> Objection | None:
        """Refuse all but the peers: the `Admission` that goes without saying."""
        if identity.node_id in self._peers:
            return None
        return object_to_stranger(identity, self._around.identity)

    def _tls_seconds(self) -> float | None:
        """Return how long the encryption may take to be agreed on."""
        return self._around.config.handshake_seconds if self._tls else None


def words_of_loss(error: Exception | None) -> str:
    """Return the reason for a lost connection without what differs each time.

    Parameters
    ----------
    error : Exception or None
        What the connection or the attempt ended with; None if nothing went wrong.

    Returns
    -------
    str
        For people.
    """
    if error is None:
        return "the other side closed it"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
