"""Numbered writes: asked for again, done once, and refused when nobody can know."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from raftwerk.client import Client, NoEndpoint, Refused, Session
from raftwerk.client.http import Answer, Lost, NotSent
from raftwerk.errors import OutcomeUnknown, SessionExpired
from raftwerk.host.virtual import run
from raftwerk.kv import Range, Store
from raftwerk.runtime import answered
from tests.api.whole_member import WholeMember
from tests.client.asgi_http import AsgiHttp
from tests.runtime.group import Group

from .scripted import OK, ScriptedHttp, client_of, error, here

OPENED = Answer(200, b'{"data":{"id":"17","seconds":3600}}')
BROKEN = Lost("connection reset")
EXPIRED = error(410, 9, "session 17 has ended")
REFUSED = error(400, 3, "etcdserver: key is not provided")
NO_LEADER = error(503, 14, "etcdserver: no leader")


def story(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Make a test of a coroutine: it is run on a virtual loop of its own."""

    @functools.wraps(test)
    def run_it(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return run_it


def numbers(http: ScriptedHttp) -> list[str]:
    """Return what names each numbered write that was sent."""
    named = (request.headers.get("Raftwerk-Session", "") for request in http.requests)
    return [name for name in named if name]


@story
async def test_a_session_counts_its_writes_and_says_which_are_over() -> None:
    http = ScriptedHttp(a=[OPENED, OK])
    session = await client_of(http).open_session()
    await session.put("k", "v")
    await session.delete("k")
    await session.txn([], [{"request_put": {"key": "k", "value": "v"}}])
    await session.get("k")
    assert numbers(http) == [f"17; sequence={n}; lowest={n}" for n in (1, 2, 3)]
    assert (session.session_id, session.next_sequence) == (17, 4)
    assert [request.path for request in http.requests] == [
        "/api/v1/sessions",
        "/v3/kv/put",
        "/v3/kv/deleterange",
        "/v3/kv/txn",
        "/v3/kv/range",
    ]


@story
async def test_a_write_whose_answer_is_lost_is_asked_for_elsewhere() -> None:
    http = ScriptedHttp(a=[OPENED, BROKEN], b=[OK])
    session = await client_of(http).open_session()
    await session.put("k", "v")
    assert http.asked == ["a", "a", "b"]
    assert numbers(http) == ["17; sequence=1; lowest=1"] * 2


@story
async def test_an_unknown_outcome_is_asked_for_again_by_its_number() -> None:
    http = ScriptedHttp(a=[OPENED, BROKEN])
    session = await client_of(http, timeout_seconds=1.0).open_session()
    with pytest.raises(OutcomeUnknown, match="number 1 of session 17"):
        await session.put("k", "v")
    http.said["a"] = [OK]
    del http.requests[:]
    await session.put("other", "v")
    await session.repeat(1).put("k", "v")
    await session.put("third", "v")
    assert numbers(http) == [
        "17; sequence=2; lowest=1",
        "17; sequence=1; lowest=1",
        "17; sequence=3; lowest=3",
    ]


@story
async def test_what_is_given_up_need_not_be_remembered() -> None:
    http = ScriptedHttp(a=[OPENED, BROKEN])
    session = await client_of(http, timeout_seconds=1.0).open_session()
    with pytest.raises(OutcomeUnknown):
        await session.put("k", "v")
    session.give_up(session.last_sequence)
    http.said["a"] = [OK]
    await session.put("k", "v")
    assert numbers(http)[-1] == "17; sequence=2; lowest=2"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (EXPIRED, SessionExpired),
        (REFUSED, Refused),
        (NO_LEADER, NoEndpoint),
        (NotSent("connection refused"), NoEndpoint),
    ],
    ids=str,
)
@story
async def test_what_is_refused_is_over(said: Any, kind: type[Exception]) -> None:
    http = ScriptedHttp(a=[OPENED, said])
    session = await client_of(http, timeout_seconds=1.0).open_session()
    with pytest.raises(kind):
        await session.put("k", "v")
    http.said["a"] = [OK]
    await session.put("k", "v")
    assert numbers(http)[-1] == "17; sequence=2; lowest=2"


@story
async def test_it_is_closed_at_the_end_if_anybody_hears_it() -> None:
    http = ScriptedHttp(a=[OPENED, OK])
    client = client_of(http, timeout_seconds=1.0)
    async with await client.open_session() as session:
        await session.put("k", "v")
    last = http.requests[-1]
    assert (last.method, last.path) == ("DELETE", "/api/v1/sessions/17")
    http.said["a"] = [NotSent("connection refused")]
    await client.session(18).close()


