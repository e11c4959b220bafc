"""The short way answers as the long way does, byte for byte, whatever is sent."""

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import pytest

from raftwerk.api.asgi import (
    Answer,
    Receive,
    Scope,
    Send,
    json_answer,
    read_body,
    send_answer,
)
from raftwerk.api.hot import HOT_BODY_BYTES_MAX
from raftwerk.api.server import ApiServer
from raftwerk.config import Url

pytestmark = pytest.mark.e2e

WAIT_SECONDS = 20
REQUESTS = 100
PATH = "/v3/kv/put"


class Both:
    """Answers by the size of a body, on either way, and counts by which it was asked.

    A body that begins with ``e`` is refused, with ``c`` it is the connection's last,
    and with ``p`` the answer comes in pieces.
    """

    def __init__(self) -> None:
        self.hot = 0
        self.cold = 0

    async def call(self, body: bytes) -> Answer:
        """Answer by the short way."""
        self.hot += 1
        await asyncio.sleep(0)
        return self._answer(body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the long way."""
        self.cold += 1
        body = await read_body(receive, 10 * HOT_BODY_BYTES_MAX)
        if scope["path"] == PATH and scope["method"] == "POST":
            await send_answer(send, self._answer(body))
        else:
            await send_answer(send, json_answer(b'"elsewhere"', 404))

    def _answer(self, body: bytes) -> Answer:
        """Say how much came."""
        said = msgspec.json.encode({"bytes": len(body), "first": body[:9].decode()})
        if body.startswith(b"e"):
            return json_answer(said, 400)
        if body.startswith(b"c"):
            last = (b"connection", b"close")
            return Answer(503, ((b"content-type", b"text/plain"), last), said)
        if body.startswith(b"p"):
            return json_answer([said[:5], said[5:]])
        return json_answer(said)


async def exchange(url: Url, pieces: Sequence[bytes]) -> bytes:
    """Send pieces, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        with suppress(ConnectionError):  # it may have seen enough
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        return await reader.read()
    finally:
        writer.close()


def ask_both(pieces: Sequence[bytes]) -> tuple[bytes, bytes, int]:
    """Return the answers by the short and the long way, and how many went short."""

    async def story() -> tuple[bytes, bytes, int]:
        both = Both()
        said = []
        for by_path in ({PATH.encode(): both.call}, {}):
            server = ApiServer(both, [Url("127.0.0.1", 0)], stop_seconds=1)
            server.hot.by_path = by_path
            (url,) = await server.start()
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    said.append(await exchange(url, pieces))
            finally:
                await server.stop()
        return said[0], said[1], both.hot

    return asyncio.run(story())


def post(body: bytes, *headers: str, path: str = PATH, version: str = "1.1") -> bytes:
    """Return a request in bytes, with its length."""
    lines = [f"POST {path} HTTP/{version}", "host: a", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def raw(*lines: str, body: bytes = b"") -> bytes:
    """Return a request in bytes, exactly as it is given."""
    return "\r\n".join([*lines, "", ""]).encode() + body


LAST = "connection: close"
TO = f"POST {PATH} HTTP/1.1"

PLAIN = [
    # bytes                                                     how many go short
    (post(b"hello", LAST), 1),
    (post(b"", LAST), 1),
    (post(b"hello") + post(b"again", LAST), 1),
    (post(b"x" * HOT_BODY_BYTES_MAX, LAST), 1),
    (post(b"error", LAST), 1),
    (post(b"close"), 1),
    (post(b"close") + post(b"never answered"), 1),
    (post(b"pieces", LAST), 1),
    (post(b"hello", "Content-Type: text/plain", "X-Other: 1", LAST), 1),
    (post(b"x" * (HOT_BODY_BYTES_MAX + 1), LAST), 0),
    (post(b"hello", "origin: http://elsewhere", LAST), 0),
    (post(b"hello", "idempotency-key: 1", LAST), 0),
    (post(b"hello", "expect: 100-continue", LAST), 0),
    (post(b"hello", "expect: something", LAST), 0),
    (post(b"hello", version="1.0"), 0),
    (post(b"hello", "connection: keep-alive", version="1.0"), 0),
    (post(b"hello", "upgrade: h2c", LAST), 0),
    (post(b"hello", LAST, path=PATH + "?a=b"), 0),
    (post(b"hello", LAST, path="/v3/kv/%70ut"), 0),
    (post(b"hello", LAST, path="http://a" + PATH), 0),
    (post(b"hello", LAST, path=PATH + "/"), 0),
    (post(b"hello", LAST, path="//v3/kv/put"), 0),
    (raw(f"GET {PATH} HTTP/1.1", "host: a", LAST), 0),
    (raw(f"PUT {PATH} HTTP/1.1", "host: a", "content-length: 0", LAST), 0),
    (raw(TO, "host: a", LAST), 0),
    (
        raw(
            TO,
            "host: a",
            "transfer-encoding: chunked",
            LAST,
            body=b"1\r\na\r\n0\r\n\r\n",
        ),
        0,
    ),
]

SMUGGLED = [
    raw(TO, "host: a", "content-length: 5", "content-length: 6", body=b"hello!"),
    raw(TO, "host: a", "content-length: 5", "content-length: 5", body=b"hello"),
    raw(TO, "host: a", "content-length: 5, 5", body=b"hello"),
    raw(TO, "host: a", "content-length: +5", body=b"hello"),
    raw(TO, "host: a", "content-length: -5", body=b"hello"),
    raw(TO, "host: a", "content-length: 0x5", body=b"hello"),
    raw(TO, "host: a", "content-length: 5 5", body=b"hello"),
    raw(TO, "host: a", "content-length:", body=b"hello"),
    raw(TO, "host: a", "content-length: 99999999999999999999999", body=b"hello"),
    raw(TO, "host: a", "content-length : 5", body=b"hello"),
    raw(TO, "host: a", "content-length: 5\n", body=b"hello"),
    raw(TO, "host: a", " content-length: 5", body=b"hello"),
    raw(
        TO,
        "host: a",
        "content-length: 5",
        "transfer-encoding: chunked",
        body=b"0\r\n\r\n" + post(b"smuggled"),
    ),
    raw(
        TO,
        "host: a",
        "transfer-encoding: chunked",
        "content-length: 5",
        body=b"0\r\n\r\n" + post(b"smuggled"),
    ),
    raw(TO, "host: a", "transfer-encoding: xchunked", body=b"0\r\n\r\n"),
    raw(TO, "host: a", "transfer-encoding: chunked, identity", body=b"0\r\n\r\n"),
    raw(TO, "host: a", "transfer-encoding:\x0bchunked", body=b"0\r\n\r\n"),
    raw(TO, "host: a", "x: a\r\n folded", "content-length: 5", body=b"hello"),
    raw(TO, "host: a", "x: a\x00b", "content-length: 5", body=b"hello"),
    TO.encode() + b"\nhost: a\ncontent-length: 5\n\nhello",
    raw(TO, "host: a", "content-length: 5", body=b"hello" + b"rest of no request"),
    raw(f"post {PATH} HTTP/1.1", "host: a", "content-length: 5", body=b"hello"),
    raw(f"POST {PATH} HTTP/9.9", "host: a", "content-length: 5", body=b"hello"),
    raw(f"POST  {PATH}  HTTP/1.1", "host: a", "content-length: 5", body=b"hello"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize(("sent", "short"), PLAIN)
def test_what_can_be_answered_is_answered_alike(sent: bytes, short: int) -> None:
    hot, cold, went_short = ask_both([sent])
    assert hot == cold
    assert hot.startswith(b"HTTP/1.1 ")
    assert went_short == short


@pytest.mark.parametrize("sent", SMUGGLED)
def test_what_may_be_smuggling_is_refused_alike(sent: bytes) -> None:
    hot, cold, _ = ask_both([sent + post(b"behind it", LAST)])
    assert hot == cold
    assert b"smuggled" not in hot


@pytest.mark.parametrize(
    "sent",
    [
        post(b"hello", LAST),
        post(b"error") + post(b"behind", "origin: http://a") + post(b"last", LAST),
    ],
)
def test_a_request_may_come_byte_by_byte(sent: bytes) -> None:
    hot, cold, _ = ask_both([sent[place : place + 1] for place in range(len(sent))])
    assert hot == cold


def test_requests_in_a_row_are_answered_in_their_order() -> None:
    bodies = [b"a", b"e", b"p", b"d", b"p2", b"z"]
    headers = ["x: 1", "origin: http://a"]
    row = [post(body, headers[place % 2]) for place, body in enumerate(bodies)]
    hot, cold, went_short = ask_both([b"".join(row) + post(b"last", LAST)])
    assert hot == cold
    assert [hot.index(b'"first":"%b"' % body) for body in bodies] == sorted(
        hot.index(b'"first":"%b"' % body) for body in bodies
    )
    assert went_short == 1, "those behind another one wait their turn the long way"


def test_one_connection_goes_short_again_and_again() -> None:
    async def story() -> None:
        both = Both()
        server = ApiServer(both, [Url("127.0.0.1", 0)], stop_seconds=1)
        server.hot.by_path = {PATH.encode(): both.call}
        (url,) = await server.start()
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                for number in range(20):
                    body = b"%d" % number
                    writer.write(post(body))
                    assert body in await reader.readuntil(b"}")
                await server.drain(0.0)
                writer.write(post(b"hello"))
                await reader.readuntil(b"}")
        finally:
            writer.close()
            await server.stop()
        assert (both.hot, both.cold) == (20, 1), "the last one came when it drained"

    asyncio.run(story())


def test_a_client_that_leaves_before_its_answer_harms_nobody() -> None:
    async def story() -> None:
        both = Both()
        answered = asyncio.Event()
        gone = asyncio.Event()

        async def wait_until_gone(body: bytes) -> Answer:
            await gone.wait()
            answered.set()
            return await both.call(body)

        server = ApiServer(both, [Url("127.0.0.1", 0)], stop_seconds=1)
        server.hot.by_path = {PATH.encode(): wait_until_gone}
        (url,) = await server.start()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                _, writer = await asyncio.open_connection(url.host, url.port)
                writer.write(post(b"hello"))
                await writer.drain()
                writer.transport.abort()
                gone.set()
                await answered.wait()
                assert b'"bytes":5' in await exchange(url, [post(b"hello", LAST)])
        finally:
            await server.stop()

    asyncio.run(story())


def test_nothing_of_a_request_is_left_for_the_collector() -> None:
    async def story() -> int:
        both = Both()
        server = ApiServer(both, [Url("127.0.0.1", 0)], stop_seconds=1)
        server.hot.by_path = {PATH.encode(): both.call}
        (url,) = await server.start()
        reader, writer = await asyncio.open_connection(url.host, url.port)

        async def ask(times: int) -> None:
            for _ in range(times):
                writer.write(post(b"hello"))
                await reader.readuntil(b"}")

        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await ask(5)
                gc.collect()
                await ask(REQUESTS)
                return gc.collect()
        finally:
            writer.close()
            await server.stop()

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        left = asyncio.run(story())
    finally:
        if was_enabled:
            gc.enable()
    assert left < REQUESTS / 2, "a node freezes what it is not to look at again"
