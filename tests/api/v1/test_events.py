"""``GET /api/v1/events``: a stream for as long as somebody reads, and no longer."""

import asyncio
import json
from typing import Any

from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.events import EventStream
from raftwerk.errors import QueueFull
from raftwerk.kv import Store
from raftwerk.runtime.event_feed import EventFeed, Subscription
from raftwerk.service import KvService
from tests.service.fake_node import FakeNode

_STORE = Store()
_NODE = FakeNode(_STORE)
CONTEXT = ApiContext(node=_NODE, kv=KvService(_NODE, _STORE))


class FakeFeed(EventFeed):
    """Tells what the test says."""

    # pylint: disable-next=super-init-not-called  # there is no node
    def __init__(self) -> None:
        self.open: list[Subscription] = []
        self.is_full = False

    def subscribe(self) -> Subscription:
        if self.is_full:
            raise QueueFull("too many watch")
        subscription = Subscription()
        self.open.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self.open.remove(subscription)


class Client:
    """Reads a stream until it goes."""

    def __init__(self, feed: FakeFeed, method: str = "GET") -> None:
        self.sent: list[dict[str, Any]] = []
        self.goes = asyncio.Event()
        self.task = asyncio.ensure_future(
            EventStream(feed, CONTEXT)(
                {"type": "http", "method": method}, self.receive, self.send
            )
        )

    async def receive(self) -> dict[str, Any]:
        await self.goes.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def text(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def test_records_are_sent_until_the_client_goes() -> None:
    async def story() -> None:
        feed = FakeFeed()
        client = Client(feed)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        feed.open[0].put(b'{"type":"state"}', 1.0)
        feed.open[0].flush()
        while not client.text:
            await asyncio.sleep(0)
        assert client.text == b'data: {"type":"state"}\n\n'
        assert client.sent[0]["status"] == 200
        client.goes.set()
        await client.task
        assert not feed.open

    asyncio.run(story())


def test_the_stream_ends_with_the_node() -> None:
    async def story() -> None:
        feed = FakeFeed()
        client = Client(feed)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        feed.open[0].close()
        await client.task
        assert client.sent[-1] == {"type": "http.response.body", "body": b""}
        assert not feed.open

    asyncio.run(story())


def test_one_too_many_is_told_so() -> None:
    async def story() -> None:
        feed = FakeFeed()
        feed.is_full = True
        client = Client(feed)
        await client.task
        assert client.sent[0]["status"] == 503
        said = json.loads(client.text)["error"]
        assert said["id"] == "consensus-cluster-service.UNAVAILABLE"
        assert said["message"] == "too many watch"

    asyncio.run(story())


def test_a_stream_is_got_and_nothing_else() -> None:
    async def story() -> None:
        client = Client(FakeFeed(), "POST")
        await client.task
        assert client.sent[0]["status"] == 405
        said = json.loads(client.text)["error"]
        assert said["id"] == "consensus-cluster-service.METHOD_NOT_ALLOWED"

    asyncio.run(story())
