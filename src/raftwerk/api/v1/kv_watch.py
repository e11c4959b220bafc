"""Changes of keys as server-sent events, which resume where they broke off.

An event's id is its revision; of several changes of one revision only the last one has
it, so that whoever comes back with ``Last-Event-ID`` misses none of them.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

import msgspec

from raftwerk.api.kv_json import BYTES_PER_PIECE, KVS_PER_PIECE
from raftwerk.api.streams import Streams
from raftwerk.api.v1.kv_form import show_kv
from raftwerk.errors import NotLeader
from raftwerk.kv import Event
from raftwerk.service.watch import WatchService, WatchStream
from raftwerk.service.watch_messages import CreateWatch, WatchAnswer

__all__ = ["KvWatch", "WatchQuestion"]

PULSE_SECONDS: Final = 15.0
"""How often a stream says that it is there, so that both sides notice a dead line."""


class WatchQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be watched.

    Parameters
    ----------
    key : bytes
        The first key.
    range_end : bytes
        As `raftwerk.kv.Range` has it.
    start_revision : int
        The first revision that is wanted; 0 for all that comes from now on.
    """

    key: bytes
    range_end: bytes
    start_revision: int


class KvWatch:
    """Makes streams of events.

    Parameters
    ----------
    watch : WatchService or None
        The member's watches.
    streams : Streams or None
        Says when all streams are to end.
    """

    def __init__(self, watch: WatchService | None, streams: Streams | None) -> None:
        self._watch = watch
        self._streams = streams

    def tell(self, question: WatchQuestion) -> AsyncIterator[bytes]:
        """Return the pieces of a stream.

        Parameters
        ----------
        question : WatchQuestion
            What to watch.

        Returns
        -------
        async iterator of bytes
            Ends when the member stops, or what was wanted is forgotten.

        Raises
        ------
        NotLeader
            If this member has no watches.
        """
        if self._watch is None:
            raise NotLeader("this member can't be watched")
        return self._tell(self._watch, question)

    async def _tell(
        self, watch: WatchService, question: WatchQuestion
    ) -> AsyncIterator[bytes]:
        """Yield what happens, and a pulse where nothing does."""
        stream = watch.open()
        ending = asyncio.ensure_future(self._wait_ending())
        drawing: asyncio.Future[WatchAnswer] | None = None
        pulse = asyncio.ensure_future(watch.timers.sleep(PULSE_SECONDS))
        try:
            await stream.create(
                CreateWatch(
                    key=question.key,
                    range_end=question.range_end,
                    start_revision=question.start_revision,
                )
            )
            while not ending.done():
                drawing = drawing or asyncio.ensure_future(_draw(stream))
                await asyncio.wait(
                    (drawing, ending, pulse), return_when=asyncio.FIRST_COMPLETED
                )
                if drawing.done():
                    answer, drawing = drawing.result(), None
                    async for some in _told(answer):
                        yield some
                    if answer.canceled:
                        return
                elif pulse.done():
                    yield b": still here\n\n"
                    pulse = asyncio.ensure_future(watch.timers.sleep(PULSE_SECONDS))
        finally:
            tasks = [task for task in (drawing, ending, pulse) if task is not None]
            for task in tasks:
                task.cancel()
            stream.close()

    async def _wait_ending(self) -> None:
        """Return when all streams are to end."""
        if self._streams is None:
            await asyncio.get_running_loop().create_future()
        else:
            await self._streams.wait_ending()


async def _draw(stream: WatchStream) -> WatchAnswer:
    """Return the next answer of a stream."""
    return await anext(stream)


async def _told(answer: WatchAnswer) -> AsyncIterator[bytes]:
    """Yield an answer as events, in parts if they are many, with turns for others."""
    waiting: list[bytes] = []
    size = 0
    for piece in _pieces_of(answer):
        waiting.append(piece)
        size += len(piece)
        if len(waiting) == KVS_PER_PIECE or size >= BYTES_PER_PIECE:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
            await asyncio.sleep(0)
    if waiting:
        yield b"".join(waiting)


def _pieces_of(answer: WatchAnswer) -> Iterator[bytes]:
    """Yield an answer as events."""
    if answer.canceled and answer.compact_revision:
        # Whoever comes back goes on with the oldest that there is.
        said = {"compact_revision": answer.compact_revision}
        yield _event("compacted", said, answer.compact_revision - 1)
    elif answer.canceled:
        yield _event("refused", {"reason": answer.cancel_reason}, None)
    elif answer.created:
        yield b": watching, the store is at revision %d\n\n" % answer.revision
    yield from _changes(answer.events)


def _changes(events: Sequence[Event]) -> Iterator[bytes]:
    """Yield changes, the last of each revision with its id."""
    for place, event in enumerate(events):
        revision = event.kv.mod_revision
        is_last = (
            place + 1 == len(events) or events[place + 1].kv.mod_revision != revision
        )
        kind = "put" if event.kv.version else "delete"
        yield _event(kind, show_kv(event.kv), revision if is_last else None)


def _event(kind: str, said: dict[str, Any], event_id: int | None) -> bytes:
    """Return one event."""
    head = b"" if event_id is None else b"id: %d\n" % event_id
    return b"%bevent: %b\ndata: %b\n\n" % (
        head,
        kind.encode(),
        msgspec.json.encode(said),
    )
