"""A client that watches a range, loses its connection, and goes on where it was."""

import asyncio
from collections import deque
from typing import Final

from raftwerk.service.watch_messages import CreateWatch, WatchAnswer
from raftwerk.sim.clients import Client
from raftwerk.sim.kv_machine import KvServices, kv_services
from raftwerk.sim.machine import Machine
from raftwerk.sim.records import Watched
from raftwerk.transport.conditions import happens

__all__ = ["watch"]

STAY_MILLIS: Final = 6_000
"""How long a connection is kept at most, before the client tries another member."""

AWAY_MILLIS: Final = 2_000
"""How long it is away at most, when it does not come back at once."""

_RANGES: Final = ((b"key ", b"key0"), (b"\0", b"\0"), (b"account ", b"account0"))


class _Connection:
    """One stream from one member: answers arrive in order, until it breaks."""

    def __init__(self, client: Client, machine: Machine) -> None:
        self._client = client
        self._machine = machine
        self._world = client.world
        self._arrived: deque[WatchAnswer | None] = deque()
        self._changed = asyncio.Event()
        self._last_arrival = 0.0
        self._number = self._world.next_number()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def open(self, watched: Watched) -> None:
        """Begin to watch where the client was."""
        request = CreateWatch(
            key=watched.prefix,
            range_end=watched.range_end,
            start_revision=watched.next_revision,
        )
        self._machine.calls[self._number] = lambda: self._ship(None)
        self._task = self._machine.run(
            self._serve(kv_services(self._machine.services), request)
        )

    async def _serve(self, services: KvServices, request: CreateWatch) -> None:
        """Send on what a member tells; runs in its process."""
        stream = services.watch.open()
        try:
            await stream.create(request)
            async for answer in stream:
                self._ship(answer)
        finally:
            stream.close()

    def _ship(self, answer: WatchAnswer | None) -> None:
        """Bring an answer on its way; None: the connection broke."""
        world = self._world
        conditions = world.ways.conditions
        if happens(conditions.drop_rate, self._client.draw):
            answer = None
        arrival = world.now() + conditions.latency_seconds(self._client.draw)
        self._last_arrival = max(self._last_arrival, arrival)
        world.timers.call_later(self._last_arrival - world.now(), self._arrive, answer)

    def _arrive(self, answer: WatchAnswer | None) -> None:
        """Take what came."""
        if not self._is_closed:
            self._arrived.append(answer)
            self._changed.set()

    def hang_up(self) -> None:
        """Have the client take the connection for broken."""
        self._arrive(None)

    async def next(self) -> WatchAnswer | None:
        """Return what came next; None if the connection broke."""
        while not self._arrived:
            self._changed.clear()
            await self._changed.wait()
        return self._arrived.popleft()

    def close(self) -> None:
        """Want nothing more."""
        self._is_closed = True
        self._machine.calls.pop(self._number, None)
        if self._task is not None and not self._task.done() and self._machine.is_up:
            self._task.cancel()


async def watch(client: Client) -> None:
    """Watch a range, through one member after the other, until it is cancelled.

    Parameters
    ----------
    client : Client
        Who.
    """
    start, end = _RANGES[client.number % len(_RANGES)]
    watched = Watched(client.number, start, end)
    client.records.watches.append(watched)
    while True:  # until it is cancelled: it must see the end
        machine = client.member()
        client.move()
        if not machine.is_ready:
            await client.rest()
            continue
        connection = _Connection(client, machine)
        connection.open(watched)
        stay = client.world.timers.call_later(
            (1 + client.draw.below(STAY_MILLIS)) / 1000, connection.hang_up
        )
        try:
            while (answer := await connection.next()) is not None:
                _take(client, watched, answer)
                if answer.canceled:
                    break
        finally:
            stay.cancel()
            connection.close()
        if not client.is_over and client.draw.below(3) == 0:
            # Away for a while: what it lacks may be compacted meanwhile.
            await client.world.sleep((1 + client.draw.below(AWAY_MILLIS)) / 1000)


def _take(client: Client, watched: Watched, answer: WatchAnswer) -> None:
    """Remember an answer."""
    if answer.events:
        watched.events += answer.events
        watched.next_revision = answer.events[-1].kv.mod_revision + 1
        client.records.count("watched")
    if answer.canceled and answer.compact_revision:
        watched.gaps.append((watched.next_revision, answer.compact_revision))
        watched.next_revision = max(watched.next_revision, answer.compact_revision)
