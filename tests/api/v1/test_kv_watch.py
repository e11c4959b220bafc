"""Changes as server-sent events: told, resumed, ended; and reads that wait."""

import asyncio
import json
from typing import Any

import pytest

from raftwerk.api.streams import Streams
from raftwerk.api.v1.app import make_documented_api
from raftwerk.api.v1.context import ApiContext
from raftwerk.host.real import real_host
from raftwerk.kv import Command, Compact, DeleteRange, Put, Store, Txn, encode
from raftwerk.service import KvService
from raftwerk.service.revisions import Revisions
from raftwerk.service.watch import WatchService
from tests.api.asgi import ask
from tests.api.asgi_stream import Exchange
from tests.service.fake_node import FakeNode

WAIT_SECONDS = 5.0


class Member:
    """The documented API, whose store is written to by hand."""

    def __init__(self) -> None:
        host = real_host()
        self.store = Store()
        self.node = FakeNode(self.store)
        self.streams = Streams()
        self.app = make_documented_api(
            ApiContext(
                node=self.node,
                kv=KvService(self.node, self.store),
                watch=WatchService(self.store, host.timers),
                revisions=Revisions(
                    self.store,
                    clock=host.clock,
                    timers=host.timers,
                    wait_seconds=WAIT_SECONDS / 100,
                ),
                streams=self.streams,
            )
        )

    def apply(self, *batch: Command) -> None:
        """Apply commands in one batch."""
        index = self.store.applied_index + 1
        self.store.apply(index, [encode(command) for command in batch])

    async def watch(self, path: str, last_event_id: str | None = None) -> Exchange:
        """Return a stream that has begun."""
        headers = {"accept": "text/event-stream"}
        if last_event_id is not None:
            headers["last-event-id"] = last_event_id
        stream = Exchange("GET", f"/api/v1/kv/{path}", headers=headers)
        stream.answering = asyncio.ensure_future(stream.run(self.app))
        first = await stream.next_line(WAIT_SECONDS)
        assert first is not None and first.startswith(b": watching, the store is at")
        return stream


async def next_event(stream: Exchange) -> dict[str, Any]:
    """Return the next event: its fields, the data decoded."""
    fields: dict[str, Any] = {}
    while (line := await stream.next_line(WAIT_SECONDS)) is not None:
        name, _, value = line.decode().partition(": ")
        if name:
            fields[name] = json.loads(value) if name == "data" else value
        elif fields:
            return fields
    raise AssertionError(f"the stream ended; it said {stream.body!r}")


def test_changes_are_told_with_their_revision() -> None:
    async def story() -> None:
        member = Member()
        stream = await member.watch("a/?prefix")
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-raftwerk-revision"] == "1"
        member.apply(Put(b"a/1", b"one"), Put(b"b", b"two"), DeleteRange(b"a/1"))
        told = await next_event(stream)
        assert (told["event"], told["id"]) == ("put", "2")
        assert (told["data"]["key"], told["data"]["text"]) == ("a/1", "one")
        told = await next_event(stream)
        assert (told["event"], told["id"]) == ("delete", "4")
        await stream.close()

    asyncio.run(story())


def test_who_comes_back_misses_nothing() -> None:
    async def story() -> None:
        member = Member()
        both = Txn(success=(Put(b"a", b"1"), Put(b"b", b"1")))
        member.apply(both, both)
        stream = await member.watch("?watch", last_event_id="2")
        first, second = await next_event(stream), await next_event(stream)
        # Between the two changes of one revision nobody may resume.
        assert ("id" in first, second["id"]) == (False, "3")
        await stream.close()

    asyncio.run(story())


def test_who_comes_back_too_late_is_told_so() -> None:
    async def story() -> None:
        member = Member()
        member.apply(*(Put(b"a", b"%d" % each) for each in range(5)), Compact(4))
        stream = await member.watch("a", last_event_id="1")
        told = await next_event(stream)
        assert (told["event"], told["id"]) == ("compacted", "3")
        assert told["data"] == {"compact_revision": 4}
        await stream.whole(WAIT_SECONDS)
        resumed = await member.watch("a", last_event_id=told["id"])
        assert (await next_event(resumed))["id"] == "4"
        await resumed.close()

    asyncio.run(story())


def test_streams_end_when_the_member_stops() -> None:
    async def story() -> None:
        member = Member()
        stream = await member.watch("a")
        member.streams.end()
        await stream.whole(WAIT_SECONDS)

    asyncio.run(story())


@pytest.mark.parametrize("last_event_id", ["x", "-1", ""])
def test_an_event_id_that_is_none_is_refused(last_event_id: str) -> None:
    headers = {"last-event-id": last_event_id, "accept": "text/event-stream"}
    reply = asyncio.run(ask(Member().app, "GET", "/api/v1/kv/a", None, headers))
    assert reply.status == 400


def test_a_read_waits_for_the_revision_that_its_caller_has_seen() -> None:
    async def story() -> None:
        member = Member()
        reading = asyncio.ensure_future(
            ask(member.app, "GET", "/api/v1/kv/a?min_revision=2")
        )
        await asyncio.sleep(0)
        member.apply(Put(b"a", b"value"))
        assert (await reading).body == b"value"
        assert member.node.barriers == 0  # nobody else was asked

    asyncio.run(story())


def test_a_read_that_waited_in_vain_is_not_answered_with_what_is_stale() -> None:
    async def story() -> None:
        member = Member()
        reply = await ask(member.app, "GET", "/api/v1/kv/a?min_revision=2")
        assert reply.status == 503
        message = reply.json["error"]["message"]
        assert message.startswith("revision 2 did not come in 0.05 seconds")

    asyncio.run(story())


def test_many_changes_of_one_revision_come_in_parts_and_none_is_missed() -> None:
    async def story() -> None:
        member = Member()
        puts = [Put(b"a%03d" % each) for each in range(600)]
        stream = await member.watch("a?prefix")
        member.apply(*puts)
        told = [await next_event(stream) for _ in puts]
        member.apply(DeleteRange(b"a", b"b"))
        told = [await next_event(stream) for _ in puts]
        assert [each["data"]["key"] for each in told] == [
            put.key.decode() for put in puts
        ]
        assert ["id" in each for each in told] == [False] * 599 + [True]
        await stream.close()

    asyncio.run(story())
