"""What a node counts from its start on, for whoever asks every few seconds.

Beside `meter`, which measures only while somebody looks. These counts cost a few look-
ups an election and two looks at the clock a sync, so they are always there.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Final

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    Event,
    QuorumLost,
    SnapshotRestored,
    SnapshotSent,
)
from raftwerk.host.histogram import Histogram
from raftwerk.types import NodeId

__all__ = ["NodeMetrics"]

SYNC_BOUNDS: Final = tuple(0.001 * 2**power for power in range(14))
"""In seconds, 1 ms to 8.192 s: etcd's buckets, so that its dashboards fit."""

SYNCS_OF_LATE: Final = 32
"""So many tell how the disk is now."""


class NodeMetrics:
    """What one node counts.

    Attributes
    ----------
    leader_changes : int
        How often another leader was seen.
    elections : int
        How often this member stood.
    terms_led : int
        How often it was elected.
    quorums_lost : int
        How often it stepped down, for no majority answered.
    snapshots_sent, snapshots_restored : int
        How many this member sent to others and took over from them.
    syncs : Histogram
        How long the disk took to make the log durable, in seconds.
    """

    def __init__(self) -> None:
        self.leader_changes = 0
        self.elections = 0
        self.terms_led = 0
        self.quorums_lost = 0
        self.snapshots_sent = 0
        self.snapshots_restored = 0
        self.syncs = Histogram(SYNC_BOUNDS)
        self._late_syncs: deque[float] = deque(maxlen=SYNCS_OF_LATE)
        self._leader: NodeId | None = None

    def synced(self, seconds: float) -> None:
        """Count a sync.

        Parameters
        ----------
        seconds : float
            How long it took.
        """
        self.syncs.add(seconds)
        self._late_syncs.append(seconds)

    def late_sync_seconds(self) -> float:
        """Return what a sync took of late.

        Returns
        -------
        float
            The median of the last ones; 0 if there was none.
        """
        return median(tuple(self._late_syncs) or (0.0,))

    def look(self, leader: NodeId | None) -> None:
        """Take note of who leads.

        Parameters
        ----------
        leader : NodeId or None
            Whom the member knows; None changes nothing.
        """
        if leader is not None and leader != self._leader:
            self._leader = leader
            self.leader_changes += 1

    def observe(self, events: Sequence[Event]) -> None:
        """Count what happened in the core.

        Parameters
        ----------
        events : sequence of Event
            Of one turn.
        """
        for event in events:
            match event:
                case BecameLeader():
                    self.terms_led += 1
                    self.look(event.node)
                case BecameFollower():
                    self.look(event.leader)
                case BecameCandidate():
                    self.elections += 1
                case QuorumLost():
                    self.quorums_lost += 1
                case SnapshotSent():
                    self.snapshots_sent += 1
                case SnapshotRestored():
                    self.snapshots_restored += 1
