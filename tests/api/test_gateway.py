"""The paths of etcd's gateway, and what is answered when something is wrong."""

import asyncio
import json
from unittest import mock

import pytest

from raftwerk.api import gateway
from raftwerk.api.asgi import DRAINED_BYTES_MAX
from raftwerk.api.gateway import BODY_BYTES_MAX
from raftwerk.api.kv_json import KVS_PER_PIECE
from raftwerk.errors import NotLeader, OutcomeUnknown, QueueFull, RaftwerkError
from raftwerk.kv import Put, encode
from raftwerk.kv.ranges import KEYS_PER_STEP
from tests.api.asgi import Reply, ask, ask_now
from tests.api.member import Member

PUT_A = '{"key":"YQ==","value":"MQ=="}'

WRONG_CALLS = [
    # method  path              status  body
    ("GET", "/v3/kv/put", 405, "Method Not Allowed\n"),
    ("HEAD", "/v3/kv/range", 405, "Method Not Allowed\n"),
    ("PUT", "/v3beta/kv/put", 405, "Method Not Allowed\n"),
    ("POST", "/v3/kv/put/", 404, "Not Found\n"),
    ("POST", "/v3/kv", 404, "Not Found\n"),
    ("POST", "/v3/", 404, "Not Found\n"),
    ("GET", "/v3/kv/nope", 404, "Not Found\n"),
    ("POST", "/v3/auth/enable", 404, "Not Found\n"),
    ("POST", "/v3alpha/kv/put", 404, "404 page not found\n"),
    ("GET", "/", 404, "404 page not found\n"),
    ("GET", "/v3", 404, "404 page not found\n"),
]

FAILURES = [
    # what the node raises    status  code  text
    (NotLeader("nobody"), 503, 14, "etcdserver: no leader"),
    (OutcomeUnknown("gone"), 503, 14, "etcdserver: request timed out"),
    (QueueFull("full"), 429, 8, "etcdserver: too many requests"),
    (RaftwerkError("a bug"), 500, 13, "etcdserver: internal error"),
]


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


@pytest.mark.parametrize(("method", "path", "status", "body"), WRONG_CALLS)
def test_other_methods_and_paths_are_refused_as_etcd_does(
    member: Member, method: str, path: str, status: int, body: str
) -> None:
    reply = ask_now(member.app, method, path, PUT_A.encode())
    assert (reply.status, reply.text) == (status, body)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert member.store.revision == 1


def test_a_put_is_answered_with_a_header_in_json(member: Member) -> None:
    reply = member.post("/v3/kv/put", PUT_A)
    assert reply.status == 200
    assert reply.headers == {
        "content-type": "application/json",
        "content-length": str(len(reply.body)),
    }
    assert reply.json == {
        "header": {
            "cluster_id": str(0xDECADE),
            "member_id": str(0xC0FFEE),
            "revision": "2",
            "raft_term": "2",
        }
    }


def test_the_content_type_is_not_looked_at(member: Member) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask_now(member.app, "POST", "/v3/kv/put", PUT_A.encode(), form).status == 200


def test_options_is_answered_without_saying_that_others_may(member: Member) -> None:
    reply = ask_now(member.app, "OPTIONS", "/v3/kv/put", None, {"origin": "http://x"})
    assert (reply.status, reply.body) == (200, b"")
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(("failure", "status", "code", "text"), FAILURES)
def test_what_the_node_says_is_said_in_etcds_words(
    member: Member, failure: Exception, status: int, code: int, text: str
) -> None:
    for path in ("/v3/kv/put", "/v3/kv/range"):
        member.node.failures.append(failure)
        reply = member.post(path, PUT_A)
        assert reply.status == status
        assert reply.json == {"error": text, "code": code, "message": text}


def test_a_body_arrives_in_pieces(member: Member) -> None:
    pieces = [PUT_A[:7].encode(), b"", PUT_A[7:].encode()]
    assert ask_now(member.app, "POST", "/v3/kv/put", pieces).status == 200
    assert member.store.revision == 2


