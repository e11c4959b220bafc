"""Calls that are answered by lines of JSON, one after the other, as etcd's are.

Each line is ``{"result": …}``; an error is the last one. The connection is the only
bound between the two sides: no answer is made before the one before it has left, and no
request is read before there is room for it. So whoever reads slowly makes us wait, and
costs no more memory than one answer. A client that goes away ends its call.

Source: etcd's gateway as observed on 3.5.1.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final, Generic, Self, TypeVar

import msgspec
import structlog

from raftwerk.api.asgi import (
    Answer,
    Body,
    BodyTooLarge,
    Receive,
    Scope,
    Send,
    json_answer,
    read_body,
    send_answer,
)
from raftwerk.api.errors import BadRequest
from raftwerk.api.gateway import BODY_BYTES_MAX, error_answer
from raftwerk.api.proto_json import Message, parse
from raftwerk.api.route import Call, CallForm, StreamRoute
from raftwerk.api.status import UNKNOWN, retry_hint, status_of
from raftwerk.api.values import ValueSplitter
from raftwerk.errors import QueueFull, RequestError
from raftwerk.service import MemberStops, RequestTooLarge

__all__ = ["REQUESTS_WAITING_MAX", "Answers", "Streams"]

REQUESTS_WAITING_MAX: Final = 16
"""Requests of one stream that are read before the first of them is taken."""

Request = TypeVar("Request")
Answers = AsyncGenerator[Body, None]
"""Each is one line, perhaps in several pieces."""

_STOPS: Final = "this member stops; ask another one"

_log = structlog.get_logger(__name__)


class Streams:
    """All streams of the client port; they end together when the member stops.

    Parameters
    ----------
    bytes_max : int
        The most that a request may have, as it arrives.
    """

    def __init__(self, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._is_ending = asyncio.Event()

    def end(self) -> None:
        """End every stream, and each that is still to come, saying that we stop.

        Clients go to other members then, rather than wait for what we can't tell.
        """
        self._is_ending.set()

    async def wait_ending(self) -> None:
        """Return once all streams are to end."""
        await self._is_ending.wait()

    def of_answers(
        self,
        form: CallForm[Request],
        answer: Callable[[Request], Answers],
        *,
        changes: bool = False,
    ) -> StreamRoute:
        """Return a route with one request and many answers.

        Parameters
        ----------
        form : CallForm
            Reads the request.
        answer : callable
            Yields each answer in JSON; what it raises is the last one. It is closed
            early if the client goes away.
        changes : bool
            Whether the call may change something.

        Returns
        -------
        StreamRoute
            For a family of calls.
        """

        async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                request = await self._read(form, receive)
            except (BadRequest, QueueFull, RequestTooLarge) as error:
                await send_answer(send, error_answer(error))
            else:
                gone = asyncio.ensure_future(_wait_gone(receive))
                await self._run(scope, send, answer(request), gone)

        summary = answer.__doc__ or ""
        return StreamRoute(serve=_serve, form=form, summary=summary, changes=changes)

    def of_both(
        self,
        form: CallForm[Request],
        answer: Callable[[AsyncIterator[Request]], Answers],
        *,
        changes: bool = True,
    ) -> StreamRoute:
        """Return a route with many requests and many answers.

        Parameters
        ----------
        form : CallForm
            Reads each request.
        answer : callable
            Is given the requests while they arrive, and yields each answer in JSON;
            the stream ends when it does, not when the requests end. If the very first
            request can't be read, that is raised out of the requests and answered;
            a later one that can't be read ends them.
        changes : bool
            Whether the call may change something.

        Returns
        -------
        StreamRoute
            For a family of calls.
        """

        async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
            requests: _Requests[Request] = _Requests(form.request, self._bytes_max)
            gone = asyncio.ensure_future(requests.fill(receive))
            await self._run(scope, send, answer(aiter(requests)), gone)

        summary = answer.__doc__ or ""
        return StreamRoute(serve=_serve, form=form, summary=summary, changes=changes)

    def of_one(
        self, form: CallForm[Request], call: Call[Request], *, changes: bool = True
    ) -> StreamRoute:
        """Return a route with one answer that may be long in coming.

        Parameters
        ----------
        form : CallForm
            Reads the request.
        call : Call
            What answers. It is cancelled if the client goes away, or if we stop.
        changes : bool
            Whether the call may change something.

        Returns
        -------
        StreamRoute
            For a family of calls.
        """

        async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                request = await self._read(form, receive)
            except (BadRequest, QueueFull, RequestTooLarge) as error:
                await send_answer(send, error_answer(error))
            else:
                answer = await self._wait_for(call(request), receive, scope["path"])
                if answer is not None:
                    await send_answer(send, answer)

        return StreamRoute(
            serve=_serve,
            form=form,
            summary=call.__doc__ or "",
            has_lines=False,
            changes=changes,
        )

    async def _read(self, form: CallForm[Request], receive: Receive) -> Request:
        """Return the one request of a call; raise if it can't be read."""
        try:
            body = await read_body(receive, self._bytes_max)
        except BodyTooLarge:
            raise RequestTooLarge(f"a body may have {self._bytes_max} bytes") from None
        return form.request.read(parse(body))

    async def _wait_for(
        self, answering: Coroutine[Any, Any, Body], receive: Receive, path: str
    ) -> Answer | None:
        """Return the answer of a call, or None if nobody is there to take it."""
        answered = asyncio.ensure_future(answering)
        stopping = asyncio.ensure_future(self._is_ending.wait())
        gone = asyncio.ensure_future(_wait_gone(receive))
        tasks: tuple[asyncio.Future[Any], ...] = (answered, stopping, gone)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            is_gone = gone.done() and not answered.done()
        finally:
            for task in tasks:
                task.cancel()
            outcome, *_ = await asyncio.gather(*tasks, return_exceptions=True)
        if is_gone:
            return None
        match outcome:
            case bytes() | list():
                return json_answer(outcome)
            case asyncio.CancelledError():
                return error_answer(MemberStops(_STOPS))
            case RequestError():
                return error_answer(outcome)
            case Exception():
                # A bug of ours, or a member that stops: as in the gateway.
                _log.error("a request failed", path=path, exc_info=outcome)
                return error_answer(outcome)
            case _:
                raise outcome

    async def _run(
        self, scope: Scope, send: Send, answers: Answers, gone: "asyncio.Future[None]"
    ) -> None:
        """Send answers until they end, the client is gone, or we stop."""
        lines = _Lines(send)
        sending = asyncio.ensure_future(self._send_all(lines, answers, scope["path"]))
        stopping = asyncio.ensure_future(self._is_ending.wait())
        tasks: tuple[asyncio.Future[Any], ...] = (sending, stopping, gone)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            is_cut = not (sending.done() or gone.done())
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
        if is_cut:
            await lines.fail(MemberStops(_STOPS))

    async def _send_all(self, lines: "_Lines", answers: Answers, path: str) -> None:
        """Send each answer when the one before it has left, and how it ended."""
        try:
            async with aclosing(answers):
                if self._is_ending.is_set():
                    raise MemberStops(_STOPS)
                async for answer in answers:
                    await lines.send(answer)
        except _FirstUnreadable as error:
            await lines.refuse(error)
        except RequestError as error:
            await lines.fail(error)
        except Exception as error:  # pylint: disable=broad-exception-caught  # a bug
            # A bug of ours, or a member that stops: as in the gateway.
            _log.exception("a stream failed", path=path)
            await lines.fail(error)
        else:
            await lines.end()


