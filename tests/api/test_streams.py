"""Lines of JSON over one connection: in both ways, at the reader's pace."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any

import pytest

from raftwerk.api.errors import BadRequest
from raftwerk.api.proto_json import Message
from raftwerk.api.route import CallForm
from raftwerk.api.shapes import EMPTY
from raftwerk.api.streams import REQUESTS_WAITING_MAX, Streams
from raftwerk.errors import NotLeader
from tests.api.asgi import OpenStream, ask_now


def read_number(value: Any) -> int:
    """Return a number."""
    if not isinstance(value, int):
        raise BadRequest("it must be a number")
    return value


def one_number(n: int | None = None) -> int:
    """Return the one number of a request."""
    if n is None:
        raise BadRequest("it must be a number", "n")
    return n


NUMBER = CallForm(request=Message("Number", one_number, n=read_number), answer=EMPTY)


async def count(number: int) -> AsyncGenerator[bytes, None]:
    """Answer with the numbers below one; there is no number above three."""
    for each in range(number):
        if each == 3:
            raise NotLeader("nobody leads")
        yield b"%d" % each


async def double(numbers: AsyncIterator[int]) -> AsyncGenerator[bytes, None]:
    """Answer each number with twice as much."""
    async for number in numbers:
        yield b"%d" % (2 * number)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Tell a story on a loop of its own, and have no task left at its end."""

    async def told() -> None:
        await story
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    asyncio.run(told())


STREAM_ERROR = {
    "error": {
        "grpc_code": 14,
        "http_code": 503,
        "message": "etcdserver: no leader",
        "http_status": "Service Unavailable",
    }
}


def test_each_answer_is_a_line_and_an_error_is_the_last() -> None:
    async def story() -> None:
        route = Streams().of_answers(NUMBER, count)
        stream = OpenStream(route.serve, "/")
        stream.send({"n": 5}, is_last=True)
        assert [await stream.line() for _ in range(5)] == [
            {"result": 0},
            {"result": 1},
            {"result": 2},
            STREAM_ERROR,
            None,
        ]
        assert stream.status == 200

    run(story())


def test_an_error_before_any_answer_gives_the_status_too() -> None:
    async def fail(_: int) -> AsyncGenerator[bytes, None]:
        raise NotLeader("nobody leads")
        yield b""  # pylint: disable=unreachable  # makes it a generator

    route = Streams().of_answers(NUMBER, fail)
    reply = ask_now(route.serve, "POST", "/", b'{"n":1}')
    assert (reply.status, reply.json) == (503, STREAM_ERROR)


@pytest.mark.parametrize("body", [b"[", b'{"n":"x"}', b'{"n":1', b"{}"])
def test_a_first_request_that_cant_be_read_is_answered_as_one(body: bytes) -> None:
    # etcd says 3 where there is one request, and 2 where there may be many.
    for route, status, code in [
        (Streams().of_answers(NUMBER, count), 400, 3),
        (Streams().of_both(NUMBER, double), 500, 2),
    ]:
        reply = ask_now(route.serve, "POST", "/", body)
        assert (reply.status, reply.json["code"]) == (status, code)
        assert reply.json["error"] == reply.json["message"]
        assert reply.headers["content-length"] == str(len(reply.body))


def test_a_later_request_that_cant_be_read_ends_the_requests() -> None:
    route = Streams().of_both(NUMBER, double)
    reply = ask_now(route.serve, "POST", "/", b'{"n":1}{"n":2} {"n":"x"}{"n":3}')
    assert reply.text == '{"result":2}\n{"result":4}\n'


def test_a_body_without_a_request_gives_no_answer() -> None:
    route = Streams().of_both(NUMBER, double)
    reply = ask_now(route.serve, "POST", "/", b" \n")
    assert (reply.status, reply.body) == (200, b"")


def test_requests_are_answered_while_more_of_them_are_sent() -> None:
    async def story() -> None:
        stream = OpenStream(Streams().of_both(NUMBER, double).serve, "/")
        stream.send(b'{"n":')
        assert await stream.is_silent()
        stream.send(b"4} ")
        assert await stream.line() == {"result": 8}
        stream.send({"n": 5}, is_last=True)
        assert await stream.line() == {"result": 10}
        assert await stream.line() is None

    run(story())


