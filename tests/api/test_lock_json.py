"""Locks and elections over the gateway: waiting, going away, and failing plainly."""

import asyncio
import base64

import msgspec
import pytest

from raftwerk.kv import Range
from tests.api.asgi_stream import Exchange
from tests.api.whole_member import WholeMember
from tests.runtime.group import story

SECONDS = 5.0


def text(data: bytes) -> str:
    """Return bytes as they stand in JSON."""
    return base64.b64encode(data).decode()


def begin(member: WholeMember, path: str, **body: object) -> Exchange:
    """Begin a call."""
    return member.open("POST", f"/v3/{path}", msgspec.json.encode(body))


async def post(member: WholeMember, path: str, **body: object) -> Exchange:
    """Make a call, and wait for its answer."""
    exchange = begin(member, path, **body)
    await exchange.whole(SECONDS)
    return exchange


async def with_leases() -> WholeMember:
    """Start a member with two leases, 11 and 12."""
    member = await WholeMember.start()
    for lease in ("11", "12"):
        await post(member, "lease/grant", ID=lease, TTL="60")
    return member


@story
async def test_who_goes_away_while_it_waits_leaves_the_line() -> None:
    member = await with_leases()
    await post(member, "lock/lock", name=text(b"m"), lease="11")
    waiting = begin(member, "lock/lock", name=text(b"m"), lease="12")
    await asyncio.sleep(0.1)
    everything = Range(b"m/", b"m0", serializable=True)
    assert member.store.range(everything).count == 2
    await waiting.close()
    await asyncio.sleep(0.1)
    assert [kv.key for kv in member.store.range(everything).kvs] == [b"m/b"]
    assert waiting.status is None


@story
async def test_who_waits_is_told_when_the_member_stops() -> None:
    member = await with_leases()
    await post(member, "lock/lock", name=text(b"m"), lease="11")
    waiting = begin(member, "lock/lock", name=text(b"m"), lease="12")
    await asyncio.sleep(0.1)
    member.app.drain()
    body = msgspec.json.decode(await waiting.whole(SECONDS))
    assert (waiting.status, body["code"]) == (503, 14)


FAILURES = [
    # call                  body                                status code text
    ("lock/lock", {"lease": "5"}, 500, 2, "etcdserver: requested lease not found"),
    ("lock/unlock", {}, 500, 2, "etcdserver: key is not provided"),
    ("election/leader", {}, 500, 2, "election: no leader"),
    ("election/resign", {}, 500, 2, '"leader" field must be provided'),
    ("election/proclaim", {}, 500, 2, '"leader" field must be provided'),
    (
        "election/proclaim",
        {"leader": {"key": "YQ==", "rev": "9", "lease": "11"}},
        500,
        2,
        "election: not leader",
    ),
    ("lock/lock", {"lease": "x"}, 400, 3, None),
    ("election/campaign", {"leader": "x", "name": 1}, 400, 3, None),
]


@pytest.mark.parametrize(("call", "body", "status", "code", "words"), FAILURES)
def test_a_failure_is_said_with_the_code_for_unknown(
    call: str, body: dict[str, object], status: int, code: int, words: str | None
) -> None:
    @story
    async def tell() -> None:
        member = await with_leases()
        reply = await post(member, call, **body)
        said = msgspec.json.decode(reply.body)
        assert (reply.status, said["code"]) == (status, code)
        assert said["error"] == said["message"]
        assert words is None or said["error"] == words

    tell()


@story
async def test_what_leaders_say_comes_line_by_line() -> None:
    member = await with_leases()
    observing = begin(member, "election/observe", name=text(b"e"))
    assert await observing.next_line(0.5) is None
    won = await post(
        member, "election/campaign", name=text(b"e"), lease="11", value=text(b"one")
    )
    leader = msgspec.json.decode(won.body)["leader"]
    await post(member, "election/proclaim", leader=leader, value=text(b"two"))
    for number, value in enumerate((b"one", b"two"), 1):
        line = await observing.next_line(SECONDS)
        assert line is not None
        result = msgspec.json.decode(line)["result"]
        assert result["kv"]["value"] == text(value)
        assert result["kv"]["version"] == str(number)
        assert result["header"]["revision"] == result["kv"]["mod_revision"]
    await observing.close()
