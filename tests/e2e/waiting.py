"""Bounded waits on a condition; nothing here waits for a fixed time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")

LOOK_SECONDS = 0.02


async def until(
    look: Callable[[], Awaitable[Result]], what: str, seconds: float
) -> Result:
    """Look again and again until there is something to see; fail after so long."""
    seen: Result | None = None
    try:
        async with asyncio.timeout(seconds):
            while not (seen := await look()):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"after {seconds:g} s still not: {what}") from None
    return seen