def test_a_body_is_cut_where_no_request_could_be_that_long(member: Member) -> None:
    # It is counted while it arrives, so the announced length does not matter.
    piece = b"x" * 65_536
    for count in (BODY_BYTES_MAX // len(piece) + 1, 100):
        reply = ask_now(member.app, "POST", "/v3/kv/put", [piece] * count)
        assert reply.status == 400
        assert reply.json["message"] == "etcdserver: request is too large"
        assert "connection" not in reply.headers


def test_who_sends_for_ever_is_cut_off(member: Member) -> None:
    piece = b"x" * 1_048_576
    count = (BODY_BYTES_MAX + DRAINED_BYTES_MAX) // len(piece) + 50
    reply = ask_now(member.app, "POST", "/v3/kv/put", (piece for _ in range(count)))
    assert (reply.status, reply.headers["connection"]) == (400, "close")


def test_the_largest_request_fits_into_the_largest_body(member: Member) -> None:
    value = "QUFB" * ((1_572_864 - 100) // 3)
    body = json.dumps({"key": "YQ==", "value": value}, indent=8)
    assert member.post("/v3/kv/put", body).status == 200
    more = json.dumps({"key": "YQ==", "value": value + "QUFB" * 40})
    assert member.post("/v3/kv/put", more).json["code"] == 3
    assert member.store.revision == 2


def test_the_largest_body_follows_the_largest_request() -> None:
    member = Member(request_bytes_max=8_388_608)
    body = json.dumps({"key": "YQ==", "value": "QUFB" * (8_388_000 // 3)})
    assert member.post("/v3/kv/put", body).status == 200
    assert member.store.revision == 2
    # One that is to be done once is read by another part, which lets it pass as well.
    reply = member.post("/v3/kv/put", body, **{"idempotency-key": "k"})
    assert reply.status != 400, reply.text
    smaller = Member(request_bytes_max=1000)
    assert smaller.post("/v3/kv/put", " " * 70_000 + PUT_A).status == 400


async def turns_of(member: Member, path: str, body: bytes) -> tuple[int, Reply]:
    """Return how often others had their turn, and the answer."""
    call = asyncio.ensure_future(ask(member.app, "POST", path, body))
    turns = 0
    while not call.done():
        await asyncio.sleep(0)
        turns += 1
    return turns, await call


@pytest.mark.parametrize("path", ["range", "txn", "deleterange"])
def test_few_keys_with_large_values_are_written_in_turns(path: str) -> None:
    everything = {"key": "AA==", "range_end": "AA=="}
    asked = {
        "range": everything,
        "txn": {"success": [{"request_range": everything}]},
        "deleterange": everything | {"prev_kv": True},
    }
    body = json.dumps(asked[path]).encode()
    turns = []
    # First as large as it may be, then with a turn after each value.
    for size in (1, 64 * 1024):
        member = Member()
        for number in range(40):
            put = Put(b"%04d" % number, b"x" * size)
            member.store.apply(1, [encode(put)])
        count, reply = asyncio.run(turns_of(member, f"/v3/kv/{path}", body))
        assert reply.text.count('"key"') == 40
        turns.append(count)
    assert turns[1] - turns[0] >= 38


def test_a_large_answer_of_a_transaction_is_written_in_turns(member: Member) -> None:
    keys = 2_000
    for number in range(keys):
        member.store.apply(1, [encode(Put(b"%04d" % number, b"x" * 100))])
    all_keys = {"key": "AA==", "range_end": "AA=="}
    txn = json.dumps({"success": [{"request_range": all_keys}] * 2}).encode()

    turns: dict[int, int] = {}
    # First as many as reading alone takes, then with those of writing.
    for bytes_per_turn in (1 << 30, gateway.BYTES_PER_TURN):
        with mock.patch.object(gateway, "BYTES_PER_TURN", bytes_per_turn):
            count, reply = asyncio.run(turns_of(member, "/v3/kv/txn", txn))
        turns[bytes_per_turn] = count
        ranges = [each["response_range"] for each in reply.json["responses"]]
        assert [len(each["kvs"]) for each in ranges] == [keys, keys]
        assert ranges[0] == ranges[1]
    reading = turns[1 << 30]
    assert reading >= 2 * keys // KEYS_PER_STEP
    assert turns[gateway.BYTES_PER_TURN] - reading >= 2 * keys // KVS_PER_PIECE


ORIGINS = [
    # origin                      host               allowed  why
    ("http://node:2379", "node:2379", True, "a page of our own"),
    ("http://node", "node:80", True, "the port that is left out"),
    ("https://node", "node", True, "a proxy speaks TLS for us"),
    ("http://NODE:2379", "node:2379", True, "names have no case"),
    ("http://[::1]:2379", "[::1]:2379", True, "an address of IPv6"),
    ("http://evil.example", "node:2379", False, "another host"),
    ("http://node:8000", "node:2379", False, "another port"),
    ("http://node:2379.evil.example", "node:2379", False, "a name that begins so"),
    ("null", "node:2379", False, "a page that hides where it comes from"),
    ("file://", "node:2379", False, "a page from a disk"),
    ("http://node:99999", "node:2379", False, "no port at all"),
]


@pytest.mark.parametrize(("origin", "host", "allowed", "why"), ORIGINS)
def test_web_pages_of_others_may_not_change_anything(
    member: Member, origin: str, host: str, allowed: bool, why: str
) -> None:
    headers = {"origin": origin, "host": host}
    reply = ask_now(member.app, "POST", "/v3/kv/put", PUT_A.encode(), headers)
    assert (reply.status == 200) is allowed, why
    assert (member.store.revision == 2) is allowed
    if not allowed:
        assert (reply.status, reply.json["code"]) == (403, 7)
        assert "may not change anything" in reply.json["message"]


@pytest.mark.parametrize("call", ["deleterange", "txn", "compaction"])
def test_no_changing_call_is_forgotten(member: Member, call: str) -> None:
    reply = member.post(f"/v3/kv/{call}", "{}", origin="http://evil.example")
    assert reply.status == 403


def test_a_range_of_many_keys_is_whole(member: Member) -> None:
    count = 2_500
    member.store.apply(1, [encode(Put(b"%04d" % number)) for number in range(count)])
    reply = member.post("/v3/kv/range", '{"key":"AA==","range_end":"AA=="}')
    keys = [kv["key"] for kv in reply.json["kvs"]]
    assert len(set(keys)) == count
    assert reply.json["count"] == str(count)


@pytest.mark.parametrize("depth", [100, 300, 3_000, 20_000])
def test_a_transaction_may_not_be_nested_for_ever(member: Member, depth: int) -> None:
    nested = '{"success":[{"request_txn":' * depth + "{}" + "}]}" * depth
    reply = member.post("/v3/kv/txn", nested)
    assert reply.status == (200 if depth == 100 else 400)
    put = '{"success":[{"request_put":{"key":"YQ=="}}]}'
    nested = '{"success":[{"request_txn":' * depth + put + "}]}" * depth
    reply = member.post("/v3/kv/txn", nested)
    assert reply.status == (200 if depth == 100 else 400)
    assert member.store.revision == (2 if depth == 100 else 1)


def test_many_keys_are_answered_in_pieces_that_fit_together(member: Member) -> None:
    puts = [encode(Put(b"%04d" % number)) for number in range(2_000)]
    member.store.apply(1, puts)
    all_keys = '{"key":"AA==","range_end":"AA==","prev_kv":true}'
    for path, name in (("range", "kvs"), ("deleterange", "prev_kvs")):
        reply = member.post(f"/v3/kv/{path}", all_keys)
        assert reply.headers["content-length"] == str(len(reply.body))
        assert len(reply.json[name]) == 2_000
        assert reply.json["header"]["revision"] == str(member.store.revision)
