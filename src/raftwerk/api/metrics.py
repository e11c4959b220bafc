"""``/metrics``: what Prometheus reads, under etcd's names where the meaning is etcd's.

So dashboards and alerts that were made for etcd work. `METRICS` is the one list of all
there is; the page ``docs/reference/metrics.md`` is made from it.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from raftwerk import __version__
from raftwerk.api.asgi import Answer
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.kv import Store
from raftwerk.runtime.metrics import Histogram, NodeMetrics
from raftwerk.runtime.status import NodeStatus
from raftwerk.service import NodeLike

__all__ = ["METRICS", "Metric", "MetricsPage"]

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


class View(msgspec.Struct, frozen=True):
    """All that metrics are read from."""

    status: NodeStatus
    store: Store
    counted: NodeMetrics


Value = int | float | Histogram
Labels = dict[str, str]


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
        Returns its value.
    labels : callable
        Returns its labels.
    """

    name: str
    kind: str
    meaning: str
    read: Callable[[View], Value]
    labels: Callable[[View], Labels] = lambda view: {}


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
        lambda view: 1,
        lambda view: {"server_id": f"{view.status.node_id:x}"},
    ),
    Metric(
        "etcd_server_version",
        "gauge",
        "1; the label has raftwerk's version.",
        lambda view: 1,
        lambda view: {"server_version": __version__},
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
)
"""All of them, in the order of the page."""


class MetricsPage:
    """Answers ``/metrics``.

    Parameters
    ----------
    node : NodeLike
        The member.
    store : Store
        Its state machine.
    counted : NodeMetrics
        What it has counted.
    """

    def __init__(self, node: NodeLike, store: Store, counted: NodeMetrics) -> None:
        self._node = node
        self._store = store
        self._counted = counted

    def answer(self) -> Answer:
        """Return all metrics as they are now.

        Returns
        -------
        Answer
            In Prometheus' text form; 503 if the member does not run.
        """
        try:
            status = self._node.status()
        except NotLeader as error:
            return Answer(
                503, ((b"content-type", CONTENT_TYPE),), f"# {error}\n".encode()
            )
        self._counted.look(status.leader)
        view = View(status, self._store, self._counted)
        body = "\n".join(line for metric in METRICS for line in _lines(metric, view))
        return Answer(200, ((b"content-type", CONTENT_TYPE),), f"{body}\n".encode())


def _lines(metric: Metric, view: View) -> Iterator[str]:
    """Yield the lines of a metric."""
    name = metric.name
    yield f"# HELP {name} {metric.meaning}"
    yield f"# TYPE {name} {metric.kind}"
    value = metric.read(view)
    if isinstance(value, Histogram):
        count = value.count
        for bound, below in zip(value.bounds, value.cumulative(), strict=True):
            yield f'{name}_bucket{{le="{bound:g}"}} {below}'
        yield f'{name}_bucket{{le="+Inf"}} {count}'
        yield f"{name}_sum {value.total!r}"
        yield f"{name}_count {count}"
        return
    labels = ",".join(f'{key}="{text}"' for key, text in metric.labels(view).items())
    yield f"{name}{{{labels}}} {value!r}" if labels else f"{name} {value!r}"
