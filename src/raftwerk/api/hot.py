"""A short way for the few requests that are nearly all: whole, small, and well known.

Most of what a put costs its leader is HTTP: an ASGI scope, an event for each half of
the answer, a timer for the pause behind it. A request for a path of `HotCalls` that
comes with its length, and with no header that changes its meaning, gets none of these:
its body is handed to its call, and the answer written in one piece. It is parsed by the
same parser as all others, on the same connection, and whatever is not plain goes the
long way (decision 170).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from raftwerk.api.asgi import Answer
from raftwerk.api.limits import Crowd, LimitedProtocol

__all__ = ["HOT_BODY_BYTES_MAX", "HotCall", "HotCalls", "HotProtocol"]

HotCall = Callable[[bytes], Awaitable[Answer]]
"""Takes the body of a request; refusals are answers too, so it never raises."""

HOT_BODY_BYTES_MAX: Final = 64 * 1024
"""Of a request that goes the short way; a larger one is read with more care."""

_COLD_HEADERS: Final = frozenset(
    (
        b"authorization",
        b"expect",
        b"idempotency-key",
        b"origin",
        b"raftwerk-session",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""A request with one of them means more than its path and its body say."""

_CLOSE: Final = (b"connection", b"close")

_OK: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
)


class HotCalls:
    """Which paths have a call of their own, while a node takes requests.

    Attributes
    ----------
    by_path : mapping of bytes to HotCall
        By the path exactly as it is sent; empty until there is who answers, and again
        when the node is about to stop, for then answers have more to say.
    """

    def __init__(self) -> None:
        self.by_path: Mapping[bytes, HotCall] = {}


class _Unheard:
    """An event that nobody waits for: what it is about has been noted already."""

    __slots__ = ()

    def set(self) -> None:
        """Do nothing."""


class _Exchange:
    """A hot request and its answer, in the place of uvicorn's cycle.

    Of a cycle it has all that its protocol looks at: whether the answer is sent,
    whether the connection is to be kept, and an event to be set when there is news.
    """

    __slots__ = (
        "body",
        "call",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
    )

    message_event: ClassVar = _Unheard()
    """One for all. Were it the exchange itself, the exchange would hold itself, and its
    body: what the collector has frozen by then (decision 180) would stay for ever."""

    def __init__(self, call: HotCall) -> None:
        self.call = call
        self.body = b""
        self.more_body = True
        self.keep_alive = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False


class HotProtocol(LimitedProtocol):
    """HTTP on one connection, with the short way for hot calls.

    Parameters
    ----------
    config : Config
        Of the server.
    server_state : ServerState
        Its connections and tasks.
    app_state : dict
        What ASGI calls state.
    _loop : AbstractEventLoop, optional
        The loop.
    hot : HotCalls
        What goes the short way.
    crowd : Crowd
        Says how many there may be at a time.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: Any = None,
        *,
        hot: HotCalls,
        crowd: Crowd,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self.crowd = crowd
        self._hot = hot
        self._is_cold = False
        self._length = -1
        self._exchange: _Exchange | None = None
        """The hot request that is coming in now."""

    # ---- the parser's calls ---------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request; what an ASGI scope takes is made when one is wanted."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_cold = False
        self._length = -1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header.

        Parameters
        ----------
        name : bytes
            In any case.
        value : bytes
            As it came.
        """
        name = name.lower()
        if name == b"content-length":
            # The parser refuses what is no number, or said twice.
            self._length = int(value) if value.isdigit() else -1
        elif name in _COLD_HEADERS:
            self._is_cold = True
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Choose the way of a request."""
        call = self._hot.by_path.get(self.url)
        if call is not None and self._is_plain():
            self._exchange = _Exchange(call)
            self.cycle = self._exchange  # type: ignore[assignment]  # see `_Exchange`
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body.

        Parameters
        ----------
        body : bytes
            As it came.
        """
        exchange = self._exchange
        if exchange is None:
            super().on_body(body)
        else:
            exchange.body = exchange.body + body if exchange.body else body

    def on_message_complete(self) -> None:
        """Answer a request that came the short way."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            super().on_message_complete()
            return
        exchange.more_body = False
        exchange.keep_alive = exchange.keep_alive and self.parser.should_keep_alive()
        task = self.loop.create_task(self._answer(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # ---- the short way --------------------------------------------------------

    def _is_plain(self) -> bool:
        """Tell whether a request is all that its path says, and none is before it."""
        parser, before = self.parser, self.cycle
        return (
            not self._is_cold
            and 0 <= self._length <= HOT_BODY_BYTES_MAX
            and (before is None or before.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
        )

    async def _answer(self, exchange: _Exchange) -> None:
        """Answer a request, and go on with what came behind it."""
        answer = await exchange.call(exchange.body)
        if self.flow.write_paused and not exchange.disconnected:
            await self.flow.drain()
        exchange.response_started = True
        if not exchange.disconnected:
            await self._write(answer, exchange)
        exchange.response_complete = True
        if self.transport.is_closing():
            return
        if not exchange.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()

    async def _write(self, answer: Answer, exchange: _Exchange) -> None:
        """Write an answer, as fast as it is taken."""
        body = answer.body
        if answer.status == 200 and isinstance(body, bytes) and exchange.keep_alive:
            self.transport.write(_OK % len(body) + body)
            return
        pieces = [body] if isinstance(body, bytes) else body
        head = [STATUS_LINE[answer.status]]
        for name, value in answer.headers:
            head += [name, b": ", value, b"\r\n"]
            if (name, value) == _CLOSE:
                exchange.keep_alive = False
        head.append(b"content-length: %d\r\n" % sum(map(len, pieces)))
        if not exchange.keep_alive and _CLOSE not in answer.headers:
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        self.transport.write(b"".join(head))
        pieces.reverse()
        while pieces and not exchange.disconnected:
            # As in `asgi.send_answer`: one piece when what was before it has left.
            self.transport.write(pieces.pop())
            if self.flow.write_paused:
                await self.flow.drain()
