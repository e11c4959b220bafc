"""Who is asked, and what is asked again: only what is safe."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from raftwerk.client import Client, Found, NoEndpoint, Refused
from raftwerk.client.http import Answer, Lost, NotSent
from raftwerk.errors import OutcomeUnknown
from raftwerk.host.virtual import run

from .scripted import HANGS, OK, Said, ScriptedHttp, client_of, error, here

NO_LEADER = error(503, 14, "etcdserver: no leader")
TOO_MANY = error(429, 8, "etcdserver: too many requests")
NOT_YET = error(503, 14, "raftwerk: n1 has not found its cluster yet: it waits")
TIMED_OUT = error(503, 14, "etcdserver: request timed out")
BUG = error(500, 13, "etcdserver: internal error")
REFUSED_DIAL = NotSent("connection refused")
BROKEN = Lost("connection reset")


def story(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Make a test of a coroutine: it is run on a virtual loop of its own."""

    @functools.wraps(test)
    def run_it(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return run_it


async def put(client: Client) -> int:
    return (await client.put("k", "v")).header.revision


async def get(client: Client) -> int:
    return (await client.get("k")).header.revision


@story
async def test_one_that_is_dead_is_passed_over_and_not_asked_again() -> None:
    http = ScriptedHttp(a=[REFUSED_DIAL], b=[OK])
    client = client_of(http)
    assert await put(client) == 7
    assert await put(client) == 7
    assert http.asked == ["a", "b", "b"]


SAFE_FOR_WRITES: list[Said] = [REFUSED_DIAL, NO_LEADER, TOO_MANY, NOT_YET]


@pytest.mark.parametrize("said", SAFE_FOR_WRITES, ids=str)
@story
async def test_a_write_is_repeated_where_nothing_has_happened(said: Said) -> None:
    http = ScriptedHttp(a=[said, said, OK], b=[said, said, said])
    assert await put(client_of(http)) == 7
    assert http.asked == ["a", "b", "a", "b", "a"]


LOST_WRITES: list[Said] = [BROKEN, TIMED_OUT, BUG, HANGS]


@pytest.mark.parametrize("said", LOST_WRITES, ids=str)
@story
async def test_a_write_whose_answer_is_lost_is_unknown_and_not_repeated(
    said: Said,
) -> None:
    http = ScriptedHttp(a=[said], b=[OK])
    with pytest.raises(OutcomeUnknown):
        await put(client_of(http))
    assert http.asked == ["a"]


@pytest.mark.parametrize("said", [*LOST_WRITES, *SAFE_FOR_WRITES], ids=str)
@story
async def test_a_read_is_repeated_elsewhere_whatever_happened(said: Said) -> None:
    http = ScriptedHttp(a=[said], b=[OK])
    loop, _ = here()
    begin = loop.time()
    assert await get(client_of(http)) == 7
    assert http.asked == ["a", "b"]
    assert loop.time() - begin <= 1.5, "one that hangs holds nobody up for long"


@story
async def test_a_refusal_is_told_and_not_repeated() -> None:
    said = error(400, 11, "etcdserver: mvcc: required revision is a future revision")
    http = ScriptedHttp(a=[said], b=[OK])
    with pytest.raises(Refused, match="future revision") as caught:
        await get(client_of(http))
    assert (caught.value.http_status, caught.value.code) == (400, 11)
    assert http.asked == ["a"]


@story
async def test_an_unhealthy_cluster_has_refused_and_nothing_is_unknown() -> None:
    http = ScriptedHttp(a=[error(503, 14, "etcdserver: unhealthy cluster")])
    with pytest.raises(Refused, match="unhealthy"):
        await put(client_of(http))


@story
async def test_patience_ends_and_says_why_of_each() -> None:
    http = ScriptedHttp(a=[NO_LEADER], b=[REFUSED_DIAL])
    loop, _ = here()
    begin = loop.time()
    with pytest.raises(NoEndpoint) as caught:
        await put(client_of(http, 5.0))
    assert 4.0 < loop.time() - begin <= 5.0
    assert "http://a:1: etcdserver: no leader" in str(caught.value)
    assert "http://b:1: connection refused" in str(caught.value)


@story
async def test_what_could_not_be_heard_out_is_not_begun() -> None:
    http = ScriptedHttp(takes_seconds=7.0, a=[NO_LEADER])
    with pytest.raises(NoEndpoint, match="no leader"):
        await put(client_of(http, 10.0))
    assert http.asked == ["a"], "the second time would have ended as unknown"


@story
async def test_where_nobody_can_be_connected_to_patience_ends_early() -> None:
    http = ScriptedHttp(a=[REFUSED_DIAL], b=[REFUSED_DIAL])
    loop, _ = here()
    begin = loop.time()
    with pytest.raises(NoEndpoint):
        await put(client_of(http))
    assert loop.time() - begin <= 2.0


V1 = '{{"apiVersion":"1.0","error":{{"id":"x.{}","message":"words","term":1}}}}'


@story
async def test_the_documented_api_says_by_an_id_what_is_unknown() -> None:
    unknown = Answer(503, V1.format("OUTCOME_UNKNOWN").encode())
    refused = Answer(503, V1.format("UNAVAILABLE").encode())
    for said, kind in ((unknown, OutcomeUnknown), (refused, Refused)):
        http = ScriptedHttp(a=[said])
        with pytest.raises(kind, match="words"):
            await client_of(http).remove_member(7)


@story
async def test_an_answer_that_is_none_of_ours_is_shown_as_it_is() -> None:
    http = ScriptedHttp(a=[Answer(404, b"404 page not found\n")])
    with pytest.raises(Refused, match="404 page not found"):
        await put(client_of(http))


@story
async def test_only_what_is_given_is_sent_and_bytes_in_base64() -> None:
    http = ScriptedHttp(a=[OK])
    client = client_of(http)
    await client.put("k", b"\xff", lease=3)
    await client.get("k", limit=2, sort_order="DESCEND", sort_target="MOD")
    await client.delete("k", "l", prev_kv=True)
    assert [(each.path, each.body) for each in http.requests] == [
        ("/v3/kv/put", b'{"key":"aw==","value":"/w==","lease":3}'),
        (
            "/v3/kv/range",
            b'{"key":"aw==","limit":2,"sort_order":"DESCEND","sort_target":"MOD"}',
        ),
        (
            "/v3/kv/deleterange",
            b'{"key":"aw==","range_end":"bA==","prev_kv":true}',
        ),
    ]


@story
async def test_numbers_of_64_bits_come_as_texts() -> None:
    body = (
        b'{"header":{"cluster_id":"18446744073709551615","revision":"9"},'
        b'"kvs":[{"key":"aw==","create_revision":"2","mod_revision":"9",'
        b'"version":"3","value":"/w=="}],"count":"1"}'
    )
    found = await client_of(ScriptedHttp(a=[Answer(200, body)])).get("k")
    assert isinstance(found, Found)
    assert found.header.cluster_id == 2**64 - 1
    (kv,) = found.kvs
    assert (kv.key, kv.value, kv.mod_revision, kv.version) == (b"k", b"\xff", 9, 3)


CLUSTER = (
    b'{"apiVersion":"1.0","data":{"cluster_id":"1","leader":"5","term":2,'
    b'"commit_index":3,"last_log_index":4,"quorum":1,"is_joint":false,'
    b'"members":[{"id":"5","name":"n5","client_urls":["http://b:1"],'
    b'"is_leader":true,"match_index":4,"lag":0}]}}'
)


@story
async def test_the_leader_is_found_and_asked_first_from_then_on() -> None:
    http = ScriptedHttp(a=[Answer(200, CLUSTER), OK], b=[OK])
    client = client_of(http)
    leader = await client.find_leader()
    assert leader is not None
    assert (leader.id, leader.name) == (5, "n5")
    await put(client)
    assert http.asked == ["a", "b"]


@pytest.mark.parametrize("is_there", [False, True])
@story
async def test_who_is_not_there_was_removed_whatever_became_of_the_answer(
    is_there: bool,
) -> None:
    listed = b'{"members":[{"ID":"5"}%b]}' % (b',{"ID":"7"}' if is_there else b"")
    http = ScriptedHttp(a=[BROKEN, Answer(200, listed), Answer(200, CLUSTER)])
    removing = client_of(http).remove_member(7)
    if is_there:
        with pytest.raises(OutcomeUnknown):
            await removing
    else:
        assert [member.id for member in await removing] == [5]


@pytest.mark.parametrize("said", LOST_WRITES, ids=str)
@story
async def test_a_write_with_a_key_is_repeated_elsewhere_with_the_same_key(
    said: Said,
) -> None:
    http = ScriptedHttp(a=[said], b=[OK])
    client = client_of(http, idempotent=True)
    assert await put(client) == 7
    assert http.asked == ["a", "b"]
    assert await put(client) == 7
    keys = [request.headers["Idempotency-Key"] for request in http.requests]
    assert keys[0] == keys[1] != keys[2]


@story
async def test_a_write_with_a_key_that_nobody_answers_is_unknown() -> None:
    http = ScriptedHttp(a=[BROKEN, NO_LEADER], b=[REFUSED_DIAL])
    with pytest.raises(OutcomeUnknown, match="may be done"):
        await put(client_of(http, idempotent=True))


@story
async def test_a_write_with_a_key_that_never_left_has_not_happened() -> None:
    http = ScriptedHttp(a=[NO_LEADER], b=[REFUSED_DIAL])
    with pytest.raises(NoEndpoint):
        await put(client_of(http, idempotent=True))


@story
async def test_reads_have_no_key() -> None:
    http = ScriptedHttp(a=[OK])
    await get(client_of(http, idempotent=True))
    assert not http.requests[0].headers
