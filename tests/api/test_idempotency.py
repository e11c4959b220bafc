"""Requests with an ``Idempotency-Key``, on whole groups on virtual time."""

import base64
from typing import Any

import msgspec

from raftwerk.api.app import ClientApp
from raftwerk.api.budget import FREE_BYTES, INTAKE, INTAKE_BYTES_MAX
from raftwerk.api.lease_json import lease_routes
from raftwerk.api.streams import Streams
from raftwerk.api.v1.context import ApiContext
from raftwerk.config import ApiSettings
from raftwerk.kv import Store
from raftwerk.service import KvService
from raftwerk.service.lease import LeaseService
from tests.api.asgi import Reply, ask
from tests.runtime.group import Group, Process, story

V1 = "/api/v1/kv/"
PUT = "/v3/kv/put"


class Members:
    """A group whose members answer clients."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.apps: dict[int, ClientApp] = {}

    async def start(self) -> "Members":
        for process in self.group:
            await process.start(Store())
            self.open(process)
        await self.group.until_led()
        await self.group.until(
            lambda: all(p.status.cluster_version == 2 for p in self.group)
        )
        return self

    def open(self, process: Process) -> None:
        store: Any = process.machine
        lease = LeaseService(
            process.node,
            store,
            clock=process.host.clock,
            timers=process.host.timers,
            draw=process.host.draw,
        )
        kv = KvService(process.node, store)
        context = ApiContext(node=process.node, kv=kv, settings=ApiSettings())
        self.apps[process.node_id] = ClientApp(
            context, families=[lease_routes(lease, kv, Streams())]
        )

    async def ask(
        self,
        process: Process,
        path: str,
        body: bytes = b"{}",
        key: str = "a key",
        method: str = "POST",
    ) -> Reply:
        headers = {"Idempotency-Key": key.replace(" ", "-")}
        asking = ask(self.apps[process.node_id], method, path, body, headers)
        reply = await self.group.outcome(process.process.start(asking))
        assert isinstance(reply, Reply), reply
        return reply


def put(key: bytes, value: bytes) -> bytes:
    encode = base64.b64encode
    fields = {"key": encode(key).decode(), "value": encode(value).decode()}
    return msgspec.json.encode(fields | {"prev_kv": True})


def is_replayed(reply: Reply) -> bool:
    return reply.headers.get("idempotency-replayed") == "true"


def result_of(reply: Reply) -> Any:
    """Return what a reply says, but for who says it."""
    said = reply.json
    for field in ("member_id", "raft_term"):
        said.get("header", {}).pop(field, None)
    return said


def revisions(members: Members) -> set[int]:
    # Each has a store, where the group's own type is a list.
    return {p.machine.revision for p in members.group}  # type: ignore[attr-defined]


@story
async def test_the_same_request_is_done_once_on_whichever_member() -> None:
    members = await Members(Group()).start()
    body = put(b"key", b"value")
    first = await members.ask(members.group.leader, PUT, body)
    assert first.status == 200
    assert not is_replayed(first)
    for process in members.group:
        again = await members.ask(process, PUT, body)
        assert is_replayed(again)
        assert result_of(again) == result_of(first)
    await members.group.until_equal()
    assert revisions(members) == {2}
    other = await members.ask(members.group.leader, PUT, body, key="another")
    assert not is_replayed(other)
    assert "prev_kv" in other.json


@story
async def test_a_request_that_is_under_way_is_waited_for() -> None:
    members = await Members(Group()).start()
    group, body = members.group, put(b"key", b"value")
    apps = [members.apps[p.node_id] for p in group for _ in range(3)]
    headers = {"Idempotency-Key": "k"}
    tasks = [
        process.process.start(ask(app, "POST", PUT, body, headers))
        for process, app in zip([p for p in group for _ in "123"], apps, strict=True)
    ]
    replies = [await group.outcome(task) for task in tasks]
    assert {reply.status for reply in replies} == {200}
    assert sum(not is_replayed(reply) for reply in replies) == 1
    assert len({reply.json["header"]["revision"] for reply in replies}) == 1
    await group.until_equal()
    assert revisions(members) == {2}


@story
async def test_another_request_with_the_same_key_is_refused() -> None:
    members = await Members(Group()).start()
    leader = members.group.leader
    assert (await members.ask(leader, PUT, put(b"key", b"1"))).status == 200
    for path, body, method in (
        (PUT, put(b"key", b"2"), "POST"),
        ("/v3/kv/deleterange", put(b"key", b"1"), "POST"),
        (f"{V1}key", put(b"key", b"1"), "PUT"),
    ):
        reply = await members.ask(leader, path, body, method=method)
        assert reply.status == 422, reply.text
        assert "Idempotency-Key" in reply.text
    assert revisions(members) == {2}


@story
async def test_the_documented_api_keeps_the_same_promise() -> None:
    members = await Members(Group()).start()
    leader, other = members.group.leader, members.group.followers[0]
    first = await members.ask(leader, f"{V1}key", b"value", method="PUT")
    again = await members.ask(other, f"{V1}key", b"value", method="PUT")
    assert (first.status, again.status) == (200, 200)
    assert is_replayed(again) and not is_replayed(first)
    assert again.json["data"] == first.json["data"]
    for expected in (False, True):
        gone = await members.ask(other, f"{V1}key", b"", "delete", "DELETE")
        assert gone.json["data"]["deleted"] == 1
        assert is_replayed(gone) is expected
    await members.group.until_equal()
    assert revisions(members) == {3}


@story
async def test_a_refusal_is_an_answer_that_is_given_again() -> None:
    members = await Members(Group()).start()
    leader = members.group.leader
    body = msgspec.json.encode({"key": "a2V5", "lease": "77"})
    refused = [await members.ask(leader, PUT, body) for _ in range(2)]
    assert [reply.status for reply in refused] == [404, 404]
    assert [is_replayed(reply) for reply in refused] == [False, True]


@story
async def test_a_lease_without_an_id_gets_the_same_one_again() -> None:
    members = await Members(Group()).start()
    leader, other = members.group.leader, members.group.followers[0]
    first = await members.ask(leader, "/v3/lease/grant", b'{"TTL": "60"}')
    again = await members.ask(other, "/v3/lease/grant", b'{"TTL": "60"}')
    assert first.status == again.status == 200
    assert first.json["ID"] == again.json["ID"]
    assert is_replayed(again)
    store: Any = leader.machine
    assert len(store.leases()) == 1
    another = await members.ask(leader, "/v3/lease/grant", b'{"TTL": "60"}', "other")
    assert another.json["ID"] != first.json["ID"]


@story
async def test_a_leader_that_dies_before_it_answers_leaves_no_doubt() -> None:
    members = await Members(Group()).start()
    group, body = members.group, put(b"key", b"value")
    leader, other = group.leader, group.followers[0]
    await group.until_equal()
    asking = ask(
        members.apps[leader.node_id], "POST", PUT, body, {"Idempotency-Key": "k"}
    )
    leader.process.start(asking)
    await group.until(lambda: other.status.last_log_index > other.status.commit_index)
    leader.kill()
    await group.until_led([p.node_id for p in group if p.is_up])
    for process in [p for p in group if p.is_up]:
        reply = await members.ask(process, PUT, body, "k")
        assert (reply.status, is_replayed(reply)) == (200, True)
        assert "prev_kv" not in reply.json
    # It comes back with nothing but its disk, and knows.
    await leader.start(Store())
    members.open(leader)
    await group.until_equal()
    reply = await members.ask(leader, PUT, body, "k")
    assert (reply.status, is_replayed(reply)) == (200, True)
    assert revisions(members) == {2}


@story
async def test_what_can_t_be_done_once_says_so_instead_of_promising() -> None:
    members = await Members(Group()).start()
    leader = members.group.leader
    for path in ("/v3/cluster/member/add", "/v3/maintenance/defragment"):
        reply = await members.ask(leader, path)
        assert reply.status == 400
    reply = await members.ask(leader, "/api/v1/members", b"{}")
    assert reply.status == 400, reply.text
    assert "can't be promised" in reply.text


@story
async def test_a_key_is_short_and_visible() -> None:
    members = await Members(Group()).start()
    leader = members.group.leader
    for key in ("", "x" * 256, "a\tb"):
        assert (await members.ask(leader, PUT, put(b"k", b"v"), key)).status == 400
    long = "x" * 255
    assert (await members.ask(leader, PUT, put(b"k", b"v"), long)).status == 200


@story
async def test_reads_don_t_mind_a_key() -> None:
    members = await Members(Group()).start()
    leader = members.group.leader
    for key in ("a2V5", "b3RoZXI="):
        body = msgspec.json.encode({"key": key})
        reply = await members.ask(leader, "/v3/kv/range", body)
        assert (reply.status, is_replayed(reply)) == (200, False)
    reply = await members.ask(leader, f"{V1}none", b"", method="GET")
    assert reply.status == 404


@story
async def test_with_a_key_too_a_request_is_refused_while_too_much_comes_in() -> None:
    members = await Members(Group()).start()
    leader, large = members.group.leader, bytes(FREE_BYTES + 1)
    with INTAKE.share() as others:
        others.grow(INTAKE_BYTES_MAX + FREE_BYTES)
        for path, method in ((PUT, "POST"), (f"{V1}key", "PUT")):
            reply = await members.ask(leader, path, large, method=method)
            assert reply.status == 429, reply.text
    # The key stands for nothing yet: what was refused was not done.
    reply = await members.ask(leader, PUT, put(b"key", b"value"))
    assert (reply.status, is_replayed(reply)) == (200, False)
