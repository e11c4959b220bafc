"""``/v3/watch`` on a client port; the answers of etcd itself are in `conformance`."""

import asyncio
import base64
import json
from typing import Any

import pytest

from raftwerk.api.gateway import Gateway
from raftwerk.api.kv_json import BYTES_PER_PIECE
from raftwerk.api.streams import Streams
from raftwerk.api.watch_json import watch_routes
from raftwerk.host.real import real_host
from raftwerk.kv import Command, DeleteRange, Put, Store, Txn, encode
from raftwerk.service import KvService
from raftwerk.service.watch import WatchService
from tests.api.asgi import OpenStream, ask_now
from tests.service.fake_node import FakeNode


class Member:
    """A gateway whose store is written to by hand."""

    def __init__(self) -> None:
        self.store = Store()
        kv = KvService(FakeNode(self.store), self.store)
        self.watches = WatchService(self.store, real_host().timers)
        routes = watch_routes(self.watches, kv, Streams())
        self.gateway = Gateway(kv, routes)

    def apply(self, *batch: Command) -> None:
        """Apply commands in one batch."""
        index = self.store.applied_index + 1
        self.store.apply(index, [encode(command) for command in batch])

    def watch(self, **fields: Any) -> OpenStream:
        """Return a stream with one watch."""
        stream = OpenStream(self.gateway, "/v3/watch")
        stream.send({"create_request": fields})
        return stream


def test_a_stream_takes_requests_while_it_answers() -> None:
    async def story() -> None:
        member = Member()
        stream = member.watch(key="YQ==")
        assert (await stream.line())["result"]["created"]
        stream.send({"createRequest": {"key": "Yg==", "watchId": "9"}})
        assert (await stream.line())["result"]["watch_id"] == "9"
        stream.send({})  # asks for nothing
        stream.send({"progress_request": {}})
        assert (await stream.line())["result"]["watch_id"] == "-1"
        stream.send({"cancel_request": {"watch_id": 9}}, is_last=True)
        assert (await stream.line())["result"]["canceled"]
        member.apply(Put(b"b"), Put(b"a", b"1"))
        assert (await stream.line())["result"] == {
            "header": {
                "cluster_id": str(0xDECADE),
                "member_id": str(0xC0FFEE),
                "revision": "3",
                "raft_term": "2",
            },
            "events": [
                {
                    "kv": {
                        "key": "YQ==",
                        "create_revision": "3",
                        "mod_revision": "3",
                        "version": "1",
                        "value": "MQ==",
                    }
                }
            ],
        }
        await stream.close()

    asyncio.run(story())


def test_versions_before_are_told_to_those_who_want_them_alone() -> None:
    async def story() -> None:
        member = Member()
        streams = [member.watch(key="YQ==", prev_kv=wanted) for wanted in (True, False)]
        for stream in streams:
            await stream.line()
        member.apply(Put(b"a"))
        member.apply(DeleteRange(b"a"))
        for stream, wanted in zip(streams, (True, False), strict=True):
            put, deletion = [await stream.line() for _ in range(2)]
            assert "prev_kv" not in put["result"]["events"][0]
            event = deletion["result"]["events"][0]
            assert event["type"] == "DELETE"
            assert event["kv"] == {"key": "YQ==", "mod_revision": "3"}
            assert ("prev_kv" in event) is wanted
            await stream.close()

    asyncio.run(story())


def test_filters_by_name_or_number_leave_changes_out() -> None:
    async def story() -> None:
        member = Member()
        streams = [
            member.watch(key="YQ==", filters=filters)
            for filters in (["NOPUT"], [1], ["NODELETE", 0])
        ]
        for stream in streams:
            await stream.line()
        member.apply(Put(b"a"), DeleteRange(b"a"))
        no_put, no_delete, neither = streams
        assert (await no_put.line())["result"]["events"][0]["type"] == "DELETE"
        assert "type" not in (await no_delete.line())["result"]["events"][0]
        assert await neither.is_silent()
        for stream in streams:
            await stream.close()

    asyncio.run(story())


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_a_body_without_a_watch_keeps_a_silent_stream(body: bytes) -> None:
    async def story() -> None:
        stream = OpenStream(Member().gateway, "/v3/watch")
        stream.send(body, is_last=True)
        assert await stream.is_silent()
        assert stream.status == 0, "not even a head"
        await stream.close()

    asyncio.run(story())


def test_a_first_request_that_cant_be_read_is_an_error_of_code_2() -> None:
    body = json.dumps({"create_request": {"key": 5}}).encode()
    reply = ask_now(Member().gateway, "POST", "/v3/watch", body)
    assert (reply.status, reply.json["code"]) == (500, 2)


def test_a_later_request_that_cant_be_read_leaves_the_watches_alone() -> None:
    async def story() -> None:
        member = Member()
        stream = member.watch(key="YQ==")
        await stream.line()
        stream.send({"create_request": {"key": 5}})
        stream.send({"create_request": {"key": "YQ=="}}, is_last=True)
        assert await stream.is_silent()
        member.apply(Put(b"a"))
        assert "watch_id" not in (await stream.line())["result"]
        await stream.close()

    asyncio.run(story())


def test_those_who_watch_one_key_are_told_the_same() -> None:
    async def story() -> None:
        member = Member()
        streams = [member.watch(key="YQ==") for _ in range(3)]
        lines = [await stream.line() for stream in streams]
        member.apply(Put(b"a", b"1"))
        lines = [await stream.line() for stream in streams]
        assert lines[0] == lines[1] == lines[2]
        for stream in streams:
            await stream.close()

    asyncio.run(story())


def test_a_client_that_goes_away_leaves_no_watch_behind() -> None:
    async def story() -> None:
        member = Member()
        stream = member.watch(key="YQ==")
        await stream.line()
        assert len(member.watches.watchers) == 1
        await stream.close()
        assert len(member.watches.watchers) == 0

    asyncio.run(story())


def test_many_changes_of_one_revision_are_one_line_in_pieces() -> None:
    values = [b"x" * (7 * each % 1_000) for each in range(600)]

    async def story() -> None:
        member = Member()
        keys = [b"a%03d" % each for each in range(len(values))]
        puts = [Put(key, value) for key, value in zip(keys, values, strict=True)]
        member.apply(*puts)
        streams = [
            member.watch(key="YQ==", range_end="Yg==", prev_kv=wanted)
            for wanted in (True, True, False)
        ]
        for stream in streams:
            await stream.line()
        member.apply(Txn(success=tuple(puts[:300])), DeleteRange(b"a", b"b"))
        for stream, wanted in zip(streams, (True, True, False), strict=True):
            put, deleted = [(await stream.line())["result"] for _ in range(2)]
            assert len(put["events"]) == 300
            told = [base64.b64decode(event["kv"]["key"]) for event in deleted["events"]]
            assert told == keys
            before = [
                base64.b64decode(event.get("prev_kv", {}).get("value", b""))
                for event in deleted["events"]
            ]
            assert before == (values if wanted else [b""] * len(values))
            assert stream.longest < BYTES_PER_PIECE * 2
            await stream.close()

    asyncio.run(story())
