"""What Prometheus reads: etcd's names, one form, and a page that lists them all."""

import re
from pathlib import Path

import pytest

from raftwerk.api.app import ClientApp
from raftwerk.api.metrics import METRICS, MetricsPage
from raftwerk.api.v1.context import ApiContext
from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    QuorumLost,
)
from raftwerk.errors import NotLeader
from raftwerk.kv import Put, Store, encode
from raftwerk.runtime.metrics import NodeMetrics
from raftwerk.service import KvService
from raftwerk.types import NodeId, Term
from tests.api.asgi import Reply, ask_now
from tests.service.fake_node import FakeNode

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

LINE = re.compile(r'([a-z_]+)(\{[a-z_]+="[^"]*"\})? (-?[0-9.e+-]+)')


class Member:
    """A client port with metrics."""

    def __init__(self) -> None:
        self.store = Store()
        self.node = FakeNode(self.store)
        self.counted = NodeMetrics()
        self.app = ClientApp(
            ApiContext(node=self.node, kv=KvService(self.node, self.store)),
            metrics=MetricsPage(self.node, self.store, self.counted),
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
