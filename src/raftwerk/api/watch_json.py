"""``/v3/watch``: many watches on one stream of lines.

Requests are read while answers are written; the two meet in `WatchStream`. What many
watch is written in JSON once, in turns if it is much: see `_Writer`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from raftwerk.api.kv_json import (
    BYTES_PER_PIECE,
    KVS_PER_PIECE,
    write_header,
    write_kvs,
)
from raftwerk.api.proto_json import (
    Enumeration,
    Message,
    Repeated,
    read_bool,
    read_bytes,
    read_int64,
)
from raftwerk.api.route import CallForm, Routes
from raftwerk.api.shapes import (
    BOOL,
    HEADER,
    INT64,
    KEY_VALUE,
    TEXT,
    Shape,
    list_of,
    message,
)
from raftwerk.api.streams import Answers, Streams
from raftwerk.host.garbage import LARGE_WORK
from raftwerk.kv import Event
from raftwerk.service import KvService
from raftwerk.service.watch import WatchService, WatchStream
from raftwerk.service.watch_messages import CreateWatch, WatchAnswer

__all__ = ["watch_routes"]

NO_PUT: Final = 0
NO_DELETE: Final = 1


class _Cancel(msgspec.Struct, frozen=True):
    """End a watch."""

    watch_id: int = 0


class _Progress(msgspec.Struct, frozen=True):
    """Tell how far the store is."""


_Request: TypeAlias = CreateWatch | _Cancel | _Progress | None


def _create(filters: tuple[int, ...] = (), **given: Any) -> CreateWatch:
    """Return a watch; filters beyond the two that there are leave nothing out."""
    return CreateWatch(
        wants_puts=NO_PUT not in filters,
        wants_deletes=NO_DELETE not in filters,
        **given,
    )


def _request(**given: _Request) -> _Request:
    """Return the one request that a message holds; None if it holds none."""
    return next(iter(given.values()), None)


_REQUEST: Final = Message(
    "WatchRequest",
    _request,
    create_request=Message(
        "WatchCreateRequest",
        _create,
        key=read_bytes,
        range_end=read_bytes,
        start_revision=read_int64,
        progress_notify=read_bool,
        filters=Repeated(
            Enumeration({"NOPUT": NO_PUT, "NODELETE": NO_DELETE}), null=NO_PUT
        ),
        prev_kv=read_bool,
        watch_id=read_int64,
        fragment=read_bool,
    ),
    cancel_request=Message("WatchCancelRequest", _Cancel, watch_id=read_int64),
    progress_request=Message("WatchProgressRequest", _Progress),
)

_EVENT: Final = message(
    "Event",
    type=Shape({"type": "string", "enum": ["DELETE"]}, "DELETE"),  # a put is 0
    kv=KEY_VALUE,
    prev_kv=KEY_VALUE,
)

WATCH: Final = CallForm(
    request=_REQUEST,
    answer=message(
        "WatchResponse",
        header=HEADER,
        watch_id=INT64,
        created=BOOL,
        canceled=BOOL,
        compact_revision=INT64,
        cancel_reason=TEXT,
        fragment=BOOL,
        events=list_of(_EVENT),
    ),
    example={"create_request": {"key": "Zm9v", "range_end": "Zm9w"}},
)
"""What one stream is told, and what it tells."""


def watch_routes(watches: WatchService, kv: KvService, streams: Streams) -> Routes:
    """Return the calls of this family.

    Parameters
    ----------
    watches : WatchService
        What they mean.
    kv : KvService
        Who answers, and in which term.
    streams : Streams
        What they are served by.

    Returns
    -------
    Routes
        For the gateway.
    """
    writer = _Writer(kv)

    async def _watch(requests: AsyncIterator[_Request]) -> Answers:
        """Watch keys; many watches fit into one stream."""
        stream = watches.open()
        taking = asyncio.ensure_future(_take(requests, stream))
        try:
            async for answer in stream:
                if len(answer.events) > KVS_PER_PIECE:
                    yield await writer.write_in_turns(answer)
                else:
                    yield writer.write(answer)
        finally:
            taking.cancel()
            stream.close()

    # It changes nothing; but what is watched is read, and a browser would let the page
    # of another origin send this without being able to read the answer.
    return {"watch": streams.of_both(WATCH, _watch, changes=False)}


async def _take(requests: AsyncIterator[_Request], stream: WatchStream) -> None:
    """Do what the requests of a stream ask for."""
    try:
        async for request in requests:
            match request:
                case CreateWatch():
                    await stream.create(request)
                case _Cancel(watch_id):
                    await stream.cancel(watch_id)
                case _Progress():
                    await stream.request_progress()
    except Exception as error:  # pylint: disable=broad-exception-caught  # passed on
        stream.fail(error)  # raised again where the answers are drawn


class _Writer:
    """Writes answers; of events that many are told of, the JSON is made once."""

    def __init__(self, kv: KvService) -> None:
        self._kv = kv
        self._last: tuple[Sequence[Event], bool, int] = ((), False, 0)
        self._last_header = b""
        self._last_events: list[bytes] = []
        self._is_writing = asyncio.Lock()

    def write(self, answer: WatchAnswer) -> bytes:
        """Return an answer that tells of few changes, or of none."""
        if answer.events:
            if not self._is_last(answer):
                self._keep(answer, [_write_events(answer.events, answer.prev_kv)])
            start, end = self._around(answer)
            return b"".join((start, *self._last_events, end))
        text = self._header(answer)
        if answer.watch_id:
            text += b',"watch_id":"%d"' % answer.watch_id
        if answer.created:
            text += b',"created":true'
        if answer.canceled:
            text += b',"canceled":true'
        if answer.compact_revision:
            text += b',"compact_revision":"%d"' % answer.compact_revision
        if answer.cancel_reason:
            text += b',"cancel_reason":%b' % msgspec.json.encode(answer.cancel_reason)
        return b"{%b}" % text

    async def write_in_turns(self, answer: WatchAnswer) -> list[bytes]:
        """Return an answer that tells of many changes, in pieces, with turns."""
        # Many streams want the same: the first to come makes it for all of them.
        async with self._is_writing:
            if not self._is_last(answer):
                pieces: list[bytes] = []
                for some in _parts_of(answer):
                    if pieces:
                        pieces.append(b",")
                        LARGE_WORK.steps += 1
                        await asyncio.sleep(0)
                    pieces.append(_write_events(some, answer.prev_kv))
                self._keep(answer, pieces)
            start, end = self._around(answer)
            return [start, *self._last_events, end]

    def _is_last(self, answer: WatchAnswer) -> bool:
        """Tell whether an answer tells of what was written last."""
        events, with_previous, revision = self._last
        return (
            answer.events is events
            and answer.prev_kv is with_previous
            and answer.revision == revision
        )

    def _keep(self, answer: WatchAnswer, pieces: list[bytes]) -> None:
        """Keep what was written last."""
        self._last = (answer.events, answer.prev_kv, answer.revision)
        self._last_header = self._header(answer)
        self._last_events = pieces

    def _around(self, answer: WatchAnswer) -> tuple[bytes, bytes]:
        """Return what stands around the events that were written last."""
        start = b'{%b%b%b,"events":[' % (
            self._last_header,
            b',"watch_id":"%d"' % answer.watch_id if answer.watch_id else b"",
            b',"fragment":true' if answer.fragment else b"",
        )
        return start, b"]}"

    def _header(self, answer: WatchAnswer) -> bytes:
        """Return the header of an answer."""
        return write_header(self._kv.header(answer.revision))


def _parts_of(answer: WatchAnswer) -> Iterator[Sequence[Event]]:
    """Yield the events of an answer in parts, each of which is written in one go."""
    start = size = 0
    for place, event in enumerate(answer.events):
        if place - start == KVS_PER_PIECE or size >= BYTES_PER_PIECE:
            yield answer.events[start:place]
            start, size = place, 0
        size += len(event.kv.key) + len(event.kv.value)
        if answer.prev_kv and event.prev_kv is not None:
            size += len(event.prev_kv.value)
    yield answer.events[start:]


def _write_events(events: Sequence[Event], with_previous: bool) -> bytes:
    """Return some events, with commas between them."""
    return b",".join([_write_event(event, with_previous) for event in events])


def _write_event(event: Event, with_previous: bool) -> bytes:
    """Return one event."""
    kv = event.kv
    if kv.version:
        text = b'"kv":' + write_kvs((kv,))
    else:
        text = b'"type":"DELETE","kv":' + _write_deleted(kv.key, kv.mod_revision)
    if with_previous and event.prev_kv is not None:
        text += b',"prev_kv":' + write_kvs((event.prev_kv,))
    return b"{%b}" % text


def _write_deleted(key: bytes, revision: int) -> bytes:
    """Return what is told of a key that was deleted."""
    return b'{"key":%b,"mod_revision":"%d"}' % (msgspec.json.encode(key), revision)
