"""Work in steps, between which others have their turns on the loop."""

import asyncio
from collections.abc import Generator
from typing import TypeVar

from raftwerk.host.garbage import LARGE_WORK

__all__ = ["in_turns"]

Made = TypeVar("Made")


async def in_turns(steps: Generator[None, None, Made]) -> Made:
    """Return what comes of steps.

    Parameters
    ----------
    steps : generator
        Yields where others may have a turn; if nowhere, nobody has one.

    Returns
    -------
    Made
        What it returns.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made
        LARGE_WORK.steps += 1
        await asyncio.sleep(0)
