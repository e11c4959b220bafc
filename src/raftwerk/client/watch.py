"""Watches that go on: over any member, from where they are, each change once.

A watch knows the revision that it wants next. If its member is lost, falls silent and
proves to be without a leader, or stops, it asks the next one to go on from there: that
one has the same history. Source: etcd's clientv3, whose watches resume likewise.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.errors import NoEndpoint, Refused, WatchCompacted
from raftwerk.client.http import Request
from raftwerk.client.values import Header, KeyValue
from raftwerk.config import Url
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers

__all__ = ["Told", "WatchCalls", "WatchEvent"]

SILENCE_SECONDS: Final = 2.0
"""After this the member is asked whether it is well: silence is what a watch without
changes sounds like, and one whose member is cut off."""

HEALTH_SECONDS: Final = 1.0
"""How long the answer may take."""

_HEALTH_PATH: Final = "/health?exclude=NOSPACE&exclude=CORRUPT"
"""Members with alarms go on telling of changes, and all have the same alarms."""

AGAIN_SECONDS: Final = 0.05
"""From one round through all members to the next; it doubles, up to `AGAIN_MAX`."""

AGAIN_MAX_SECONDS: Final = 1.0

_UNAVAILABLE: Final = 14


class WatchEvent(msgspec.Struct, frozen=True):
    """A change.

    Parameters
    ----------
    type : str
        ``PUT`` or ``DELETE``.
    kv : KeyValue
        What was put; of a deletion, the key and its revision.
    prev_kv : KeyValue or None
        What was there before, if that was asked for and is not compacted.
    """

    kv: KeyValue
    type: str = "PUT"
    prev_kv: KeyValue | None = None


class Told(msgspec.Struct, frozen=True):
    """What a watch is told at once.

    Parameters
    ----------
    header : Header
        Who tells it.
    events : tuple of WatchEvent
        In order, all changes of a revision together; none in a note of progress, which
        says that there were no others up to the header's revision.
    """

    header: Header
    events: tuple[WatchEvent, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    """A message of etcd's."""

    header: Header
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    events: tuple[WatchEvent, ...] = ()


class _Error(msgspec.Struct, frozen=True):
    """An error of etcd's within a stream."""

    message: str
    grpc_code: int = 0
    http_code: int = 500


class _Line(msgspec.Struct, frozen=True):
    """A line of the stream."""

    result: _Result | None = None
    error: _Error | None = None


class WatchCalls:
    """Watches keys through any member.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    timers : Timers
        For waits.
    """

    def __init__(self, endpoints: Endpoints, timers: Timers) -> None:
        self._endpoints = endpoints
        self._timers = timers

    def watch(
        self,
        key: str | bytes,
        range_end: str | bytes = b"",
        *,
        start_revision: int = 0,
        prev_kv: bool = False,
        progress_notify: bool = False,
        filters: tuple[str, ...] = (),
    ) -> AsyncGenerator[Told, None]:
        """Watch keys from a revision on, as long as it is iterated.

        Parameters
        ----------
        key : str or bytes
            The first key; a text stands for its UTF-8.
        range_end : str or bytes
            Empty for one key, one NUL byte for all keys from `key` on; see
            `prefix_end`.
        start_revision : int
            The first revision that is wanted; 0 for what comes from now on.
        prev_kv : bool
            Whether to be told of what was there before.
        progress_notify : bool
            Whether to be told how far the store is when nothing happens for long.
        filters : tuple of str
            ``NOPUT`` and ``NODELETE`` leave changes out.

        Returns
        -------
        async generator of Told
            Each change once and in order, whatever becomes of single members.

        Raises
        ------
        WatchCompacted
            If what comes next is forgotten by the cluster; it says what is not.
        Refused
            If the cluster refuses it.
        NoEndpoint
            If no member could be asked at the beginning; later, that is waited for.

        Examples
        --------
        Inside a coroutine, with a client::

            async for told in client.watch("jobs/", prefix_end(b"jobs/")):
                for event in told.events:
                    print(event.type, event.kv.key)
        """
        wanted = {
            "key": _bytes(key),
            "range_end": _bytes(range_end),
            "prev_kv": prev_kv,
            "progress_notify": progress_notify,
            "filters": filters,
        }
        watch = _Watch(self._endpoints, self._timers, wanted, start_revision)
        return watch.told()


