"""The routes by which members write to each other, where they speak HTTP.

They are served on the peer listener, never to clients. Who may write, and what it does,
is decided by `raftwerk.transport.http_desk`; this is its face.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.exceptions import HTTPException

from raftwerk.api.asgi import (
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    header_of,
    json_answer,
    read_body,
    send_answer,
)
from raftwerk.api.budget import Budget
from raftwerk.errors import PeerError, QueueFull
from raftwerk.transport.http import METHODS
from raftwerk.transport.http_desk import HttpDesk, LetterRefused, WriterRemoved
from raftwerk.transport.http_letter import REMOVED_STATUS, Route, encode_answer

__all__ = ["PeerRoutes", "Sender"]

_MIB: Final = 1024 * 1024

LETTER_BYTES_MAX: Final[Mapping[Route, int]] = {
    Route.VOTE: 2 * _MIB,  # all that may wait for a peer at once, and each is small
    Route.LOG: 384 * _MIB,
    Route.SNAPSHOT: 384 * _MIB,
}
"""The largest letter; data are in base64. Twice as much may come in on each route, so
that votes are heard whatever the others bring."""

_WORDS: Final = {
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
}

_BEARER: Final = b"Bearer "


class Sender(msgspec.Struct, frozen=True):
    """Who answers, for the envelope of errors."""

    app_name: str
    name: str


class PeerRoutes:
    """An ASGI application with the three routes and nothing else.

    Parameters
    ----------
    desk : HttpDesk
        Takes letters.
    sender : Sender
        Who answers.
    prefix : str
        The path before the routes.
    """

    def __init__(
        self, desk: HttpDesk, sender: Sender, prefix: str = "/api/v1/raft"
    ) -> None:
        self._desk = desk
        self._sender = sender
        self._routes = {f"{prefix}/{route}": route for route in Route}
        self._room = {route: Budget(2 * LETTER_BYTES_MAX[route]) for route in Route}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        try:
            status, body = await self._answer(scope, receive)
        except ClientGone:
            return
        await send_answer(send, json_answer(body, status))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """Return HTTP's status and the body."""
        try:
            return 200, await self._take(scope, receive)
        except QueueFull as error:
            return self._refuse(503, "UNAVAILABLE", str(error))
        except WriterRemoved as error:
            return self._refuse(REMOVED_STATUS, "GONE", str(error))
        except LetterRefused as error:
            return self._refuse(403, "FORBIDDEN", str(error))
        except PeerError as error:
            return self._refuse(400, "BAD_REQUEST", str(error))
        except HTTPException as error:
            return self._refuse(
                error.status_code, _WORDS[error.status_code], error.detail
            )

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        """Deliver a letter, and return the answer."""
        route = self._routes.get(scope.get("path", ""))
        if route is None:
            words = "members talk to each other here; clients have another port"
            raise HTTPException(404, words)
        if scope["method"] != METHODS[route]:
            raise HTTPException(405, f"this route takes {METHODS[route]}")
        if header_of(scope, b"origin") is not None:
            raise HTTPException(403, "no web page may write to members")
        who = f"somebody at {_remote(scope)}"
        # First of all: no stranger's letter may take room from those of members.
        self._desk.require_secret(_secret_of(scope), is_near=_is_near(scope), who=who)
        try:
            body = await read_body(receive, LETTER_BYTES_MAX[route], self._room[route])
        except BodyTooLarge:
            words = f"a letter may have {LETTER_BYTES_MAX[route]} bytes here"
            raise HTTPException(413, words) from None
        return encode_answer(await self._desk.take(route, body, who=who))

    def _refuse(self, status: int, word: str, message: str) -> tuple[int, bytes]:
        """Return an error in the envelope."""
        error = {
            "id": f"{self._sender.app_name}.{word}",
            "message": message,
            "sender": self._sender.name,
            "term": self._desk.term,
        }
        return status, msgspec.json.encode({"apiVersion": "1.0", "error": error})


def _secret_of(scope: Scope) -> bytes:
    """Return what a request proves itself with."""
    told = header_of(scope, b"authorization") or b""
    return told.removeprefix(_BEARER) if told.startswith(_BEARER) else b""


def _remote(scope: Scope) -> str:
    """Return the address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "an unknown address"


def _is_near(scope: Scope) -> bool:
    """Tell whether a request came from this machine."""
    try:
        return ipaddress.ip_address(_remote(scope)).is_loopback
    except ValueError:
        return False
