"""What a node tells those who watch it: one feed, any number of subscriptions.

Without a subscription it costs next to nothing: the tap is closed, nothing is measured,
no timer runs; the few events of the core are kept, so that who comes late learns what
happened before. Each subscription has a bound: what does not fit is dropped, and the
next record that fits says how many were.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.events import AcknowledgementUnneeded, Event
from raftwerk.core.messages import Message
from raftwerk.core.records import ConfState
from raftwerk.errors import NotLeader, QueueFull
from raftwerk.host.protocol import Host, Timer
from raftwerk.runtime.event_format import (
    Record,
    describe_event,
    describe_message,
    encode_record,
    header_record,
)
from raftwerk.runtime.frames import Frames
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.node import Node
from raftwerk.runtime.recent import Recent
from raftwerk.runtime.tap import Tap
from raftwerk.storage.protocol import LogStore
from raftwerk.types import NodeId

__all__ = ["EventFeed", "Subscription"]

FRAME_SECONDS: Final = 0.1
"""From one state to the next; what happens is told at once."""

PAST_EVENTS: Final = 50
"""How many of each kind are kept for who comes late."""

ROUTINE: Final = frozenset[type[Event]]({AcknowledgementUnneeded})
"""What happens with every other batch under load, and tells nobody anything."""

WAITING_BYTES_MAX: Final = 1024 * 1024
"""What may wait in one subscription; beyond it records are dropped."""

SUBSCRIPTIONS_MAX: Final = 32
"""More are refused: a node is there for its clients."""


Alarms = Sequence[tuple[str, NodeId]]
"""The word for each, and whose it is; the same order always."""


class Subscription:
    """The records of one who watches, encoded, one a line.

    Parameters
    ----------
    waiting_bytes_max : int
        What may wait to be taken.
    """

    def __init__(self, waiting_bytes_max: int = WAITING_BYTES_MAX) -> None:
        self._waiting_bytes_max = waiting_bytes_max
        self._lines: list[bytes] = []
        self._bytes = 0
        self._dropped = 0
        self._wanted = asyncio.Event()
        self._is_closed = False

    def put(self, line: bytes, t: float) -> None:
        """Have a record wait, or drop it if there is no room.

        Parameters
        ----------
        line : bytes
            The record.
        t : float
            When, in seconds since 1970.
        """
        if self._bytes + len(line) > self._waiting_bytes_max:
            self._dropped += 1
            return
        if self._dropped:
            dropped: Record = {"type": "dropped", "t": t, "count": self._dropped}
            self._dropped = 0
            self._lines.append(encode_record(dropped))
        self._lines.append(line)
        self._bytes += len(line)

    def flush(self) -> None:
        """Have what waits be taken now."""
        if self._lines:
            self._wanted.set()

    async def take(self) -> list[bytes]:
        """Return what waits, once it is to be taken.

        Returns
        -------
        list of bytes
            Records in order; none if the node has ended.
        """
        while not self._lines and not self._is_closed:
            self._wanted.clear()
            await self._wanted.wait()
        lines, self._lines, self._bytes = self._lines, [], 0
        self._wanted.clear()
        return lines

    def close(self) -> None:
        """Say that nothing more comes."""
        self._is_closed = True
        self._wanted.set()


class EventFeed:
    """Tells what happens in one node.

    Parameters
    ----------
    node : Node
        Started already.
    config : NodeConfig
        What it was told.
    host : Host
        Time.
    log : LogStore
        Its log.
    tap : Tap
        What it sends.
    meter : Meter
        What it measures.
    alarms : callable, optional
        Returns the alarms that its state machine knows: the word for each, and the
        member that raised it.
    """

    def __init__(
        self,
        node: Node,
        config: NodeConfig,
        host: Host,
        *,
        log: LogStore,
        tap: Tap,
        meter: Meter,
        alarms: Callable[[], Alarms] = list,
    ) -> None:
        self._node = node
        self._config = config
        self._clock = host.clock
        self._timers = host.timers
        self._tap = tap
        self._meter = meter
        self._frames = Frames(node, log, meter)
        self._alarms = alarms
        self._told_alarms: Alarms = ()
        self._subscriptions: list[Subscription] = []
        self._past: Recent[tuple[float, Event]] = Recent(PAST_EVENTS)
        self._timer: Timer | None = None
        self._conf_state: ConfState | None = None
        self._names: tuple[tuple[int, str], ...] = ()
        self._connected: dict[NodeId, bool] = {}
        node.observe(self._happened)

    # ---- who watches --------------------------------------------------------

    @property
    def subscriptions(self) -> int:
        """How many watch."""
        return len(self._subscriptions)

    def subscribe(self) -> Subscription:
        """Tell one more from now on, beginning with how things stand.

        Returns
        -------
        Subscription
            To be given to `unsubscribe` in the end.

        Raises
        ------
        QueueFull
            If too many watch already.
        NotLeader
            If the node does not run.
        """
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise QueueFull(
                f"{SUBSCRIPTIONS_MAX} watch this node already: watch through a monitor,"
                " which needs one subscription for any number of pages"
            )
        is_first = not self._subscriptions
        if is_first:
            self._frames.reset()
            self._told_alarms = self._alarms()
        now = self._clock.wall()
        beginning = [
            self._header(now),
            self._frames.members(now),
            *(describe_event(event, t) for t, event in self._past),
            self._frames.state(now),
            *self._frames.peers(now).values(),
            self._alarm_record(now, self._told_alarms),
        ]
        subscription = Subscription()
        for record in beginning:
            subscription.put(encode_record(record), now)
        subscription.flush()
        self._subscriptions.append(subscription)
        if is_first:
            self._open()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Tell one less.

        Parameters
        ----------
        subscription : Subscription
            What `subscribe` returned.
        """
        subscription.close()
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        if not self._subscriptions:
            self._close()

    def stop(self) -> None:
        """Tell nobody anything any more."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        self._close()

    def _open(self) -> None:
        """Look at everything."""
        self._meter.is_on = True
        self._tap.open(self._sent)
        self._timer = self._timers.call_later(FRAME_SECONDS, self._frame)

    def _close(self) -> None:
        """Look at nothing."""
        self._meter.is_on = False
        self._tap.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- what is told -------------------------------------------------------

    def _header(self, now: float) -> Record:
        """Return how each subscription begins."""
        config = self._config
        return header_record(
            "node",
            now,
            node=str(config.node_id),
            name=config.name,
            cluster=str(config.cluster_id),
            heartbeat_millis=config.heartbeat_millis,
            election_timeout_millis=[
                config.election_timeout_min_millis,
                config.election_timeout_max_millis,
            ],
        )

    def _happened(self, events: Sequence[Event]) -> None:
        """Tell what happened in the core, at once."""
        told = [event for event in events if type(event) not in ROUTINE]
        if not told:
            return
        now = self._clock.wall()
        for event in told:
            self._past.add(type(event).__name__, (now, event))
        if self._subscriptions:
            for event in told:
                self._put(describe_event(event, now), now)
            self._flush()

    def _sent(self, message: Message, count: int) -> None:
        """Tell of a message; it leaves with the next frame or event."""
        now = self._clock.wall()
        self._put(describe_message(message, now, count), now)

    def _frame(self) -> None:
        """Tell how things stand, and what changed without an event of the core."""
        self._timer = None
        now = self._clock.wall()
        try:
            self._put(self._frames.state(now), now)
            self._tell_members(now)
            self._tell_peers(now)
            self._tell_alarms(now)
        except NotLeader:  # it has ended
            self.stop()
            return
        self._flush()
        self._timer = self._timers.call_later(FRAME_SECONDS, self._frame)

    def _tell_members(self, now: float) -> None:
        """Tell who the members are, if that is news."""
        conf_state = self._node.status().conf_state
        names = tuple((each.node_id, each.name) for each in self._node.members)
        if (conf_state, names) != (self._conf_state, self._names):
            self._conf_state, self._names = conf_state, names
            self._put(self._frames.members(now), now)

    def _tell_peers(self, now: float) -> None:
        """Tell which peers were lost or found."""
        peers = self._frames.peers(now)
        for peer, record in peers.items():
            if self._connected.get(peer) != record["is_connected"]:
                self._put(record, now)
        self._connected = {
            peer: record["is_connected"] for peer, record in peers.items()
        }

    def _tell_alarms(self, now: float) -> None:
        """Tell which alarms are raised, if that is news."""
        alarms = self._alarms()
        if alarms != self._told_alarms:
            self._told_alarms = alarms
            self._put(self._alarm_record(now, alarms), now)

    def _alarm_record(self, now: float, alarms: Alarms) -> Record:
        """Return which alarms this node knows."""
        return {
            "type": "alarms",
            "t": now,
            "node": str(self._config.node_id),
            "alarms": [
                {"kind": kind, "member": str(member)} for kind, member in alarms
            ],
        }

    def _put(self, record: Record, now: float) -> None:
        """Give a record to all; it is encoded once."""
        line = encode_record(record)
        for subscription in self._subscriptions:
            subscription.put(line, now)

    def _flush(self) -> None:
        """Have all take what waits."""
        for subscription in self._subscriptions:
            subscription.flush()
