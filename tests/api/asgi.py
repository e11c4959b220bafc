"""One request to an ASGI application, without a socket."""

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from raftwerk.api.asgi import ASGIApp

__all__ = ["Reply", "ask", "ask_now"]


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


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Return the answer to a request; a body of several pieces arrives in them."""
    split = urlsplit(path)
    pieces = list((body or b"",) if isinstance(body, bytes | None) else body)
    given = {"host": "testserver"} | (headers or {})
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": split.path,
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
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
