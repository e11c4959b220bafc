"""Waiting no longer than so many seconds, by the host's timers."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from raftwerk.host.protocol import Timers

__all__ = ["within"]

Result = TypeVar("Result")


async def within(
    timers: Timers, seconds: float, work: Coroutine[Any, Any, Result]
) -> Result:
    """Return what some work returns, or give it up.

    Parameters
    ----------
    timers : Timers
        Tell the time.
    seconds : float
        How long it may take.
    work : coroutine
        The work; it is cancelled when its time is over.

    Returns
    -------
    Result
        Of the work.

    Raises
    ------
    TimeoutError
        If it took longer.
    """
    task = asyncio.ensure_future(work)
    is_late = False

    def end() -> None:
        """Give it up."""
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = timers.call_later(seconds, end)
    try:
        return await task
    except asyncio.CancelledError:
        if not is_late:
            task.cancel()
            raise
        raise TimeoutError(f"not done within {seconds:.3g} s") from None
    finally:
        timer.cancel()