class _Watch:
    """One watch, over one member after the other."""

    def __init__(
        self,
        endpoints: Endpoints,
        timers: Timers,
        wanted: dict[str, object],
        start_revision: int,
    ) -> None:
        self._endpoints = endpoints
        self._timers = timers
        self._wanted = wanted
        self._next_revision = start_revision
        self._has_begun = False

    async def told(self) -> AsyncGenerator[Told, None]:
        """Yield what is told, by whoever is there."""
        pause = AGAIN_SECONDS
        while True:
            reasons: list[str] = []
            for url in self._endpoints.urls:
                try:
                    async for told in self._told_by(url):
                        yield told
                        # It was well until now: begin with it, and without patience.
                        pause = AGAIN_SECONDS
                    reasons.append(f"{url}: the stream ended")
                except NoEndpoint as error:
                    reasons.append(str(error))
            if not self._has_begun and pause >= AGAIN_MAX_SECONDS:
                raise NoEndpoint(f"nobody could be watched: {'; '.join(reasons)}")
            await self._timers.sleep(pause)
            pause = min(2 * pause, AGAIN_MAX_SECONDS)

    async def _told_by(self, url: Url) -> AsyncGenerator[Told, None]:
        """Yield what one member tells; raise `NoEndpoint` if another one must."""
        fields = {**self._wanted, "start_revision": self._next_revision}
        body = msgspec.json.encode({"create_request": fields})
        async for line in self._lines(url, Request(path="/v3/watch", body=body)):
            said = msgspec.json.decode(line, type=_Line, strict=False)
            if said.error is not None:
                raise _refusal(url, said.error)
            result = said.result
            if result is None:
                continue
            if result.compact_revision:
                raise WatchCompacted(self._next_revision, result.compact_revision)
            if result.canceled:
                raise Refused(result.cancel_reason, 400)
            if result.created:
                self._created(url, result.header.revision)
                continue
            told = self._take(result)
            if told is not None:
                yield told

    def _created(self, url: Url, revision: int) -> None:
        """Know that a member tells from now on."""
        self._has_begun = True
        self._endpoints.prefer(url)
        if not self._next_revision:
            self._next_revision = revision + 1

    def _take(self, result: _Result) -> Told | None:
        """Return what is new in a message, and know what comes next."""
        events = tuple(
            event
            for event in result.events
            if event.kv.mod_revision >= self._next_revision
        )
        if result.events:
            # The header's revision says less: history comes in several messages.
            last = result.events[-1].kv.mod_revision
        else:
            last = result.header.revision
        self._next_revision = max(self._next_revision, last + 1)
        return Told(result.header, events) if events or not result.events else None

    async def _lines(self, url: Url, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a stream; raise `NoEndpoint` if its member is not well."""
        stream = self._endpoints.stream_of(url, request)
        coming: asyncio.Future[bytes | None] | None = None
        try:
            while True:
                if coming is None:
                    coming = asyncio.ensure_future(_next_line(stream))
                try:
                    line = await within(self._timers, SILENCE_SECONDS, _wait(coming))
                except TimeoutError:
                    health = Request(method="GET", path=_HEALTH_PATH)
                    await self._endpoints.ask_one(url, health, HEALTH_SECONDS)
                    continue
                coming = None
                if line is None:
                    return
                yield line
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            await stream.aclose()


async def _wait(coming: "asyncio.Future[bytes | None]") -> bytes | None:
    """Return a line, which goes on coming if nobody waits any more."""
    return await asyncio.shield(coming)


async def _next_line(stream: AsyncGenerator[bytes, None]) -> bytes | None:
    """Return the next line; None at the end."""
    return await anext(stream, None)


def _refusal(url: Url, error: _Error) -> Exception:
    """Return what an error within a stream means: try another member, or give up."""
    if error.grpc_code == _UNAVAILABLE:
        return NoEndpoint(f"{url}: {error.message}")
    return Refused(error.message, error.http_code, error.grpc_code)


def _bytes(text: str | bytes) -> bytes:
    """Return the bytes of a text."""
    return text.encode() if isinstance(text, str) else text
