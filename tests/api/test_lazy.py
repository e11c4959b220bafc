"""An application that is made with the first request, once, and beside the loop."""

import asyncio
from collections.abc import Callable

from raftwerk.api.asgi import ASGIApp, Receive, Scope, Send, send_answer, text_answer
from raftwerk.api.lazy import LazyApp
from tests.api.asgi import ask


async def _hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer anything."""
    await send_answer(send, text_answer(200, "hello"))


def test_nothing_is_made_before_it_is_asked_for() -> None:
    made: list[str] = []

    def make() -> ASGIApp:
        made.append("once")
        return _hello

    async def story() -> None:
        app = LazyApp(make)
        assert not made
        for _ in range(2):
            assert (await ask(app, "GET", "/")).text == "hello"
        assert made == ["once"]

    asyncio.run(story())


def test_who_asks_first_may_go_away_while_it_is_made() -> None:
    async def story() -> None:
        done = asyncio.Event()
        made: list[ASGIApp] = []

        async def run_beside(make: Callable[[], ASGIApp]) -> ASGIApp:
            await done.wait()
            made.append(make())
            return made[-1]

        app = LazyApp(lambda: _hello, run_beside)
        first = asyncio.ensure_future(ask(app, "GET", "/"))
        second = asyncio.ensure_future(ask(app, "GET", "/"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        done.set()
        assert (await second).text == "hello"
        assert first.cancelled()
        assert made == [_hello]

    asyncio.run(story())
