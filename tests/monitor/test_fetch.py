"""Which answers are a node's, and what is said of the others."""

import asyncio
import json

import httpx
import pytest

from raftwerk.config import Url
from raftwerk.monitor.fetch import HttpFetch
from raftwerk.monitor.report import FetchError, NodeReport

DATA = {
    "id": "1f",
    "name": "n1",
    "term": 3,
    "state": "LEADER",
    "leader": "1f",
    "members": [
        {"id": "1f", "name": "n1", "client_urls": ["http://a:2379"]},
        {"id": "20", "client_urls": ["what is this", "http://b:2379"]},
        {"id": "21", "has_started": False},
    ],
}

NO_ANSWERS = [
    (httpx.Response(503, text="no"), "HTTP status 503"),
    (httpx.Response(302, headers={"Location": "http://b/"}), "HTTP status 302"),
    (httpx.Response(200, text="<html>"), "not a node's answer: "),
    (httpx.Response(200, json={"data": {"id": 7}}), "not a node's answer: "),
    (httpx.Response(200, json={"data": {"name": "no id"}}), "not a node's answer: "),
    (httpx.Response(200, content=b"x" * 300_000), "answer of more than 262144 bytes"),
    (
        httpx.Response(200, json={"data": {"name": "n1", "waits_for": "n2"}}),
        "no cluster yet: n2",
    ),
    (httpx.ConnectError("All connection attempts failed"), "All connection attempts"),
    (httpx.ReadError(""), "ReadError"),
]


def fetch(outcome: httpx.Response | httpx.HTTPError) -> NodeReport:
    """Return what is made of this outcome of a request."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://a:2379/api/v1/explain/own"
        if isinstance(outcome, httpx.HTTPError):
            raise outcome
        return outcome

    async def ask() -> NodeReport:
        async with HttpFetch(httpx.MockTransport(answer)) as ask_node:
            return await ask_node(Url("a", 2379))

    return asyncio.run(ask())


def test_a_status_is_read_from_its_envelope() -> None:
    envelope = {"apiVersion": "1.0", "data": DATA | {"commit_index": 9}}
    assert fetch(httpx.Response(200, content=json.dumps(envelope))) == NodeReport(
        id="31",
        name="n1",
        term=3,
        state="LEADER",
        leader="31",
        members={"31": Url("a", 2379), "32": Url("b", 2379), "33": None},
    )


@pytest.mark.parametrize(("outcome", "message"), NO_ANSWERS)
def test_anything_else_is_no_answer(
    outcome: httpx.Response | httpx.HTTPError, message: str
) -> None:
    with pytest.raises(FetchError) as refused:
        fetch(outcome)
    assert str(refused.value).startswith(message)


def test_a_node_is_asked_below_the_prefix_it_was_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://a:2379/foo/v1/explain/own"
        return httpx.Response(200, json={"data": DATA})

    async def ask() -> NodeReport:
        async with HttpFetch(httpx.MockTransport(answer), prefix="/foo") as ask_node:
            return await ask_node(Url("a", 2379))

    assert asyncio.run(ask()).name == "n1"
