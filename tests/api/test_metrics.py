"""What Prometheus reads: etcd's names, one form, and a page that lists them all."""

import re
from pathlib import Path

import pytest

from raftwerk.api.app import ClientApp
from raftwerk.api.metrics import MetricsPage
from raftwerk.api.metrics_table import METRICS
from raftwerk.api.v1.context import ApiContext
from raftwerk.cli.process_numbers import process_numbers
from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    QuorumLost,
)
from raftwerk.errors import NotLeader
from raftwerk.host.histogram import Histogram
from raftwerk.kv import Put, Store, encode
from raftwerk.runtime.metrics import NodeMetrics
from raftwerk.service import KvService
from raftwerk.transport.protocol import PeerView
from raftwerk.types import NodeId, Term
from tests.api.asgi import Reply, ask_now
from tests.service.fake_node import FakeNode

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

LINE = re.compile(r'([a-z_]+)(\{(?:\w+="[^"]*",?)+\})? (-?[0-9.e+-]+)')


class Member:
    """A client port with metrics."""

    def __init__(self) -> None:
        self.store = Store()
        self.node = FakeNode(self.store)
        self.counted = NodeMetrics()
        self.peers: dict[NodeId, PeerView] = {}
        self.app = ClientApp(
            ApiContext(node=self.node, kv=KvService(self.node, self.store)),
            metrics=MetricsPage(
                self.node,
                self.store,
                self.counted,
                peers=lambda: self.peers,
                process=lambda: {"process_open_fds": 9.0},
                quota_bytes=100,
            ),
        )

    def ask(self, method: str = "GET") -> Reply:
        """Return what is said at ``/metrics``."""
        return ask_now(self.app, method, "/metrics")

    def values(self) -> dict[str, float]:
        """Return each line that is no comment."""
        lines = self.ask().text.splitlines()
        found = [LINE.fullmatch(line) for line in lines if not line.startswith("#")]
        assert None not in found
        return {f"{each[1]}{each[2] or ''}": float(each[3]) for each in found if each}


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def test_each_metric_has_its_lines(member: Member) -> None:
    reply = member.ask()
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.meaning}\n" in reply.text
        assert f"# TYPE {metric.name} {metric.kind}\n" in reply.text
    assert reply.text.endswith("\n")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_what_etcd_s_alerts_look_at_is_there(member: Member) -> None:
    values = member.values()
    assert values["etcd_server_has_leader"] == 1
    assert values["etcd_server_is_leader"] == 1
    assert values["etcd_server_leader_changes_seen_total"] == 1
    assert values['etcd_server_id{server_id="c0ffee"}'] == 1
    member.node.change(leader=None)
    assert member.values()["etcd_server_has_leader"] == 0


def test_the_store_is_counted(member: Member) -> None:
    member.store.apply(1, [encode(Put(b"a", b"1")), encode(Put(b"b", b"2"))])
    values = member.values()
    assert values["etcd_debugging_mvcc_keys_total"] == 2
    assert values["etcd_debugging_mvcc_current_revision"] == 3
    assert values["etcd_mvcc_db_total_size_in_bytes"] > 0


def test_elections_are_counted(member: Member) -> None:
    one, two, term = NodeId(1), NodeId(2), Term(3)
    member.counted.observe(
        [
            BecameCandidate(node=one, term=term),
            BecameLeader(node=one, term=term),
            QuorumLost(node=one),
            BecameFollower(node=one, term=term, leader=None),
            BecameFollower(node=one, term=term, leader=two),
        ]
    )
    counted = member.counted
    assert (counted.elections, counted.terms_led, counted.quorums_lost) == (1, 1, 1)
    assert counted.leader_changes == 2


def test_syncs_fall_into_etcd_s_buckets(member: Member) -> None:
    for seconds in (0.001, 0.0011, 10.0):
        member.counted.syncs.add(seconds)
    values = member.values()
    name = "etcd_disk_wal_fsync_duration_seconds"
    assert values[f'{name}_bucket{{le="0.001"}}'] == 1
    assert values[f'{name}_bucket{{le="0.002"}}'] == 2
    assert values[f'{name}_bucket{{le="8.192"}}'] == 2
    assert values[f"{name}_count"] == 3


def test_each_peer_is_counted_under_its_id(member: Member) -> None:
    answers = Histogram((0.1, 1.0))
    answers.add(0.5)
    member.peers[NodeId(0xF00)] = PeerView(
        is_connected=True,
        since=0.0,
        round_trip_seconds=0.5,
        round_trips=answers,
        sent_bytes=11,
        received_bytes=22,
        waiting_messages=0,
        waiting_bytes=0,
        dropped_messages=3,
        trouble="",
    )
    values, peer = member.values(), "etcd_network_peer"
    assert values[f'{peer}_sent_bytes_total{{To="f00"}}'] == 11
    assert values[f'{peer}_received_bytes_total{{From="f00"}}'] == 22
    assert values[f'{peer}_sent_failures_total{{To="f00"}}'] == 3
    times = f"{peer}_round_trip_time_seconds"
    assert values[f'{times}_bucket{{To="f00",le="0.1"}}'] == 0
    assert values[f'{times}_bucket{{To="f00",le="+Inf"}}'] == 1
    assert values[f'{times}_sum{{To="f00"}}'] == 0.5


def test_what_the_system_does_not_tell_is_left_out(member: Member) -> None:
    values = member.values()
    assert values["process_open_fds"] == 9
    assert values["etcd_server_quota_backend_bytes"] == 100
    assert "process_resident_memory_bytes" not in values
    assert process_numbers()["process_cpu_seconds_total"] > 0


def test_a_member_that_does_not_run_says_so(member: Member) -> None:
    member.node.stopped = NotLeader("member 5 does not run")
    reply = member.ask()
    assert (reply.status, reply.text) == (503, "# member 5 does not run\n")
    assert member.ask("POST").status == 405


def test_the_page_lists_them_all() -> None:
    listed = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.M
    )
    assert listed == [(each.name, each.kind, each.meaning) for each in METRICS]
