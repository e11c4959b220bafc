"""Room for letters: who has the secret gets some, and votes get theirs."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from raftwerk.api.asgi import Receive
from raftwerk.api.peer_routes import LETTER_BYTES_MAX, PeerRoutes, Sender
from raftwerk.host.real import real_host
from raftwerk.transport.http_desk import HttpDesk
from raftwerk.transport.http_letter import Route
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.types import Term
from tests.api.asgi import Reply, ask, ask_now, scope_of
from tests.transport.helpers import ONE, Lines, identity

SECRET = {"authorization": "Bearer s3cret"}
VOTES = "/api/v1/raft/vote"
LOG = "/api/v1/raft/log"


def make_routes() -> PeerRoutes:
    timers = real_host().timers
    desk = HttpDesk(
        identity(ONE),
        "s3cret",
        timers=timers,
        inbox=Inbox(timers),
        news=News(Lines()),
        admit=lambda _who: None,
        term_now=lambda: Term(7),
        heard=lambda _who, _size: None,
    )
    return PeerRoutes(desk, Sender("app", "n1"))


async def answer(
    routes: PeerRoutes, path: str, headers: dict[str, str], receive: Receive
) -> int:
    """Return the status of the answer to a letter that comes as it is received."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    method = "PUT" if path == VOTES else "POST"
    await routes(scope_of(method, path, headers), receive, send)
    status: int = sent[0]["status"]
    return status


def test_not_a_byte_is_read_of_who_lacks_the_secret() -> None:
    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the letter of a stranger is read")

    for headers in ({}, {"authorization": "Bearer sesam"}):
        assert asyncio.run(answer(make_routes(), LOG, headers, receive)) == 403


def endless(arrived: asyncio.Semaphore) -> Receive:
    """Return what gives as much of a vote's letter as may be, and never its end."""
    pieces = [bytes(LETTER_BYTES_MAX[Route.VOTE])]

    async def receive() -> MutableMapping[str, Any]:
        if not pieces:
            arrived.release()
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    return receive


def is_read(reply: Reply) -> bool:
    """Tell whether a letter was read: it is found to be none."""
    return reply.status == 400 and "no letter" in reply.text


def test_slow_letters_fill_the_room_of_their_own_route_alone() -> None:
    routes = make_routes()

    async def write(path: str) -> Reply:
        method = "PUT" if path == VOTES else "POST"
        return await ask(routes, method, path, b"x", SECRET)

    async def story() -> None:
        arrived = asyncio.Semaphore(0)
        slow = [
            asyncio.ensure_future(answer(routes, VOTES, SECRET, endless(arrived)))
            for _ in range(2)
        ]
        for _ in slow:
            await arrived.acquire()
        refused = await write(VOTES)
        assert refused.status == 503, refused.text
        assert refused.json["error"]["id"] == "app.UNAVAILABLE"
        assert is_read(await write(LOG))
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert is_read(await write(VOTES)), "their room was given back"

    asyncio.run(story())


def test_a_letter_may_be_as_large_as_its_route_needs() -> None:
    large = bytes(LETTER_BYTES_MAX[Route.VOTE] + 1)
    refused = ask_now(make_routes(), "PUT", VOTES, large, SECRET)
    assert refused.status == 413
    assert refused.json["error"]["id"] == "app.TOO_LARGE"
    assert is_read(ask_now(make_routes(), "POST", LOG, large, SECRET))
