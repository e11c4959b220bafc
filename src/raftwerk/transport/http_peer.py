"""Letters to one peer: for each route a queue, and one letter under way at a time.

So the order of a route is kept. What waits while a letter is under way goes with the
next one. If a letter is lost, all that waited on its route is lost with it: the core
repeats what still matters.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.errors import PeerError
from raftwerk.host.protocol import Host
from raftwerk.transport.backoff import Backoff
from raftwerk.transport.codec import may_say
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.handshake import VERSION_MAX, VERSION_MIN, Hello
from raftwerk.transport.http_letter import (
    Route,
    SaidRemoved,
    decode_answer,
    encode_letter,
    route_of,
)
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.transport.protocol import Identity, PeerView
from raftwerk.types import NodeId

__all__ = ["HttpAround", "HttpPeer", "Post"]

Post = Callable[[str, Route, bytes], Awaitable[tuple[int, bytes]]]
"""Delivers a body to a ``host:port`` and a route; returns HTTP's status and the answer.

It raises `PeerError` with words if nobody answers.
"""


class HttpAround(msgspec.Struct, frozen=True, kw_only=True):
    """What all peers of one member share."""

    identity: Identity
    config: TransportConfig
    host: Host
    inbox: Inbox
    news: News
    post: Post
    check: Callable[[NodeId, Sequence[Message]], None]
    """Raises `PeerError` if these can't be from this peer."""


class HttpPeer:
    """Sends letters to one peer.

    Parameters
    ----------
    node_id : NodeId
        Whom we want to find there.
    address : str
        Its ``host:port``.
    around : HttpAround
        What all peers share.
    """

    def __init__(self, node_id: NodeId, address: str, around: HttpAround) -> None:
        self.node_id = node_id
        self.address = address
        self.received_bytes = 0
        self._around = around
        self._who = f"node {node_id:x} at {address}"
        self._waiting: dict[Route, list[Message]] = {route: [] for route in Route}
        self._under_way: dict[Route, asyncio.Task[None]] = {}
        self._backoff = Backoff(
            around.config.retry_min_seconds,
            around.config.retry_max_seconds,
            around.host.draw,
        )
        self._early = asyncio.Event()
        self._is_connected = False
        self._is_loss_told = False
        self._is_stopped = False
        self._version = VERSION_MIN
        """The newest that both speak, as far as its answers have told."""
        self._since = around.host.clock.now()
        self._sent_bytes = 0
        self._dropped = 0
        self._trouble = "not connected yet"

    def offer(self, message: Message) -> None:
        """Keep a message until `flush`, if there is room and the peer knows its kind.

        Parameters
        ----------
        message : Message
            For this peer.
        """
        if not may_say(message, self._version):
            return
        waiting = self._waiting[route_of(message)]
        if self._is_stopped or len(waiting) >= self._around.config.queue_messages_max:
            self._drop([message])
            self._around.inbox.put_unreachable(self.node_id)
        else:
            waiting.append(message)

    def flush(self) -> None:
        """Send what waits, where no letter is under way."""
        for route in self._waiting:
            if self._has_cause(route) and route not in self._under_way:
                self._under_way[route] = asyncio.ensure_future(self._send(route))

    def hurry(self) -> None:
        """Try again now: the peer was just heard of."""
        self._early.set()

    def stop(self) -> Sequence[asyncio.Task[None]]:
        """Send nothing more.

        Returns
        -------
        sequence of Task
            What is still to end; each was told to.
        """
        self._is_stopped = True
        under_way = tuple(self._under_way.values())
        for task in under_way:
            task.cancel()
        return under_way

    def view(self) -> PeerView:
        """Return what is known of the peer.

        Returns
        -------
        PeerView
            At this moment.
        """
        return PeerView(
            is_connected=self._is_connected,
            since=self._since,
            round_trip_seconds=None,
            sent_bytes=self._sent_bytes,
            received_bytes=self.received_bytes,
            waiting_messages=sum(map(len, self._waiting.values())),
            waiting_bytes=0,
            dropped_messages=self._dropped,
            trouble=self._trouble,
        )

    def _has_cause(self, route: Route) -> bool:
        """Tell whether a letter is to be written.

        Two followers have nothing to say to each other, and each would seem cut off
        from the other. So who was not reached yet is greeted by a letter without
        messages, on the route where nothing urgent would wait for it.
        """
        is_greeting = route is Route.SNAPSHOT and not self._is_connected
        return bool(self._waiting[route]) or is_greeting

    async def _send(self, route: Route) -> None:
        """Send letters on a route until nothing waits there."""
        try:
            while self._has_cause(route):
                messages, self._waiting[route] = self._waiting[route], []
                try:
                    await self._send_letter(route, messages)
                except PeerError as error:
                    self._lost([*messages, *self._waiting[route]], str(error))
                    if isinstance(error, SaidRemoved):
                        self._around.inbox.put_removed(str(error))
                    self._waiting[route] = []
                    await self._pause()
                else:
                    self._arrived(messages)
        finally:
            del self._under_way[route]

    async def _send_letter(self, route: Route, messages: Sequence[Message]) -> None:
        """Send one letter, and deliver what its answer brings."""
        hello = Hello(
            version_min=VERSION_MIN,
            version_max=VERSION_MAX,
            receiver=self.node_id,
            identity=self._around.identity,
        )
        body = encode_letter(hello, messages)
        self._sent_bytes += len(body)
        status, answer = await self._around.post(self.address, route, body)
        self.received_bytes += len(answer)
        replies, version = decode_answer(answer, status)
        self._version = min(version, VERSION_MAX)
        self._around.check(self.node_id, replies)
        if replies:
            self._around.inbox.put_messages(replies)

    def _arrived(self, messages: Sequence[Message]) -> None:
        """Know that there is a way."""
        self._backoff.reset()
        if not self._is_connected:
            self._is_connected, self._is_loss_told, self._trouble = True, False, ""
            self._since = self._around.host.clock.now()
            self._around.news.good(self._who, "connected to peer")
        for message in messages:
            if isinstance(message, InstallSnapshot):
                self._around.inbox.put_snapshot(self.node_id, True)

    def _lost(self, messages: Sequence[Message], reason: str) -> None:
        """Know that there is none."""
        self._drop(messages)
        self._version = VERSION_MIN  # another build may answer the next time
        if self._is_connected:
            self._is_connected = False
            self._since = self._around.host.clock.now()
        self._trouble = reason
        self._around.news.trouble(self._who, "peer does not take our letters", reason)
        if not self._is_loss_told:
            self._is_loss_told = True
            self._around.inbox.put_unreachable(self.node_id)

    def _drop(self, messages: Sequence[Message]) -> None:
        """Count what is lost, and tell of each snapshot."""
        self._dropped += len(messages)
        for message in messages:
            if isinstance(message, InstallSnapshot):
                self._around.inbox.put_snapshot(self.node_id, False)

    async def _pause(self) -> None:
        """Wait before the next letter, but not once the peer was heard of."""
        self._early.clear()
        timer = self._around.host.timers.call_later(
            self._backoff.next_seconds(), self._early.set
        )
        try:
            await self._early.wait()
        finally:
            timer.cancel()
