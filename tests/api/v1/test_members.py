"""Members and leadership over the documented API, on a whole member of a group."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from raftwerk.host.virtual import run
from tests.api.whole_member import WholeMember

JSON = {"content-type": "application/json"}

NEW_URL = "http://127.0.0.1:39999"


class Caller:
    """Asks a whole member."""

    def __init__(self, member: WholeMember) -> None:
        self._member = member
        self.own_id = str(member.process.node_id)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and body of an answer, without the envelope if it has data."""
        data = b"" if body is None else msgspec.json.encode(body)
        exchange = self._member.open(method, f"/api/v1{path}", data, JSON)
        assert exchange.answering is not None
        await exchange.answering
        assert exchange.status is not None
        said = msgspec.json.decode(exchange.body)
        return exchange.status, said.get("data", said)


def told(story: Callable[[Caller], Coroutine[Any, Any, None]]) -> None:
    """Run a story with a member on virtual time."""

    async def begin() -> None:
        await story(Caller(await WholeMember.start()))

    run(begin())


def test_a_member_is_added_moved_replaced_and_removed() -> None:
    async def story(caller: Caller) -> None:
        new = {"peer_urls": [NEW_URL], "is_learner": True}
        status, changed = await caller.ask("POST", "/members", new)
        assert status == 201
        member = changed["member"]
        assert (member["peer_urls"], member["name"]) == ([NEW_URL], "")
        assert member["is_learner"]
        assert not member["has_started"]
        assert len(changed["members"]) == 2

        way = f"/members/{member['id']}"
        status, refused = await caller.ask("POST", f"{way}/promote")
        assert status == 400
        assert "has not caught up" in refused["error"]["message"]

        move = {"peer_urls": ["http://127.0.0.1:39998"]}
        status, changed = await caller.ask("PUT", way, move)
        assert (status, changed["member"]["peer_urls"]) == (200, move["peer_urls"])

        status, changed = await caller.ask("POST", f"{way}/replace", {})
        assert status == 201
        assert changed["member"]["id"] != member["id"]
        assert changed["member"]["peer_urls"] == move["peer_urls"]

        status, _ = await caller.ask("DELETE", way)
        assert status == 404
        way = f"/members/{changed['member']['id']}"
        status, changed = await caller.ask("DELETE", way)
        assert (status, changed["member"]) == (200, None)
        status, members = await caller.ask("GET", "/members")
        assert [each["id"] for each in members] == [caller.own_id]

    told(story)


def test_the_cluster_is_shown_as_its_leader_sees_it() -> None:
    async def story(caller: Caller) -> None:
        status, cluster = await caller.ask("GET", "/cluster")
        assert status == 200
        assert cluster["leader"] == caller.own_id
        assert cluster["quorum"] == 1
        (member,) = cluster["members"]
        assert member["is_leader"]
        assert member["lag"] == cluster["last_log_index"] - member["match_index"]

    told(story)


def test_leadership_goes_to_voters_alone() -> None:
    async def story(caller: Caller) -> None:
        target = {"target": caller.own_id}
        status, moved = await caller.ask("POST", "/transfer", target)
        assert (status, moved) == (200, {"leader": caller.own_id})
        status, refused = await caller.ask("POST", "/transfer", {"target": "77"})
        assert status == 400
        assert "does not vote" in refused["error"]["message"]
        status, refused = await caller.ask("POST", "/transfer", {"target": "9" * 20})
        assert status == 400
        assert "ids have 64 bits" in refused["error"]["message"]
        status, _ = await caller.ask("POST", "/transfer", {})
        assert status == 400  # there is nobody else

    told(story)


def test_a_snapshot_is_taken_when_it_is_asked_for() -> None:
    async def story(caller: Caller) -> None:
        status, taken = await caller.ask("POST", "/snapshot")
        assert status == 200
        assert taken["index"] > 0
        assert not taken["is_under_way"]

    told(story)


def test_what_has_no_meaning_is_refused_in_the_envelope() -> None:
    async def story(caller: Caller) -> None:
        for method, path, body in (
            ("POST", "/members", {"peer_urls": []}),
            ("POST", "/members", {}),
            ("DELETE", "/members/zero", None),
            ("DELETE", "/members/0", None),
            ("POST", "/transfer", {"target": "-1"}),
        ):
            status, refused = await caller.ask(method, path, body)
            assert status == 422, path
            assert refused["error"]["id"].endswith(".VALIDATION")
        status, refused = await caller.ask("POST", "/members", {"peer_urls": ["x"]})
        assert status == 400
        assert "http://HOST:PORT" in refused["error"]["message"]

    told(story)


def test_half_a_character_in_a_url_is_refused_and_no_bug() -> None:
    half = rb'{"peer_urls": ["\ud800"], "peerURLs": ["\ud800"], "ID": "5"}'

    async def story(member: WholeMember) -> None:
        for method, path in (
            ("POST", "/api/v1/members"),
            ("PUT", "/api/v1/members/5"),
            ("POST", f"/api/v1/members/{member.process.node_id}/replace"),
            ("POST", "/v3/cluster/member/add"),
            ("POST", "/v3/cluster/member/update"),
        ):
            exchange = member.open(method, path, half, JSON)
            assert exchange.answering is not None
            await exchange.answering
            assert exchange.status in (400, 422), (path, exchange.body)

    async def begin() -> None:
        await story(await WholeMember.start())

    run(begin())
