"""What clients hear while a node looks for its cluster, and once it has found it."""

from typing import Any

import pytest

from raftwerk.api.asgi import Receive, Scope, Send, send_answer, text_answer
from raftwerk.api.doorway import Doorway
from tests.api.asgi import ask_now


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer anything."""
    del scope, receive
    await send_answer(send, text_answer(200, "the node itself"))


def waiting(words: str = "2 of 3 replicas are there") -> Doorway:
    return Doorway("n1", lambda: words)


WORDS = "no cluster yet: 2 of 3 replicas are there"


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/livez", 200, "ok\n"),
        ("/readyz", 503, f"not ready: {WORDS}\n"),
        ("/health", 503, f'{{"health":"false","reason":"{WORDS}"}}'),
    ],
)
def test_probes_tell_waiting_from_death(path: str, status: int, text: str) -> None:
    reply = ask_now(waiting(), "GET", path)
    assert (reply.status, reply.body.decode()) == (status, text)


def test_requests_are_refused_with_what_is_waited_for() -> None:
    reply = ask_now(waiting(), "POST", "/v3/kv/put", b"{}")
    assert reply.status == 503
    assert reply.json["code"] == 14
    words = "n1 has not found its cluster yet: 2 of 3 replicas are there"
    assert words in reply.json["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/raft/"),
        ("PUT", "/api/v1/raft/vote"),
        ("GET", "/api/v1/events"),
        ("PUT", "/api/v1/kv/key"),
    ],
)
def test_the_documented_api_refuses_in_its_envelope(method: str, path: str) -> None:
    reply = ask_now(waiting(), method, path, b"{}")
    assert reply.status == 503
    error = reply.json["error"]
    assert reply.json["apiVersion"] == "1.0"
    assert (error["id"], error["sender"]) == ("raftwerk.UNAVAILABLE", "n1")
    assert (error["term"], WORDS[16:] in error["message"]) == (0, True)


def test_who_asks_what_is_wrong_is_told_in_the_usual_form() -> None:
    said: dict[str, Any] = ask_now(waiting(), "GET", "/api/v1/explain").json["data"]
    assert said["is_healthy"] is False
    assert [each["kind"] for each in said["findings"]] == ["waiting-for-the-cluster"]
    assert said["summary"].startswith("n1 has not found its cluster yet: 2 of 3")
    own = ask_now(waiting(""), "GET", "/api/v1/explain/own").json["data"]
    assert own["waits_for"] == "it has just started"


def test_once_it_is_open_the_node_answers_everything() -> None:
    doorway = waiting()
    doorway.open(app)
    for path in ("/readyz", "/v3/kv/put", "/api/v1/explain"):
        assert ask_now(doorway, "GET", path).body == b"the node itself"
