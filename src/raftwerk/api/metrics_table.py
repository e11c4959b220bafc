"""All metrics there are: what each is called, what it means, and how it is read.

The page ``docs/reference/metrics.md`` has the same list. Names are etcd's where the
meaning is, and Prometheus' own for what is told of any process.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from raftwerk import __version__
from raftwerk.core.roles import Role
from raftwerk.host.histogram import Histogram
from raftwerk.kv import Store
from raftwerk.runtime.metrics import NodeMetrics
from raftwerk.runtime.status import NodeStatus
from raftwerk.transport.protocol import PeerView
from raftwerk.types import NodeId

__all__ = ["METRICS", "Labels", "Metric", "Several", "View"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All that metrics are read from."""

    status: NodeStatus
    store: Store
    counted: NodeMetrics
    peers: Mapping[NodeId, PeerView]
    process: Mapping[str, float]
    quota_bytes: int


One = int | float | Histogram
Labels = dict[str, str]
Several = list[tuple[Labels, One]]


class Metric(msgspec.Struct, frozen=True):
    """One metric.

    Parameters
    ----------
    name : str
        As Prometheus has it.
    kind : str
        ``counter``, ``gauge`` or ``histogram``.
    meaning : str
        A sentence.
    read : callable
        Returns its value, or several with their labels; None if it is not known.
    """

    name: str
    kind: str
    meaning: str
    read: Callable[[View], One | Several | None]


def _per_peer(
    label: str, read: Callable[[PeerView], One | None]
) -> Callable[[View], Several]:
    """Return what reads a value for each other member, with its id as the label."""

    def _read(view: View) -> Several:
        each = ((peer, read(known)) for peer, known in sorted(view.peers.items()))
        return [({label: f"{peer:x}"}, its) for peer, its in each if its is not None]

    return _read


def _of_process(name: str) -> Callable[[View], float | None]:
    """Return what reads a number of the operating system, where it is told."""
    return lambda view: view.process.get(name)


