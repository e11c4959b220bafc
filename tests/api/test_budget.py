"""Bodies that come in take no more memory together than they may."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from raftwerk.api.asgi import BodyTooLarge, Receive, read_body
from raftwerk.api.budget import Budget
from raftwerk.errors import QueueFull


def client(*pieces: bytes, then_waits: bool = False) -> Receive:
    """Return what gives a body piece by piece, and then ends or waits for ever."""
    left = list(pieces)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(0)
        if not left:
            await asyncio.get_running_loop().create_future()
        piece = left.pop(0)
        more = bool(left) or then_waits
        return {"type": "http.request", "body": piece, "more_body": more}

    return receive


def test_what_slow_clients_hold_is_bounded_and_the_next_is_refused_at_once() -> None:
    async def story() -> None:
        budget = Budget(1000, free_bytes=10)
        slow = [
            asyncio.ensure_future(
                read_body(client(b"x" * 310, then_waits=True), 5000, budget)
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0.01)
        assert budget.taken_bytes == 900
        with pytest.raises(QueueFull, match="900 bytes of bodies are coming in"):
            await read_body(client(b"x" * 400), 5000, budget)
        assert await read_body(client(b"x" * 100), 5000, budget) == b"x" * 100
        assert await read_body(client(b"x" * 10), 5000, budget), "small ones go on"
        slow.pop().cancel()
        await asyncio.sleep(0.01)
        assert await read_body(client(b"x" * 400), 5000, budget)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert budget.taken_bytes == 0

    asyncio.run(story())


def test_a_body_that_is_too_large_holds_nothing_while_it_is_thrown_away() -> None:
    async def story() -> None:
        budget = Budget(1000)
        reading = asyncio.ensure_future(
            read_body(client(b"x" * 600, b"x" * 600, then_waits=True), 900, budget)
        )
        await asyncio.sleep(0.01)
        assert budget.taken_bytes == 0
        reading.cancel()
        with pytest.raises(BodyTooLarge):
            await read_body(client(b"x" * 600, b"x" * 600), 900, budget)
        assert budget.taken_bytes == 0

    asyncio.run(story())