def test_no_answer_is_made_before_the_one_before_has_left() -> None:
    made = []

    async def story() -> None:
        async def answer(_: int) -> AsyncGenerator[bytes, None]:
            for number in range(100):
                made.append(number)
                yield b"%d" % number

        route = Streams().of_answers(NUMBER, answer)
        stream = OpenStream(route.serve, "/", unread_max=2)
        stream.send({"n": 1}, is_last=True)
        assert not await stream.is_silent()
        assert made == [0, 1, 2]  # two on their way, one that waits
        assert await stream.line() == {"result": 0}
        assert not await stream.is_silent()
        assert made == [0, 1, 2, 3]
        await stream.close()

    run(story())


def test_no_more_requests_are_read_than_there_is_room_for() -> None:
    async def story() -> None:
        taken: list[int] = []
        go_on = asyncio.Event()

        async def answer(numbers: AsyncIterator[int]) -> AsyncGenerator[bytes, None]:
            await go_on.wait()
            async for number in numbers:
                taken.append(number)
            yield b"%d" % len(taken)

        stream = OpenStream(Streams().of_both(NUMBER, answer).serve, "/")
        for _ in range(100):
            stream.send({"n": 1})
        stream.send(b"", is_last=True)
        assert await stream.is_silent()
        unread = stream.unread
        assert unread >= 100 - REQUESTS_WAITING_MAX
        go_on.set()
        assert await stream.line() == {"result": 100}
        await stream.wait_end()

    run(story())


@pytest.mark.parametrize("has_more", [False, True])
def test_a_client_that_goes_away_ends_its_call(has_more: bool) -> None:
    async def story() -> None:
        ended = asyncio.Event()

        async def answer(numbers: AsyncIterator[int]) -> AsyncGenerator[bytes, None]:
            try:
                yield b"%d" % await anext(numbers)
                await asyncio.Event().wait()
            finally:
                ended.set()

        stream = OpenStream(Streams().of_both(NUMBER, answer).serve, "/")
        stream.send({"n": 1}, is_last=not has_more)
        assert await stream.line() == {"result": 1}
        await stream.close()
        assert ended.is_set()
        assert not stream.is_complete

    run(story())


def test_all_streams_end_together_and_say_why() -> None:
    async def wait(_: int) -> AsyncGenerator[bytes, None]:
        yield b"1"
        await asyncio.Event().wait()

    async def story() -> None:
        streams = Streams()
        route = streams.of_answers(NUMBER, wait)
        opened = [OpenStream(route.serve, "/") for _ in range(3)]
        for stream in opened:
            stream.send({"n": 1}, is_last=True)
            assert await stream.line() == {"result": 1}
        streams.end()
        opened.append(OpenStream(route.serve, "/"))
        opened[-1].send({"n": 1}, is_last=True)
        for stream in opened:
            line = await stream.line()
            assert line["error"]["message"] == "etcdserver: server stopped"
            assert await stream.line() is None
            await stream.wait_end()

    run(story())


def test_a_bug_ends_its_stream_and_says_nothing_of_the_inside() -> None:
    async def fail(_: int) -> AsyncGenerator[bytes, None]:
        yield b"1"
        raise ZeroDivisionError("secret")

    reply = ask_now(Streams().of_answers(NUMBER, fail).serve, "POST", "/", b'{"n":1}')
    assert (reply.status, b"secret" in reply.body) == (200, False)
    assert b"internal error" in reply.body


def test_a_request_may_have_as_many_bytes_as_it_was_told() -> None:
    body = b'{"n": 1}'
    for room, status in ((len(body) - 1, 400), (len(body), 200)):
        route = Streams(room).of_answers(NUMBER, count)
        assert ask_now(route.serve, "POST", "/", body).status == status


def test_an_answer_in_pieces_is_a_line_and_nothing_follows_where_it_breaks_off() -> (
    None
):
    async def tell(_: int) -> AsyncGenerator[bytes | list[bytes], None]:
        yield [b"[1", b",2]"]
        yield [b"[3", *[b",4"] * 10, b"]"]

    async def story() -> None:
        streams = Streams()
        route = streams.of_answers(NUMBER, tell)
        stream = OpenStream(route.serve, "/", unread_max=8)
        stream.send({"n": 1}, is_last=True)
        assert await stream.line() == {"result": [1, 2]}
        assert not await stream.is_silent(), "the second has begun, and waits"
        streams.end()
        assert not await stream.is_silent()
        assert await stream.line() is None
        assert stream.rest.startswith(b'{"result":[3')
        assert b"error" not in stream.rest
        await stream.wait_end()

    run(story())
