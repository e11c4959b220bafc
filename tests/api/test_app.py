"""Which part of the client port answers which path."""

import asyncio

import pytest

from raftwerk.config import ApiSettings
from raftwerk.errors import NotLeader, OutcomeUnknown
from raftwerk.kv import AlarmKind, SetAlarm, encode
from tests.api.asgi import ask_now
from tests.api.member import Member


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def test_the_version_is_that_of_etcds_line(member: Member) -> None:
    reply = member.get("/version")
    assert reply.text == '{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}'
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/health", "/health?serializable=true"])
def test_a_member_with_a_leader_is_healthy(member: Member, path: str) -> None:
    reply = member.get(path)
    assert (reply.status, reply.text) == (200, '{"health":"true","reason":""}')
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert member.node.barriers == (1 if path == "/health" else 0)


def test_a_member_without_a_leader_is_not(member: Member) -> None:
    member.node.change(leader=None)
    for path in ("/health", "/health?serializable=true"):
        reply = member.get(path)
        said = '{"health":"false","reason":"RAFT NO LEADER"}\n'
        assert (reply.status, reply.text) == (503, said)
    assert (member.get("/readyz").status, member.get("/livez").status) == (503, 200)


def test_an_alarm_is_an_ill_unless_it_is_excluded(member: Member) -> None:
    member.store.apply(9, [encode(SetAlarm(True, 7, AlarmKind.NOSPACE))])
    reply = member.get("/health")
    said = '{"health":"false","reason":"ALARM NOSPACE"}\n'
    assert (reply.status, reply.text) == (503, said)
    assert member.get("/health?exclude=CORRUPT").status == 503
    assert member.get("/health?exclude=CORRUPT&exclude=NOSPACE").status == 200
    assert member.get("/readyz").status == 200, "reads and deletes are served"


def test_a_member_that_can_not_read_is_not(member: Member) -> None:
    member.node.failures.append(OutcomeUnknown("no quorum"))
    reply = member.get("/health")
    reason = "QGET ERROR:etcdserver: request timed out"
    assert (reply.status, reply.json["reason"]) == (503, reason)
    assert member.get("/health").status == 200


def test_a_member_that_does_not_run_is_not(member: Member) -> None:
    member.node.stopped = NotLeader("it does not run")
    assert member.get("/health").status == 503
    assert member.get("/readyz").text == (
        "not ready: QGET ERROR:etcdserver: no leader\n"
    )


def test_a_member_that_is_about_to_stop_is_alive_and_not_ready(member: Member) -> None:
    assert member.get("/readyz").text == "ok\n"
    assert "connection" not in member.get("/readyz").headers
    member.app.drain()
    assert member.get("/readyz").text == "not ready: stopping\n"
    # Clients are to leave between two requests.
    for path in ("/readyz", "/v3/kv/range", "/api/v1/raft/", "/nowhere"):
        assert member.get(path).headers["connection"] == "close"
    assert member.get("/livez").text == "ok\n"
    assert member.get("/health").status == 200


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/version"])
def test_probes_are_only_looked_at(member: Member, path: str) -> None:
    reply = member.post(path)
    assert (reply.status, reply.text) == (405, "Method Not Allowed\n")
    assert reply.headers["allow"] == "GET"


def test_paths_of_the_documented_api_are_settings() -> None:
    settings = ApiSettings(api_prefix="/x", schema_path="/s.json", docs_path="/d")
    member = Member(settings)
    assert member.get("/x/v1/raft/").status == 200
    assert member.get("/s.json").json["info"]["title"] == "Consensus Cluster Service"
    assert "html" in member.get("/d").text
    for path in ("/api/v1/raft/", "/docs", "/openapi.json", "/xy"):
        assert member.get(path).text == "404 page not found\n"


def test_the_lifespan_protocol_is_spoken_for_servers_that_insist() -> None:
    member = Member()
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive() -> dict[str, str]:
        return incoming.pop(0)

    async def send(message: object) -> None:
        sent.append(message)

    asyncio.run(member.app({"type": "lifespan"}, receive, send))
    assert sent == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_options_elsewhere_is_nothing_special(member: Member) -> None:
    assert ask_now(member.app, "OPTIONS", "/nowhere").status == 404