METRICS: Final = (
    Metric(
        "etcd_server_has_leader",
        "gauge",
        "Whether this member knows a leader: 1 or 0.",
        lambda view: int(view.status.leader is not None),
    ),
    Metric(
        "etcd_server_is_leader",
        "gauge",
        "Whether this member leads: 1 or 0.",
        lambda view: int(view.status.role is Role.LEADER),
    ),
    Metric(
        "etcd_server_is_learner",
        "gauge",
        "Whether this member follows without a vote: 1 or 0.",
        lambda view: int(view.status.is_learner),
    ),
    Metric(
        "etcd_server_leader_changes_seen_total",
        "counter",
        "How often another leader was seen since the start.",
        lambda view: view.counted.leader_changes,
    ),
    Metric(
        "etcd_server_id",
        "gauge",
        "1; the label has this member's id in hexadecimal digits.",
        lambda view: [({"server_id": f"{view.status.node_id:x}"}, 1)],
    ),
    Metric(
        "etcd_server_version",
        "gauge",
        "1; the label has raftwerk's version.",
        lambda view: [({"server_version": __version__}, 1)],
    ),
    Metric(
        "etcd_server_proposals_committed_total",
        "gauge",
        "The commit index: entries that are safe for ever.",
        lambda view: view.status.commit_index,
    ),
    Metric(
        "etcd_server_proposals_applied_total",
        "gauge",
        "The applied index: entries that the store has.",
        lambda view: view.status.applied_index,
    ),
    Metric(
        "etcd_server_proposals_pending",
        "gauge",
        "How many proposals somebody waits for at this member.",
        lambda view: view.status.pending_count,
    ),
    Metric(
        "etcd_server_proposals_failed_total",
        "counter",
        "How many of them ended without a result: never made, or unknown.",
        lambda view: view.status.failed_count,
    ),
    Metric(
        "etcd_server_quota_backend_bytes",
        "gauge",
        "What the store may take; -1 for no bound.",
        lambda view: view.quota_bytes,
    ),
    Metric(
        "etcd_network_peer_sent_bytes_total",
        "counter",
        "Bytes that went out to each other member.",
        _per_peer("To", lambda peer: peer.sent_bytes),
    ),
    Metric(
        "etcd_network_peer_received_bytes_total",
        "counter",
        "Bytes that came from each.",
        _per_peer("From", lambda peer: peer.received_bytes),
    ),
    Metric(
        "etcd_network_peer_sent_failures_total",
        "counter",
        "Messages to each that were lost before they went out.",
        _per_peer("To", lambda peer: peer.dropped_messages),
    ),
    Metric(
        "etcd_network_peer_round_trip_time_seconds",
        "histogram",
        "How long each took to answer signs of life; over TCP.",
        _per_peer("To", lambda peer: peer.round_trips),
    ),
    Metric(
        "etcd_disk_wal_fsync_duration_seconds",
        "histogram",
        "How long the disk took to make the log durable.",
        lambda view: view.counted.syncs,
    ),
    Metric(
        "etcd_mvcc_db_total_size_in_bytes",
        "gauge",
        "What the store takes, as the quota counts it.",
        lambda view: view.store.size_bytes,
    ),
    Metric(
        "etcd_mvcc_db_total_size_in_use_in_bytes",
        "gauge",
        "The same: what is compacted takes nothing.",
        lambda view: view.store.size_bytes,
    ),
    Metric(
        "etcd_debugging_mvcc_keys_total",
        "gauge",
        "How many keys there are.",
        lambda view: len(view.store),
    ),
    Metric(
        "etcd_debugging_mvcc_current_revision",
        "gauge",
        "The store's revision.",
        lambda view: view.store.revision,
    ),
    Metric(
        "etcd_debugging_mvcc_compact_revision",
        "gauge",
        "The oldest revision that can be read.",
        lambda view: view.store.compact_revision,
    ),
    Metric(
        "raftwerk_term",
        "gauge",
        "The term that this member is in.",
        lambda view: view.status.term,
    ),
    Metric(
        "raftwerk_elections_total",
        "counter",
        "How often this member stood for election.",
        lambda view: view.counted.elections,
    ),
    Metric(
        "raftwerk_elections_won_total",
        "counter",
        "How often it was elected.",
        lambda view: view.counted.terms_led,
    ),
    Metric(
        "raftwerk_quorum_lost_total",
        "counter",
        "How often it ceased to lead, for no majority answered.",
        lambda view: view.counted.quorums_lost,
    ),
    Metric(
        "raftwerk_snapshots_sent_total",
        "counter",
        "Snapshots that this member offered to others.",
        lambda view: view.counted.snapshots_sent,
    ),
    Metric(
        "raftwerk_snapshots_restored_total",
        "counter",
        "Snapshots of others that it went on from.",
        lambda view: view.counted.snapshots_restored,
    ),
    Metric(
        "raftwerk_log_first_index",
        "gauge",
        "Where the log begins.",
        lambda view: view.status.first_index,
    ),
    Metric(
        "raftwerk_log_last_index",
        "gauge",
        "Where the log ends.",
        lambda view: view.status.last_log_index,
    ),
    Metric(
        "raftwerk_snapshot_index",
        "gauge",
        "Up to here the state is kept in a snapshot.",
        lambda view: view.status.snapshot_index,
    ),
    Metric(
        "raftwerk_compared_index",
        "gauge",
        "The newest index at which a majority of replicas was found to be the same.",
        lambda view: view.status.compared_index,
    ),
    Metric(
        "raftwerk_quarantined",
        "gauge",
        "Whether this member's state differs from that of a majority: 1 or 0.",
        lambda view: int(view.status.is_quarantined),
    ),
    Metric(
        "raftwerk_replicas_disagree",
        "gauge",
        "Whether replicas differ and no majority of them is the same: 1 or 0.",
        lambda view: int(view.status.disagreement is not None),
    ),
    Metric(
        "raftwerk_voters",
        "gauge",
        "How many members vote.",
        lambda view: len(view.status.conf_state.voters),
    ),
    Metric(
        "raftwerk_learners",
        "gauge",
        "How many members follow without a vote.",
        lambda view: len(view.status.conf_state.learners),
    ),
    Metric(
        "raftwerk_loop_lag_seconds",
        "gauge",
        "How late the event loop was at worst in the last ten to twenty seconds.",
        lambda view: view.status.loop.worst_lag_seconds,
    ),
    Metric(
        "raftwerk_loop_late_total",
        "counter",
        "How often it was later than a third of the heartbeat interval.",
        lambda view: view.status.loop.late_count,
    ),
    Metric(
        "process_start_time_seconds",
        "gauge",
        "When the process began, in seconds since 1970.",
        _of_process("process_start_time_seconds"),
    ),
    Metric(
        "process_cpu_seconds_total",
        "counter",
        "Time of processors that it took.",
        _of_process("process_cpu_seconds_total"),
    ),
    Metric(
        "process_resident_memory_bytes",
        "gauge",
        "Memory that it takes; on Linux.",
        _of_process("process_resident_memory_bytes"),
    ),
    Metric(
        "process_open_fds",
        "gauge",
        "Files and connections that it has open; on Linux.",
        _of_process("process_open_fds"),
    ),
    Metric(
        "process_max_fds",
        "gauge",
        "How many it may have open.",
        _of_process("process_max_fds"),
    ),
)
"""All of them, in the order of the page."""
