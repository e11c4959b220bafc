"""Messages as JSON over HTTP: for who wants to watch.

Slower than `tcp` by far, and readable by any tool. A letter is a request to one of
three routes below the API's prefix, on the peer listener; `http_letter` has its form,
`http_desk` for who may write, `http_peer` for who sends.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import httpx
import msgspec

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.errors import NotLeader, PeerError
from raftwerk.host.protocol import Host
from raftwerk.transport.address import others_in
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.handshake import object_to_stranger
from raftwerk.transport.http_desk import HttpDesk, check_all, check_terms
from raftwerk.transport.http_letter import Route
from raftwerk.transport.http_peer import HttpAround, HttpPeer
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.transport.protocol import (
    Admission,
    Identity,
    Objection,
    PeerView,
    Receiver,
    Report,
)
from raftwerk.types import NO_TERM, NodeId, Term

__all__ = ["METHODS", "HttpListener", "HttpSettings", "HttpTransport"]

METHODS: Final[Mapping[Route, str]] = {
    Route.VOTE: "PUT",
    Route.LOG: "POST",
    Route.SNAPSHOT: "POST",
}
"""How a letter is sent to each route."""


class HttpListener(Protocol):
    """What answers HTTP on the peers' addresses; `raftwerk.api.server` has it."""

    async def start(self) -> Sequence[object]:
        """Answer from now on.

        Returns
        -------
        sequence
            Where, each as a URL.

        Raises
        ------
        ConfigError
            If an address can't be bound; the message names it.
        """

    async def stop(self) -> None:
        """Answer no more."""


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What all members that write to each other are told alike.

    Parameters
    ----------
    prefix : str
        The path before the routes.
    secret : str
        What they prove themselves with; needed between machines.
    config : TransportConfig
        All bounds.
    """

    prefix: str = "/api/v1/raft"
    secret: str = ""
    config: TransportConfig = TransportConfig()


class HttpTransport:
    """A `Transport` by letters over HTTP.

    Parameters
    ----------
    identity : Identity
        Who we are.
    listen : callable
        Makes what has letters delivered to a desk, on our addresses.
    host : Host
        Clock, timers and draws.
    report : Report
        Where lines for the log go.
    settings : HttpSettings
        What all members of the cluster are told alike.
    term_now : callable, optional
        Returns our term; without it none is known.
    admit : Admission, optional
        Says who is refused beside all who are not among the peers.
    """

    def __init__(
        self,
        identity: Identity,
        listen: Callable[[HttpDesk], HttpListener],
        *,
        host: Host,
        report: Report,
        settings: "HttpSettings | None" = None,
        term_now: Callable[[], Term] = lambda: NO_TERM,
        admit: Admission | None = None,
    ) -> None:
        """Neither listen nor write yet."""
        self._identity = identity
        self._timers = host.timers
        settings = settings or HttpSettings()
        self._settings = settings
        self._also_admit = admit
        self._inbox = Inbox(host.timers)
        news = News(report)
        self._desk = HttpDesk(
            identity,
            settings.secret,
            timers=host.timers,
            inbox=self._inbox,
            news=news,
            admit=self._admit,
            term_now=term_now,
            heard=self._heard,
        )
        self._around = HttpAround(
            identity=identity,
            config=settings.config,
            host=host,
            inbox=self._inbox,
            news=news,
            post=self._post,
            check=self._check,
        )
        self._listener = listen(self._desk)
        self._client: httpx.AsyncClient | None = None
        self._peers: dict[NodeId, HttpPeer] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._is_flush_due = False

    async def start(self, receiver: Receiver) -> None:
        """Do as `Transport.start` says."""
        await self._listener.start()
        self._client = httpx.AsyncClient(
            timeout=self._settings.config.silence_seconds, trust_env=False
        )
        self._inbox.open(receiver)
        self._flush_soon()

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        """Do as `Transport.set_peers` says."""
        others = others_in(addresses, self._identity)
        for node_id, peer in list(self._peers.items()):
            if others.get(node_id) != peer.address:
                del self._peers[node_id]
                self._end(peer)
                self._inbox.put_unreachable(node_id)
        for node_id, address in others.items():
            if node_id not in self._peers:
                self._peers[node_id] = HttpPeer(node_id, address, self._around)
        self._flush_soon()

    def send(self, messages: Sequence[Message]) -> None:
        """Do as `Transport.send` says."""
        for message in self._desk.intercept(messages):
            peer = self._peers.get(message.receiver)
            if peer is not None:
                peer.offer(message)
                continue
            self._inbox.put_unreachable(message.receiver)
            if isinstance(message, InstallSnapshot):
                self._inbox.put_snapshot(message.receiver, False)
        self._flush_soon()

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Do as `Transport.peers` says."""
        return {node_id: peer.view() for node_id, peer in self._peers.items()}

    async def stop(self) -> None:
        """Do as `Transport.stop` says."""
        self._inbox.close()
        for peer in self._peers.values():
            self._end(peer)
        await asyncio.gather(*self._ending, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
            await self._listener.stop()

    def _end(self, peer: HttpPeer) -> None:
        """Part with a peer."""
        for task in peer.stop():
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _flush_soon(self) -> None:
        """Have all letters be written at the end of this turn."""
        if not self._is_flush_due and self._inbox.is_open:
            self._is_flush_due = True
            self._timers.call_later(0.0, self._flush)

    def _flush(self) -> None:
        """Write letters."""
        self._is_flush_due = False
        if self._inbox.is_open:
            for peer in self._peers.values():
                peer.flush()

    async def _post(self, address: str, route: Route, body: bytes) -> tuple[int, bytes]:
        """Do as `Post` says."""
        if self._client is None:
            raise PeerError("not started yet")
        headers = {"content-type": "application/json"}
        if self._settings.secret:
            headers["authorization"] = f"Bearer {self._settings.secret}"
        try:
            answer = await self._client.request(
                METHODS[route],
                f"http://{address}{self._settings.prefix}/{route}",
                content=body,
                headers=headers,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PeerError(str(error) or type(error).__name__) from error
        return answer.status_code, answer.content

    def _heard(self, sender: NodeId, received_bytes: int) -> None:
        """Know that a peer lives."""
        peer = self._peers.get(sender)
        if peer is not None:
            peer.received_bytes += received_bytes
            peer.hurry()

    def _check(self, sender: NodeId, messages: Sequence[Message]) -> None:
        """Refuse answers that can't be from this peer."""
        check_all(messages, sender, self._identity)
        if messages:
            try:
                check_terms(messages, self._desk.term)
            except NotLeader as error:  # our node has ended: nobody waits for these
                raise PeerError(str(error)) from error

    def _admit(self, theirs: Identity) -> Objection | None:
        """Refuse all but the peers, and those that our node refuses.

        A node by itself lets strangers in: if it lags, one may have been added since.
        Here members are listed, and anybody who can send a request may say any id.
        """
        objection = None if self._also_admit is None else self._also_admit(theirs)
        if objection is None and theirs.node_id not in self._peers:
            objection = object_to_stranger(theirs, self._identity)
        return objection
