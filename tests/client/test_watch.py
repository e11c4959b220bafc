"""Watches go on over other members, from where they are, each change once."""

import json
from collections.abc import AsyncIterator

import pytest

from raftwerk.client import Client, NoEndpoint, Refused, Told, WatchCompacted
from raftwerk.client.http import Answer, Lost, NotSent, Request
from raftwerk.config import Url
from raftwerk.host.virtual import run
from tests.client.scripted import here

SILENCE = "silence"
Script = list[object]


def told(revision: int, *keys: str, at: int | None = None, **fields: object) -> bytes:
    """Return a line that tells of puts, one revision each, up to the last one."""
    first = (at or revision) - len(keys) + 1
    events = [
        {"kv": {"key": key, "mod_revision": str(first + place)}}
        for place, key in enumerate(keys)
    ]
    result = {"header": {"revision": str(revision)}, "events": events, **fields}
    return json.dumps({"result": result}).encode()


def created(revision: int) -> bytes:
    """Return the line with which a watch begins."""
    return told(revision, created=True)


def failed(code: int, words: str) -> bytes:
    """Return the line with which a stream ends."""
    error = {"grpc_code": code, "http_code": 503, "message": words}
    return json.dumps({"error": error}).encode()


class Servers:
    """Each gives its streams in turn, as they are written down, and its health."""

    def __init__(self, **streams: list[Script]) -> None:
        self.streams = streams
        self.health: dict[str, int] = {}
        self.asked: list[tuple[str, int]] = []

    async def ask(self, url: Url, request: Request) -> Answer:
        assert request.path.startswith("/health?exclude=")
        return Answer(self.health.get(url.host, 200), b"{}")

    async def stream(self, url: Url, request: Request) -> AsyncIterator[bytes]:
        body = json.loads(request.body)["create_request"]
        self.asked.append((url.host, body["start_revision"]))
        scripts = self.streams[url.host]
        if not scripts:
            raise NotSent("connection refused")
        for said in scripts.pop(0):
            if said == SILENCE:
                await here()[1].timers.sleep(3600)
                continue
            if isinstance(said, Exception):
                raise said
            assert isinstance(said, bytes)
            yield said

    async def close(self) -> None:
        """Have nothing to close."""

    def client(self) -> Client:
        """Return a client of all of them."""
        endpoints = [f"http://{host}:1" for host in self.streams]
        return Client(*endpoints, host=here()[1], http=self)


async def draw(watch: AsyncIterator[Told], count: int) -> list[int]:
    """Return the revisions of the next changes."""
    found: list[int] = []
    while len(found) < count:
        found += [event.kv.mod_revision for event in (await anext(watch)).events]
    return found


def test_a_watch_goes_on_elsewhere_behind_the_last_change() -> None:
    async def story() -> None:
        servers = Servers(
            a=[[created(5), told(6, "YQ=="), Lost("broken")]],
            b=[[created(8), told(8, "YQ==", "YQ=="), SILENCE]],
        )
        watch = servers.client().watch("a")
        assert await draw(watch, 3) == [6, 7, 8]
        assert servers.asked == [("a", 0), ("b", 7)]

    run(story())


def test_what_was_told_already_is_not_told_again() -> None:
    async def story() -> None:
        servers = Servers(
            a=[
                [created(5), told(6, "YQ=="), failed(14, "etcdserver: server stopped")],
                [created(7), told(7, "YQ==", "YQ==", "YQ=="), SILENCE],
            ]
        )
        watch = servers.client().watch("a")
        assert await draw(watch, 2) == [6, 7]

    run(story())


def test_a_watch_that_saw_nothing_yet_goes_on_from_where_it_began() -> None:
    async def story() -> None:
        servers = Servers(
            a=[[created(5), Lost("broken")]], b=[[created(9), told(9, "YQ=="), SILENCE]]
        )
        assert await draw(servers.client().watch("a"), 1) == [9]
        assert servers.asked == [("a", 0), ("b", 6)]

    run(story())


def test_history_in_several_messages_is_gone_on_with_from_its_last_change() -> None:
    async def story() -> None:
        # The header says 100, and so much is not told yet.
        servers = Servers(
            a=[[created(100), told(100, "YQ==", "YQ==", at=3), Lost("broken")]],
            b=[[created(100), told(100, "YQ==", at=4), SILENCE]],
        )
        watch = servers.client().watch("a", start_revision=2)
        assert await draw(watch, 3) == [2, 3, 4]
        assert servers.asked == [("a", 2), ("b", 4)]

    run(story())


def test_notes_of_progress_are_told_and_gone_on_from() -> None:
    async def story() -> None:
        servers = Servers(
            a=[[created(5), told(9), Lost("broken")]], b=[[created(9), SILENCE]]
        )
        watch = servers.client().watch("a", progress_notify=True)
        note = await anext(watch)
        assert (note.events, note.header.revision) == ((), 9)
        with pytest.raises(TimeoutError):
            await _until(watch, 1.0)
        assert servers.asked[:2] == [("a", 0), ("b", 10)]

    run(story())


async def _until(watch: AsyncIterator[Told], seconds: float) -> None:
    """Raise `TimeoutError` if nothing is told in time."""
    # pylint: disable-next=import-outside-toplevel  # for this test alone
    from raftwerk.host.patience import within

    async def draw_one() -> None:
        await anext(watch)

    await within(here()[1].timers, seconds, draw_one())


def test_a_silent_member_without_a_leader_is_left() -> None:
    async def story() -> None:
        servers = Servers(
            a=[[created(5), SILENCE]], b=[[created(6), told(6, "YQ=="), SILENCE]]
        )
        servers.health["a"] = 503
        assert await draw(servers.client().watch("a"), 1) == [6]
        assert here()[0].time() < 3.0

    run(story())


def test_a_silent_member_that_is_well_is_stayed_with() -> None:
    async def story() -> None:
        servers = Servers(a=[[created(5), SILENCE, told(6, "YQ=="), SILENCE]], b=[])
        assert await draw(servers.client().watch("a"), 1) == [6]
        assert servers.asked == [("a", 0)]

    run(story())


def test_a_refusal_ends_the_watch() -> None:
    async def story() -> None:
        gone = told(0, canceled=True, compact_revision="9")
        servers = Servers(a=[[created(9), gone], [failed(16, "no token")]])
        with pytest.raises(WatchCompacted) as forgotten:
            await draw(servers.client().watch("a", start_revision=3), 1)
        assert forgotten.value.compact_revision == 9
        with pytest.raises(Refused, match="no token"):
            await draw(servers.client().watch("a"), 1)

    run(story())


def test_nobody_at_the_beginning_is_an_error_and_waited_for_later() -> None:
    async def story() -> None:
        with pytest.raises(NoEndpoint, match="connection refused"):
            await draw(Servers(a=[], b=[]).client().watch("a"), 1)
        servers = Servers(a=[[created(5), Lost("broken")]])
        watch = servers.client().watch("a")

        def come_back() -> None:
            servers.streams["a"].append([created(6), told(6, "YQ=="), SILENCE])

        here()[1].timers.call_later(60.0, come_back)
        assert await draw(watch, 1) == [6]

    run(story())