class _FirstUnreadable(Exception):
    """A stream begins with something that can't be read."""


class _End:
    """Stands behind the last request of a stream."""


Hint = tuple[tuple[bytes, bytes], ...]


class _Lines:
    """What is sent, line by line; the status with the first of them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False
        self._has_ended = False
        self._is_within = False

    async def send(self, result: Body) -> None:
        """Send an answer; one in pieces when what was sent before has left."""
        if isinstance(result, bytes):
            await self._write(b'{"result":%b}\n' % result, HTTPStatus.OK)
            return
        self._is_within = True
        await self._write(b'{"result":', HTTPStatus.OK)
        for piece in result:
            await self._write(piece, HTTPStatus.OK)
        await self._write(b"}\n", HTTPStatus.OK)
        self._is_within = False

    async def fail(self, error: Exception) -> None:
        """Send why there are no more answers; not within one."""
        if self._is_within:
            await self.end()  # what is broken off is seen to be
            return
        status = status_of(error)
        said = {
            "grpc_code": status.code,
            "http_code": status.http,
            "message": status.text,
            "http_status": HTTPStatus(status.http).phrase,
        }
        line = msgspec.json.encode({"error": said}) + b"\n"
        await self._write(line, status.http, hint=retry_hint(error))
        await self.end()

    async def refuse(self, error: Exception) -> None:
        """Send instead of any line why there can be none."""
        self._has_begun = self._has_ended = True
        said = {"error": str(error), "code": UNKNOWN, "message": str(error)}
        answer: Answer = json_answer(msgspec.json.encode(said), 500)
        await send_answer(self._send, answer)

    async def end(self) -> None:
        """Send that nothing follows."""
        if not self._has_ended:
            self._has_ended = True
            await self._write(b"", HTTPStatus.OK, more=False)

    async def _write(
        self, line: bytes, status: int, *, more: bool = True, hint: Hint = ()
    ) -> None:
        """Send bytes, after the head if they are the first."""
        if not self._has_begun:
            self._has_begun = True
            headers = [(b"content-type", b"application/json"), *hint]
            await self._send(
                {"type": "http.response.start", "status": status, "headers": headers}
            )
        await self._send(
            {"type": "http.response.body", "body": line, "more_body": more}
        )


class _Requests(Generic[Request]):
    """The requests of a stream: filled by one task, drawn by another."""

    def __init__(self, message: Message[Request], bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._message = message
        self._waiting: asyncio.Queue[Request | _FirstUnreadable | _End] = asyncio.Queue(
            REQUESTS_WAITING_MAX
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Request:
        request = await self._waiting.get()
        if isinstance(request, _End):
            self._waiting.put_nowait(request)  # for whoever asks again
            raise StopAsyncIteration
        if isinstance(request, _FirstUnreadable):
            raise request
        return request

    async def fill(self, receive: Receive) -> None:
        """Read requests while there is room; return when the client is gone."""
        splitter = ValueSplitter(self._bytes_max)
        has_more, is_first = True, True
        try:
            while has_more:
                message = await receive()
                if message["type"] != "http.request":
                    return
                splitter.feed(message.get("body", b""))
                has_more = message.get("more_body", False)
                while (value := splitter.take()) is not None:
                    await self._waiting.put(self._message.read(parse(value)))
                    is_first = False
            if not splitter.is_empty:
                raise BadRequest("the body ends within a message")
        except BadRequest as error:
            if is_first:
                await self._waiting.put(_FirstUnreadable(str(error)))
        await self._waiting.put(_End())
        await _wait_gone(receive)


async def _wait_gone(receive: Receive) -> None:
    """Return when the client is gone; what it sends meanwhile is thrown away."""
    while (await receive())["type"] == "http.request":
        pass
