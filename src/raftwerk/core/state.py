"""All that a member remembers, and the three ways to speak: send, send late, record.

The handlers of the other modules read and change it; who may change what is said there.
Source: Raft paper Fig. 2 (state), etcd for the volatile part.
"""

from collections.abc import Callable

from raftwerk.core.config import CoreConfig
from raftwerk.core.events import Event
from raftwerk.core.lease import Lease
from raftwerk.core.log import RaftLog
from raftwerk.core.messages import PeerMessage
from raftwerk.core.reads import Reads
from raftwerk.core.ready import ReadState, SoftState
from raftwerk.core.records import ConfState, HardState
from raftwerk.core.roles import Role
from raftwerk.core.stable import StableLog
from raftwerk.core.tracker import Tracker
from raftwerk.types import NO_INDEX, NO_TERM, LogIndex, NodeId, Term

__all__ = ["Seen", "State"]


class Seen:
    """What the last step left, by which the next one is judged: neither may go back."""

    __slots__ = ("commit_index", "term")

    def __init__(self) -> None:
        self.term: Term = NO_TERM
        self.commit_index: LogIndex = NO_INDEX


class State:
    """One member of one group.

    Parameters
    ----------
    config : CoreConfig
        What it was told.
    stable : StableLog
        What storage holds.
    draw : callable
        Takes a bound and returns an integer from 0 up to but not including it.

    Attributes
    ----------
    term, vote : Term, NodeId or None
        With the log's commit index the hard state: durable before an answer.
    role, leader : Role, NodeId or None
        The soft state.
    log : RaftLog
        The log.
    tracker : Tracker
        The configuration, each follower's progress, and the votes.
    reads : Reads
        Reads that wait for a quorum.
    election_elapsed, heartbeat_elapsed : int
        Ticks since the last sign of a leader (of a quorum, for a leader), and since
        the last heartbeat.
    election_timeout : int
        The present draw, in ticks.
    transferee : NodeId or None
        To whom leadership is being handed over.
    lease : Lease
        Until when a leader may serve reads without a round.
    must_wait_out : bool
        Whether a leader may count on us that we do not know, for we have just started
        again: no vote before a lease that it could have would be over.
    pending_conf_index : LogIndex
        No configuration change is proposed while this is above the applied index.
    uncommitted_bytes : int
        Payload of the leader's entries that are not applied yet.
    conf_state_below_snapshot : ConfState
        While a received snapshot is not installed: the configuration that entries below
        it have led to as far as they are applied, for they may be in application still.
    messages, messages_after_sync : list of Message
        What goes out at once, and what waits for storage.
    read_states : list of ReadState
        Answered reads of this member.
    events : list of Event
        What happened since they were taken.
    seen : Seen
        What the last step left.
    """

    __slots__ = (
        "conf_state_below_snapshot",
        "config",
        "draw",
        "election_elapsed",
        "election_timeout",
        "events",
        "heartbeat_elapsed",
        "id",
        "leader",
        "lease",
        "log",
        "messages",
        "messages_after_sync",
        "must_wait_out",
        "pending_conf_index",
        "read_states",
        "reads",
        "role",
        "seen",
        "term",
        "tracker",
        "transferee",
        "uncommitted_bytes",
        "vote",
    )

    def __init__(
        self, config: CoreConfig, stable: StableLog, draw: Callable[[int], int]
    ) -> None:
        self.config = config
        self.id = config.node_id
        self.draw = draw
        self.events: list[Event] = []
        self.log = RaftLog(
            stable, config.node_id, self.record, config.committed_bytes_max
        )
        self.tracker = Tracker(config.inflight_messages_max, config.inflight_bytes_max)
        self.reads = Reads()
        self.lease = Lease(config.election_ticks_min - 1)
        self.must_wait_out = False
        self.term = NO_TERM
        self.vote: NodeId | None = None
        self.role = Role.FOLLOWER
        self.leader: NodeId | None = None
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.election_timeout = config.election_ticks_max
        self.transferee: NodeId | None = None
        self.pending_conf_index = NO_INDEX
        self.uncommitted_bytes = 0
        self.conf_state_below_snapshot = ConfState()
        self.messages: list[PeerMessage] = []
        self.messages_after_sync: list[PeerMessage] = []
        self.read_states: list[ReadState] = []
        self.seen = Seen()

    # ---- seen from outside --------------------------------------------------

    @property
    def hard_state(self) -> HardState:
        """What must be durable before an answer leaves."""
        return HardState(self.term, self.vote, self.log.commit_index)

    @property
    def soft_state(self) -> SoftState:
        """Who leads, and what we are."""
        return SoftState(self.leader, self.role)

    @property
    def is_promotable(self) -> bool:
        """Whether this member may stand: a voter in its own view, with a whole log."""
        own = self.tracker.progress.get(self.id)
        return (
            own is not None and not own.is_learner and not self.log.has_pending_snapshot
        )

    # ---- speaking -----------------------------------------------------------

    def send(self, message: PeerMessage) -> None:
        """Send at once: what promises nothing that is not durable.

        Parameters
        ----------
        message : PeerMessage
            To another member.
        """
        self.messages.append(message)

    def send_after_sync(self, message: PeerMessage) -> None:
        """Send when storage has all that was handed to it up to now (Fig. 2).

        A message to ourselves is how a member learns that its own write counts.

        Parameters
        ----------
        message : PeerMessage
            To another member, or to ourselves.
        """
        self.messages_after_sync.append(message)

    def record(self, event: Event) -> None:
        """Record what happened.

        Parameters
        ----------
        event : Event
            It stays until the driver takes it.
        """
        self.events.append(event)
