"""``/metrics``: what Prometheus reads, under etcd's names where the meaning is etcd's.

So dashboards and alerts that were made for etcd work. `metrics_table` has the one list
of all there is.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from raftwerk.api.asgi import Answer
from raftwerk.api.metrics_table import METRICS, Labels, Metric, Several, View
from raftwerk.errors import NotLeader
from raftwerk.host.histogram import Histogram
from raftwerk.kv import Store
from raftwerk.runtime.metrics import NodeMetrics
from raftwerk.service import NodeLike
from raftwerk.transport.protocol import PeerView
from raftwerk.types import NodeId

__all__ = ["MetricsPage"]

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


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
    peers : callable, optional
        Returns what is known of the other members.
    process : callable, optional
        Returns numbers of the operating system by the names of their metrics.
    quota_bytes : int
        What the store may take.
    """

    def __init__(
        self,
        node: NodeLike,
        store: Store,
        counted: NodeMetrics,
        *,
        peers: Callable[[], Mapping[NodeId, PeerView]] = dict,
        process: Callable[[], Mapping[str, float]] = dict,
        quota_bytes: int = 0,
    ) -> None:
        self._node = node
        self._store = store
        self._counted = counted
        self._peers = peers
        self._process = process
        self._quota_bytes = quota_bytes

    def answer(self) -> Answer:
        """Return all metrics as they are now.

        Returns
        -------
        Answer
            In Prometheus' text form; 503 if the member does not run.
        """
        try:
            status, peers = self._node.status(), self._peers()
        except NotLeader as error:
            return Answer(
                503, ((b"content-type", CONTENT_TYPE),), f"# {error}\n".encode()
            )
        self._counted.look(status.leader)
        view = View(
            status=status,
            store=self._store,
            counted=self._counted,
            peers=peers,
            process=self._process(),
            quota_bytes=self._quota_bytes,
        )
        body = "\n".join(line for metric in METRICS for line in _lines(metric, view))
        return Answer(200, ((b"content-type", CONTENT_TYPE),), f"{body}\n".encode())


def _lines(metric: Metric, view: View) -> Iterator[str]:
    """Yield the lines of a metric."""
    name = metric.name
    yield f"# HELP {name} {metric.meaning}"
    yield f"# TYPE {name} {metric.kind}"
    read = metric.read(view)
    several: Several
    match read:
        case None:
            several = []  # not known here
        case list():
            several = read
        case _:
            several = [({}, read)]
    for labels, value in several:
        if isinstance(value, Histogram):
            yield from _buckets(name, labels, value)
        else:
            yield f"{name}{_write(labels)} {value!r}"


def _buckets(name: str, labels: Labels, histogram: Histogram) -> Iterator[str]:
    """Yield the lines of a histogram."""
    bounds = [f"{bound:g}" for bound in histogram.bounds] + ["+Inf"]
    counts = [*histogram.cumulative(), histogram.count]
    for bound, below in zip(bounds, counts, strict=True):
        yield f"{name}_bucket{_write({**labels, 'le': bound})} {below}"
    yield f"{name}_sum{_write(labels)} {histogram.total!r}"
    yield f"{name}_count{_write(labels)} {histogram.count}"


def _write(labels: Labels) -> str:
    """Return labels behind a name."""
    said = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{{{said}}}" if said else ""
