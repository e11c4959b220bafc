"""What waits to be sent to one peer: a bounded queue for each lane.

Control goes before entries, entries before bulk. What does not fit is dropped,
the newest first: what is sent has no avoidable gaps, and the core repairs the rest.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.transport.config import FRAME_BODY_BYTES, TransportConfig
from raftwerk.transport.parcel import Lane, Parcel, lane_of, pack

__all__ = ["Lanes", "Loss"]


class Loss(msgspec.Struct, frozen=True):
    """What was dropped."""

    messages: int = 0
    snapshots: int = 0
    """How many of these were snapshots."""


_NOTHING: Final = Loss()

_LANES: Final = tuple(Lane)
"""To go through a class of numbers takes longer than all that is done with each."""


def _loss_of(messages: Sequence[Message]) -> Loss:
    """Count messages that are dropped."""
    snapshots = sum(isinstance(message, InstallSnapshot) for message in messages)
    return Loss(len(messages), snapshots)


def _by_lane(messages: Sequence[Message]) -> dict[Lane, Sequence[Message]]:
    """Return messages by their lanes, in their order on each."""
    by_lane: dict[Lane, list[Message]] = {}
    for message in messages:
        by_lane.setdefault(lane_of(message), []).append(message)
    return dict(by_lane)


class _Queue:
    """The parcels of one lane, counted."""

    __slots__ = ("messages", "parcels", "size_bytes")

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.messages = 0
        self.size_bytes = 0

    def append(self, parcel: Parcel) -> None:
        """Put one at the end."""
        self.parcels.append(parcel)
        self.messages += parcel.messages
        self.size_bytes += parcel.size_bytes

    def popleft(self) -> None:
        """Forget the first one."""
        parcel = self.parcels.popleft()
        self.messages -= parcel.messages
        self.size_bytes -= parcel.size_bytes


class Lanes:
    """The queues of one peer.

    Parameters
    ----------
    config : TransportConfig
        `queue_messages_max` bounds each lane, and `queue_bytes_max` control and log
        each; the bulk takes what one message may take, `message_bytes_max`.

    Attributes
    ----------
    snapshots_sent : int
        Snapshots whose last part was taken, since the beginning.
    """

    __slots__ = ("_config", "_offered", "_queues", "snapshots_sent")

    def __init__(self, config: TransportConfig) -> None:
        """Begin empty."""
        self._config = config
        self._offered: list[Message] = []
        self._queues = tuple(_Queue() for _ in _LANES)
        self.snapshots_sent = 0

    @property
    def waiting_messages(self) -> int:
        """How many messages wait, or were sent in part.

        Returns
        -------
        int
            On all lanes.
        """
        return len(self._offered) + sum(queue.messages for queue in self._queues)

    @property
    def waiting_bytes(self) -> int:
        """How much memory those take that are encoded.

        Returns
        -------
        int
            In bytes, on all lanes.
        """
        return sum(queue.size_bytes for queue in self._queues)

    def offer(self, message: Message) -> Loss:
        """Keep a message until `put_offered`, so that those of a turn share frames.

        Parameters
        ----------
        message : Message
            Of any lane.

        Returns
        -------
        Loss
            The message, if too many were offered in this turn.
        """
        if len(self._offered) < self._config.queue_messages_max:
            self._offered.append(message)
            return _NOTHING
        return _loss_of([message])

    def put_offered(self) -> Loss:
        """Encode what was offered, and let it wait.

        Returns
        -------
        Loss
            What did not fit.
        """
        offered, self._offered = self._offered, []
        return self.put(offered)

    def put(self, messages: Sequence[Message]) -> Loss:
        """Encode messages and let them wait.

        Parameters
        ----------
        messages : sequence of Message
            Those of one turn, in any mixture of lanes.

        Returns
        -------
        Loss
            What did not fit.
        """
        by_lane: dict[Lane, Sequence[Message]] = {}
        if len(messages) == 1:  # as it is most of the time
            by_lane[lane_of(messages[0])] = messages
        else:
            by_lane = _by_lane(messages)
        lost = snapshots_lost = 0
        for lane, together in by_lane.items():
            for parcel in pack(lane, together):
                if self._has_room_for(parcel):
                    self._queues[lane].append(parcel)
                    continue
                lost += parcel.messages
                snapshots_lost += parcel.snapshots
        return Loss(lost, snapshots_lost) if lost else _NOTHING

    def take(self) -> list[bytes]:
        """Return the most urgent frames: about as much as one frame may hold.

        Returns
        -------
        list of bytes
            In the order in which they are to be sent; empty if nothing waits.
        """
        frames: list[bytes] = []
        size = 0
        for queue in self._queues:
            while queue.parcels:
                parcel = queue.parcels[0]
                frame = parcel.next_frame()
                if parcel.is_sent:
                    queue.popleft()
                    self.snapshots_sent += parcel.snapshots
                frames.append(frame)
                size += len(frame)
                if size >= FRAME_BODY_BYTES:
                    return frames
        return frames

    def clear(self) -> Loss:
        """Drop all that waits, also what was sent in part.

        Returns
        -------
        Loss
            What that was.
        """
        offered, parcels = _loss_of(self._offered), self._queues[Lane.BULK].parcels
        snapshots = offered.snapshots + sum(parcel.snapshots for parcel in parcels)
        loss = Loss(self.waiting_messages, snapshots)
        self._offered = []
        self._queues = tuple(_Queue() for _ in _LANES)
        return loss

    def _has_room_for(self, parcel: Parcel) -> bool:
        """Tell whether the parcel may wait too."""
        config, queue = self._config, self._queues[parcel.lane]
        is_bulk = parcel.lane is Lane.BULK
        bytes_max = config.message_bytes_max if is_bulk else config.queue_bytes_max
        return (
            queue.messages + parcel.messages <= config.queue_messages_max
            and queue.size_bytes + parcel.size_bytes <= bytes_max
        )