@story
async def test_who_goes_on_with_a_session_uses_no_number_twice() -> None:
    http = ScriptedHttp(a=[OK])
    session = client_of(http).session(17, next_sequence=41)
    await session.put("k", "v")
    assert numbers(http) == ["17; sequence=41; lowest=41"]


# ---- with whole members ---------------------------------------------------------


class Members:
    """A group of three, and a client whose answers may be lost."""

    def __init__(self) -> None:
        self.group = Group()
        self.stores = {process.node_id: Store() for process in self.group}
        self.http = AsgiHttp()

    async def start(self) -> Session:
        for process in self.group:
            await process.start(self.stores[process.node_id])
        await self.group.until_led()
        await self.group.until(
            lambda: all(p.status.cluster_version == 2 for p in self.group)
        )
        members = {
            f"n{process.node_id}": WholeMember(process, self.stores[process.node_id])
            for process in self.group
        }
        self.http = AsgiHttp(**members)
        urls = [f"http://{name}:1" for name in members]
        return await Client(*urls, host=here()[1], http=self.http).open_session()

    def versions(self, key: bytes) -> list[int]:
        """Return how often each member has put a key."""
        found = [store.range(Range(key)).kvs for store in self.stores.values()]
        return [kvs[0].version if kvs else 0 for kvs in found]


@story
async def test_a_write_whose_answers_are_lost_is_done_once_on_all_members() -> None:
    members = Members()
    session = await members.start()
    for _ in range(5):
        members.http.loses = 2
        await session.put("key", "value")
    assert len({host for host, _, path in members.http.asked if "put" in path}) > 1
    await members.group.until_equal()
    assert members.versions(b"key") == [5, 5, 5]
    members.http.loses = 1
    deleted = await session.delete("key")
    assert deleted.deleted == 1, "the first answer, not that of the second time"
    members.http.loses = 1
    is_new = {"key": "key", "target": "VERSION", "result": "EQUAL", "version": "0"}
    put = {"request_put": {"key": "key", "value": "again"}}
    done = await session.txn([is_new], [put])
    assert done.succeeded
    assert [each.value for each in (await session.get("key")).kvs] == [b"again"]


@story
async def test_what_was_unknown_is_told_later_as_it_was() -> None:
    members = Members()
    session = await members.start()
    members.http.loses = 10**6
    with pytest.raises(OutcomeUnknown):
        await session.put("key", "value")
    members.http.loses = 0
    number = session.last_sequence
    first = await session.repeat(number).put("key", "value")
    second = await session.put("key", "other")
    assert second.header.revision == first.header.revision + 1
    await members.group.until_equal()
    assert members.versions(b"key") == [2, 2, 2]


@story
async def test_an_expired_session_is_refused_and_nothing_done() -> None:
    with pytest.MonkeyPatch.context() as soon:
        soon.setattr(answered, "SESSION_SECONDS", 120)
        members = Members()
        session = await members.start()
        await session.put("key", "value")
        await members.group.sleep(200.0)
        with pytest.raises(SessionExpired, match="has ended"):
            await session.put("key", "value")
    await session.close()
    assert members.versions(b"key") == [1, 1, 1]


@pytest.mark.parametrize(
    ("path", "header", "words"),
    [
        ("/v3/lock/lock", "1; sequence=1", "is several commands"),
        ("/v3/kv/put", "1, 2", "is ID; sequence=NUMBER"),
        ("/v3/kv/put", "1; sequence=1; lowest=2", "is not above"),
        ("/v3/kv/put", "1; sequence=0", "from 1 on"),
        ("/v3/cluster/member/add", "1; sequence=1", "leave the Raftwerk-Session out"),
    ],
)
@story
async def test_a_header_that_means_nothing_is_refused(
    path: str, header: str, words: str
) -> None:
    members = Members()
    await members.start()
    process = members.group.leader
    member = WholeMember(process, members.stores[process.node_id])
    exchange = member.open("POST", path, b"{}", {"Raftwerk-Session": header})
    said = (await exchange.whole(10.0)).decode()
    assert exchange.status == 400 and words in said


@story
async def test_a_request_has_a_key_or_a_number() -> None:
    members = Members()
    await members.start()
    process = members.group.leader
    member = WholeMember(process, members.stores[process.node_id])
    both = {"Raftwerk-Session": "1; sequence=1", "Idempotency-Key": "k"}
    exchange = member.open("POST", "/v3/kv/put", b"{}", both)
    assert b"not both" in await exchange.whole(10.0)
