"""The seed's API: its envelope, its words, and what is closed."""

import pytest

import raftwerk
from raftwerk.api.v1.app import make_documented_api
from raftwerk.api.v1.context import ApiContext
from raftwerk.config import ApiSettings
from raftwerk.core.records import ConfState
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.service import KvService
from raftwerk.types import LogIndex, NodeId, Term
from tests.api.asgi import ask_now
from tests.api.member import Member


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def test_a_member_says_who_it_is_and_how_far_it_is(member: Member) -> None:
    big = NodeId(2**63 + 1)
    member.node.change(
        role=Role.FOLLOWER,
        leader=big,
        term=Term(7),
        commit_index=LogIndex(9),
        applied_index=LogIndex(8),
        last_log_index=LogIndex(10),
        conf_state=ConfState(voters=(NodeId(0xC0FFEE), big), learners=(NodeId(5),)),
    )
    reply = member.get("/api/v1/raft/")
    assert reply.status == 200
    assert reply.json == {
        "apiVersion": "1.0",
        "data": {
            "app_name": "consensus-cluster-service",
            "id": str(0xC0FFEE),
            "name": "n1",
            "cluster_id": str(0xDECADE),
            "state": "FOLLOWER",
            "term": 7,
            "leader": "9223372036854775809",
            "commit_index": 9,
            "applied_index": 8,
            "first_index": 1,
            "last_log_index": 10,
            "last_log_term": 0,
            "epoch": 0,
            "voters": [str(0xC0FFEE), "9223372036854775809"],
            "learners": ["5"],
            "version": raftwerk.__version__,
            "cluster_version": 1,
        },
    }


def test_the_quick_answer_is_the_documented_one(member: Member) -> None:
    context = ApiContext(
        node=member.node,
        kv=KvService(member.node, member.store),
        settings=ApiSettings(),
    )
    documented = ask_now(make_documented_api(context), "GET", "/api/v1/raft/")
    assert documented.json == member.get("/api/v1/raft/").json


STATES = [
    # role                is a learner  state
    (Role.FOLLOWER, False, "FOLLOWER"),
    (Role.FOLLOWER, True, "LEARNER"),
    (Role.PRE_CANDIDATE, False, "PRE_CANDIDATE"),
    (Role.CANDIDATE, False, "CANDIDATE"),
    (Role.LEADER, False, "LEADER"),
]


@pytest.mark.parametrize(("role", "is_learner", "state"), STATES)
def test_states_have_the_names_of_the_seed(
    member: Member, role: Role, is_learner: bool, state: str
) -> None:
    member.node.change(role=role, is_learner=is_learner, leader=None)
    data = member.get("/api/v1/raft/").json["data"]
    assert (data["state"], data["leader"]) == (state, None)


ERRORS = [
    # method  path                 status  code
    ("GET", "/api/v1/nowhere", 404, "NOT_FOUND"),
    ("GET", "/api/", 404, "NOT_FOUND"),
    ("DELETE", "/api/v1/raft/", 405, "METHOD_NOT_ALLOWED"),
    ("PUT", "/api/v1/raft/vote", 409, "CONFLICT"),
    ("POST", "/api/v1/raft/log", 409, "CONFLICT"),
    ("POST", "/api/v1/raft/snapshot", 409, "CONFLICT"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_errors_come_in_the_envelope(
    member: Member, method: str, path: str, status: int, code: str
) -> None:
    reply = ask_now(member.app, method, path, b"{}")
    assert reply.status == status
    assert reply.json["apiVersion"] == "1.0"
    error = reply.json["error"]
    assert error.keys() == {"id", "message", "sender", "term"}
    assert error["id"] == f"consensus-cluster-service.{code}"
    assert (error["sender"], error["term"]) == ("n1", 2)


def test_error_ids_begin_with_the_service_s_name() -> None:
    member = Member(ApiSettings(app_name="mine"))
    error = member.get("/api/v1/nowhere").json["error"]
    assert error["id"] == "mine.NOT_FOUND"
    assert member.get("/api/v1/raft/").json["data"]["app_name"] == "mine"


def test_a_forged_message_changes_nothing(member: Member) -> None:
    forged = b'{"term": 9000, "sender": 1}'
    reply = ask_now(member.app, "POST", "/api/v1/raft/log", forged)
    assert reply.status == 409
    assert "a stranger could set their term" in reply.json["error"]["message"]
    assert "RAFTWERK_TRANSPORT=http" in reply.json["error"]["message"]
    assert member.get("/api/v1/raft/").json["data"]["term"] == 2


def test_a_foreign_page_is_refused_in_the_envelope(member: Member) -> None:
    evil = {"origin": "http://evil.example"}
    reply = ask_now(member.app, "PUT", "/api/v1/raft/vote", b"", evil)
    assert reply.status == 403
    assert "evil.example" in reply.json["error"]["message"]
    assert ask_now(member.app, "GET", "/api/v1/raft/", None, evil).status == 200


def test_a_member_that_does_not_run_says_so(member: Member) -> None:
    member.node.stopped = NotLeader("member 5 does not run")
    reply = member.get("/api/v1/raft/")
    assert reply.status == 503
    assert reply.json["error"] == {
        "id": "consensus-cluster-service.UNAVAILABLE",
        "message": "member 5 does not run",
        "sender": "",
        "term": 0,
    }


def test_the_schema_names_what_is_answered(member: Member) -> None:
    schema = member.get("/openapi.json").json
    assert "/api/v1/raft/" in schema["paths"]
    assert schema["info"]["version"] == raftwerk.__version__
    fields = schema["components"]["schemas"]["RaftStatus"]["properties"]
    assert all("description" in field for field in fields.values())
    assert "contact" not in schema["info"]


def test_where_a_proxy_serves_it_stands_in_the_schema() -> None:
    """And the routes are where they were: the proxy takes its part away."""
    member = Member(ApiSettings(root_path="/behind"))
    assert member.get("/openapi.json").json["servers"] == [{"url": "/behind"}]
    assert member.get("/api/v1/raft/").status == 200
    assert "servers" not in Member().get("/openapi.json").json


def test_who_is_responsible_stands_in_the_schema(
    caplog: pytest.LogCaptureFixture,
) -> None:
    member = Member(ApiSettings(contact_name="Ada", contact_email="ada@example.org"))
    contact = member.get("/openapi.json").json["info"]["contact"]
    assert contact == {"name": "Ada", "email": "ada@example.org"}
    assert not caplog.records, "no line for the node's log"
