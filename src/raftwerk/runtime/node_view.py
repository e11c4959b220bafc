"""What can be seen of a node: its own view, its members, its peers, its events."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from raftwerk.config import NodeConfig
from raftwerk.core.events import Event
from raftwerk.core.progress_view import ProgressView
from raftwerk.core.records import Entry
from raftwerk.core.replica import Replica
from raftwerk.runtime.disk_watch import DiskState
from raftwerk.runtime.driver import Driver
from raftwerk.runtime.evidence import said_directories
from raftwerk.runtime.members import Member
from raftwerk.runtime.status import NodeStatus
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import PeerView, Transport
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["NodeView"]


class NodeView(ABC):
    """The part of `Node` that looks and changes nothing.

    Parameters
    ----------
    config : NodeConfig
        Who it is.
    stores : Stores
        Its log and snapshots.
    transport : Transport
        Its way to the other members.
    """

    def __init__(
        self, config: NodeConfig, stores: Stores, transport: Transport
    ) -> None:
        self._config = config
        self._stores = stores
        self._transport = transport
        self._observers: list[Callable[[Sequence[Event]], None]] = []

    @abstractmethod
    def _driver(self) -> Driver:
        """Return the driver, if the node runs."""

    def observe(self, observer: Callable[[Sequence[Event]], None]) -> None:
        """Have the core's events of each turn given to a callable.

        Parameters
        ----------
        observer : callable
            Called on the loop's thread; it must return at once and not raise.
        """
        self._observers.append(observer)

    def _tell(self, events: Sequence[Event]) -> None:
        """Give events to all who asked for them."""
        for observer in self._observers:
            observer(events)

    @property
    def members(self) -> Sequence[Member]:
        """All members with names and addresses, ascending by id.

        Returns
        -------
        sequence of Member
            As of the last applied entry.
        """
        return self._driver().applier.members.in_order()

    @property
    def removed(self) -> frozenset[NodeId]:
        """All who were members once; their ids are never given out again.

        Returns
        -------
        frozenset of NodeId
            As of the last applied entry.
        """
        return self._driver().applier.members.removed

    def said_directories(self) -> Mapping[NodeId, int]:
        """Return where members have started, as entries say that are not applied yet.

        Returns
        -------
        mapping of NodeId to int
            Data directories, of those who are named.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        driver = self._driver()
        return said_directories(driver.replica.state.log, driver.applier.applied_index)

    def disk(self) -> DiskState:
        """Return how this member's disk is, also while a sync hangs.

        Returns
        -------
        DiskState
            As of the last look.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().disk.disk

    def progress(self) -> Mapping[NodeId, ProgressView]:
        """Return how far each member is, as its leader knows.

        Returns
        -------
        mapping of NodeId to ProgressView
            Ourselves among them; empty unless we lead.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().replica.status().progress

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Return what the transport knows of the others.

        Returns
        -------
        mapping of NodeId to PeerView
            Members and whoever introduced himself; without ourselves.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver()
        return self._transport.peers()

    @property
    def replica(self) -> Replica:
        """The core, to look at; whoever tells it anything breaks the node.

        Returns
        -------
        Replica
            As of the last turn.
        """
        return self._driver().replica

    def election_timer(self) -> tuple[float, float]:
        """Return how far the election timeout has run.

        Returns
        -------
        tuple of float
            Seconds since the last sign of a leader (for a leader: of a quorum), and
            after how many something happens.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().timekeeper.election_timer()

    def entries(
        self, start: LogIndex, stop: LogIndex, bytes_max: int
    ) -> Sequence[Entry]:
        """Return entries of this member's log, be they committed or not.

        Parameters
        ----------
        start : LogIndex
            The first that is wanted.
        stop : LogIndex
            One above the last that is wanted.
        bytes_max : int
            As many as fit, but at least one.

        Returns
        -------
        sequence of Entry
            In order.

        Raises
        ------
        EntryCompacted
            If the first is in a snapshot.
        EntryUnavailable
            If the log does not reach that far.
        NotLeader
            If this node does not run.
        """
        return self._driver().replica.state.log.read(start, stop, bytes_max)

    def term(self) -> Term:
        """Return this member's term, without all else that a status tells.

        Returns
        -------
        Term
            At this moment.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().replica.state.term

    def status(self) -> NodeStatus:
        """Return this member's own view at this moment.

        Returns
        -------
        NodeStatus
            A copy.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        driver = self._driver()
        state = driver.replica.state
        log = state.log
        drift = driver.applier.drift
        conf_state = state.tracker.conf_state
        return NodeStatus(
            node_id=state.id,
            cluster_id=self._config.cluster_id,
            name=self._config.name,
            role=state.role,
            is_learner=state.id in conf_state.learners,
            term=state.term,
            leader=state.leader,
            first_index=log.first_index,
            last_log_index=log.last_index,
            commit_index=log.commit_index,
            applied_index=driver.applier.applied_index,
            snapshot_index=self._stores.log.snapshot().index,
            conf_state=conf_state,
            cluster_version=driver.applier.members.version,
            is_quarantined=driver.applier.is_quarantined,
            compared_index=drift.record.agreed,
            quarantined=tuple(drift.quarantined),
            disagreement=drift.record.disagreement,
            epoch=self._config.epoch,
            last_log_term=log.last_term,
            pending_count=len(driver.requests.waiters),
            failed_count=driver.requests.waiters.failed_count,
            loop=driver.loop_lag.view(),
        )
