"""A node's stream over HTTP: its records, and what is no stream of a node."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from raftwerk.config import Url
from raftwerk.monitor.report import FetchError
from raftwerk.monitor.stream import HttpStream

NODE = Url("node", 2379)


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def read(*pieces: bytes, status: int = 200) -> list[bytes]:
    """Return what is read of a body."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url == "http://node:2379/api/v1/events"
        return httpx.Response(status, stream=Pieces(*pieces))

    async def ask() -> list[bytes]:
        async with HttpStream(httpx.MockTransport(answer)) as streams:
            async with streams(NODE) as records:
                return [record async for record in records]

    return asyncio.run(ask())


def test_records_are_whole_however_they_arrive() -> None:
    assert read(b'data: {"a"', b": 1}\n", b"\ndata: 2\n\n: comment\n\n") == [
        b'{"a": 1}',
        b"2",
    ]


def test_what_is_cut_off_is_no_record() -> None:
    assert read(b"data: 1\n\ndata: 2") == [b"1"]


def test_a_refusal_is_told() -> None:
    with pytest.raises(FetchError, match="HTTP status 503"):
        read(status=503)


def test_who_sends_a_line_without_end_is_no_node() -> None:
    with pytest.raises(FetchError, match="a record of more than"):
        read(*[b"data: " + b"x" * 1_000_000] * 5)
