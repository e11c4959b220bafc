"""One open page: what waits for it, bounded, and the stream that takes it there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from raftwerk.runtime.event_format import encode_record

__all__ = ["Page"]

WAITING_BYTES_MAX: Final = 4 * 1024 * 1024
"""What may wait for one page; a browser tab that sleeps costs no more than this."""

STILL_HERE: Final = b"data: []\n\n"
"""An event and not a comment: a browser hides those from the page."""

KEEP_ALIVE_SECONDS: Final = 5.0
"""From one sign of life to the next, where there is nothing to say."""


class Page:
    """What waits for one page, as the bytes of server-sent events.

    Each event's data is a list of records: a page takes in a batch at a time. What does
    not fit is dropped, and the page is told how much, so that it can say so.
    """

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._dropped = 0
        self._wanted = asyncio.Event()
        self._is_closed = False

    def put(self, lines: Sequence[bytes]) -> None:
        """Have records wait, or drop them if there is no room.

        Parameters
        ----------
        lines : sequence of bytes
            Encoded.
        """
        if self._bytes > WAITING_BYTES_MAX:
            self._dropped += len(lines)
            return
        if self._dropped:
            dropped = {"type": "dropped", "count": self._dropped}
            lines = [encode_record(dropped), *lines]
            self._dropped = 0
        event = b"data: [" + b",".join(lines) + b"]\n\n"
        self._waiting.append(event)
        self._bytes += len(event)
        self._wanted.set()

    def close(self) -> None:
        """End the stream."""
        self._is_closed = True
        self._wanted.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what waits, until the page is closed.

        Yields
        ------
        bytes
            Whole events; in between an empty one, to find out whether anybody is there.
        """
        yield b"retry: 500\n\n"
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                yield STILL_HERE
                continue
            self._wanted.clear()
            waiting, self._waiting, self._bytes = self._waiting, [], 0
            if waiting:
                yield b"".join(waiting)
            if self._is_closed:
                return
