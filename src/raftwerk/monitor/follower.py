"""One node's stream: opened, read, missed when it falls silent, opened again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from raftwerk.config import Url
from raftwerk.host.protocol import Clock, Timer, Timers
from raftwerk.monitor.report import FetchError

__all__ = ["Follower", "Open"]

SILENCE_SECONDS: Final = 1.0
"""After which a node is missed; it tells its state ten times as often."""

AGAIN_SECONDS: Final = 0.25
"""From a stream that ended to the next attempt."""

Open = Callable[[Url], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens the stream of the node at a client URL: records, each a line; raises
`FetchError`."""


class Follower:
    """Follows one node until it is cancelled.

    Parameters
    ----------
    url : Url
        Where the node answers clients.
    open_stream : Open
        Opens its stream.
    clock, timers : Clock, Timers
        For silence and the next attempt.
    take : callable
        Takes this follower and each record.
    reached : callable
        Called with this follower whenever the node was lost or found.

    Attributes
    ----------
    url : Url
        Where it is.
    node : str or None
        Its id, once it has said so.
    trouble : str or None
        Why it is taken for unreachable, in words; None if it is not.
    since : float
        Since when that is so, in seconds since 1970, by our clock.
    """

    def __init__(
        self,
        url: Url,
        open_stream: Open,
        *,
        clock: Clock,
        timers: Timers,
        take: Callable[["Follower", bytes], None],
        reached: Callable[["Follower"], None],
    ) -> None:
        self.url = url
        self.node: str | None = None
        self.trouble: str | None = None
        self.since = clock.wall()
        self._open = open_stream
        self._clock = clock
        self._timers = timers
        self._take = take
        self._reached = reached
        self._is_told = False
        self._silence: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    def cancel(self) -> None:
        """End; nothing is said any more."""
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> None:
        """Return when it has ended."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def refuse(self, reason: str) -> None:
        """Know that what was taken is nothing that a node says.

        Parameters
        ----------
        reason : str
            In words.
        """
        self._miss(reason)

    async def _run(self) -> None:
        """Read stream after stream."""
        try:
            while True:
                # Also for the answer to come at all: a node that is stopped takes
                # connections and says nothing.
                self._arm()
                try:
                    async with self._open(self.url) as lines:
                        async for line in lines:
                            self._arm()
                            self._find()
                            self._take(self, line)
                    self._miss("it ended the stream")
                except FetchError as error:
                    self._miss(str(error))
                await self._timers.sleep(AGAIN_SECONDS)
        finally:
            self._disarm()

    def _arm(self) -> None:
        """Miss it if nothing comes for a while."""
        self._disarm()
        self._silence = self._timers.call_later(
            SILENCE_SECONDS, self._miss, f"silent for {SILENCE_SECONDS:g} s"
        )

    def _disarm(self) -> None:
        """Wait for nothing."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _miss(self, trouble: str) -> None:
        """Take the node for unreachable, and say so once."""
        was_reachable = self.trouble is None
        if was_reachable or not self._is_told:
            self.trouble, self.since = trouble, self._clock.wall()
            self._tell()

    def _find(self) -> None:
        """Know that the node is there, and say so once."""
        if self.trouble is not None or not self._is_told:
            self.trouble, self.since = None, self._clock.wall()
            self._tell()

    def _tell(self) -> None:
        """Say how it stands."""
        self._is_told = True
        self._reached(self)
