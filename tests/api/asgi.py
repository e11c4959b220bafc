"""One request to an ASGI application, without a socket."""

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from raftwerk.api.asgi import ASGIApp

__all__ = ["OpenStream", "Reply", "ask", "ask_now"]


class Reply(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as a text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


def scope_of(
    method: str, path: str, headers: dict[str, str] | None = None
) -> MutableMapping[str, Any]:
    """Return what a server tells an application of a request."""
    split = urlsplit(path)
    given = {"host": "testserver"} | (headers or {})
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(split.path),  # as servers do
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Return the answer to a request; a body of several pieces arrives in them."""
    pieces = list((body or b"",) if isinstance(body, bytes | None) else body)
    scope = scope_of(method, path, headers)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if not pieces:
            await asyncio.Event().wait()  # the client stays for the whole answer
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    headers = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
    assert len(headers) == len(sent[0]["headers"]), "a header is said twice"
    return Reply(
        sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])
    )


def ask_now(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Do as `ask` does, on a loop of its own."""
    return asyncio.run(ask(app, method, path, body, headers))


class OpenStream:
    """A POST whose answer is read line by line while its body is still sent.

    It takes at most `unread_max` pieces of the answer before it is read from, as a
    connection does.
    """

    def __init__(self, app: ASGIApp, path: str, *, unread_max: int = 1_000) -> None:
        self.status = 0
        self.longest = 0
        """The bytes of the longest piece so far."""
        self.is_complete = False
        self._body: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[bytes] = asyncio.Queue(unread_max)
        self._lines: list[bytes] = []
        self.rest = b""
        """What came behind the last line."""
        self._task = asyncio.ensure_future(
            app(scope_of("POST", path), self._body.get, self._take)
        )

    async def _take(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        body = message.get("body", b"")
        self.longest = max(self.longest, len(body))
        await self._sent.put(body)
        if not message.get("more_body", False):
            self.is_complete = True
            await self._sent.put(b"")

    @property
    def unread(self) -> int:
        """How many pieces of the body the application has not read."""
        return self._body.qsize()

    def send(self, piece: bytes | object, *, is_last: bool = False) -> None:
        """Send a piece of the body, or a value of it."""
        body = piece if isinstance(piece, bytes) else msgspec.json.encode(piece)
        self._body.put_nowait(
            {"type": "http.request", "body": body, "more_body": not is_last}
        )

    async def line(self) -> Any:
        """Return the next line of the answer; None if it has ended."""
        while not self._lines:
            if self.is_complete and self._sent.empty():
                await self._task
                return None
            *lines, self.rest = (self.rest + await self._sent.get()).split(b"\n")
            self._lines += lines
        return msgspec.json.decode(self._lines.pop(0))

    async def is_silent(self) -> bool:
        """Tell whether nothing comes, once all that can be done now is done."""
        for _ in range(50):
            await asyncio.sleep(0)
        return not self._lines and self._sent.empty()

    async def close(self) -> None:
        """Go away, and return when the application has seen it."""
        self._body.put_nowait({"type": "http.disconnect"})
        await self._task

    async def wait_end(self) -> None:
        """Return when the application has done with it."""
        await self._task
