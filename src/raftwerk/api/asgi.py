"""The little of ASGI that plain routes need: types, bodies of bounded size, answers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from raftwerk.api.budget import INTAKE, Budget, Share

__all__ = [
    "ASGIApp",
    "Answer",
    "Body",
    "BodyTooLarge",
    "ClientGone",
    "Receive",
    "Scope",
    "Send",
    "header_of",
    "json_answer",
    "read_body",
    "send_answer",
    "text_answer",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Body = bytes | list[bytes]
"""Of an answer: in one piece, or in several where one would be too much to copy."""

DRAINED_BYTES_MAX: Final = 16 * 1024 * 1024
"""What is read of a body that is too large, and thrown away, before it is cut off.

Who sends all of a body before it listens would find its connection broken otherwise,
and not our answer.
"""

_JSON: Final = (b"content-type", b"application/json")
_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")


class BodyTooLarge(Exception):
    """A request's body has more bytes than it may have.

    Parameters
    ----------
    is_drained : bool
        Whether it was read to its end nevertheless.
    """

    def __init__(self, is_drained: bool) -> None:
        super().__init__(is_drained)
        self.is_drained = is_drained


class ClientGone(Exception):
    """The client closed the connection within its request."""


class Answer(msgspec.Struct, frozen=True):
    """What is sent back.

    Parameters
    ----------
    status : int
        HTTP's.
    headers : tuple
        Pairs of name and value, but for the length.
    body : Body
        All of it.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: Body


def json_answer(
    body: Body, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """Return an answer in JSON.

    Parameters
    ----------
    body : Body
        Encoded.
    status : int
        HTTP's.
    headers : tuple of tuple
        More of them, each a name and a value.

    Returns
    -------
    Answer
        With its type.
    """
    return Answer(status, (_JSON, *headers), body)


def text_answer(status: int, text: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer in plain text.

    Parameters
    ----------
    status : int
        HTTP's.
    text : str
        What to say.
    *headers : tuple of bytes
        Pairs of name and value.

    Returns
    -------
    Answer
        With its type, which browsers are told to believe.
    """
    return Answer(status, (_TEXT, _NO_SNIFFING, *headers), text.encode())


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """Return a header of a request.

    Parameters
    ----------
    scope : Scope
        The request.
    name : bytes
        In lower case.

    Returns
    -------
    bytes or None
        Its first value.
    """
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def read_body(receive: Receive, bytes_max: int, budget: Budget = INTAKE) -> bytes:
    """Return a request's body, counting it while it arrives.

    Parameters
    ----------
    receive : Receive
        Of the request.
    bytes_max : int
        What it may have.
    budget : Budget
        What all that come in may have together.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    BodyTooLarge
        If it has more; no more than that was kept.
    ClientGone
        If it does not come to its end.
    QueueFull
        If others take so much that there is no room for it.
    """
    with budget.share() as share:
        return await _read_counted(receive, bytes_max, share)


async def _read_counted(receive: Receive, bytes_max: int, share: Share) -> bytes:
    """Do what `read_body` says."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= bytes_max:
            share.grow(size)
            pieces.append(piece)
        else:
            pieces.clear()
            share.end()
        if not message.get("more_body", False):
            break
        if size > bytes_max + DRAINED_BYTES_MAX:
            raise BodyTooLarge(is_drained=False)
    if size > bytes_max:
        raise BodyTooLarge(is_drained=True)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer.

    Parameters
    ----------
    send : Send
        Of the request.
    answer : Answer
        What to send; a body in pieces is used up.
    """
    pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
    length = (b"content-length", b"%d" % sum(map(len, pieces)))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [*answer.headers, length],
        }
    )
    pieces.reverse()
    while len(pieces) > 1:
        # Sent when what was sent before has left, so it is not copied into a buffer,
        # and let go of then: to free all of a large answer at once takes its time.
        piece = pieces.pop()
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": pieces[0] if pieces else b""})
