"""Requests that are done once, however often they are sent: by a key, or by a number.

Who loses an answer sends the same request again, to any member, with the same key: it
is answered as the first time, with ``Idempotency-Replayed: true``. While the first is
still under way the second waits for the same entry of the log. What is kept of a key,
and for how long, is in `raftwerk.runtime.answered`. The header has the name and the
meaning of the IETF's draft (draft-ietf-httpapi-idempotency-key-header).

Who makes many opens a session and numbers them by ``Raftwerk-Session`` (thesis §6.3):
a number whose session has ended is refused, where a key that was let go stands for
another request.
"""

import hashlib
import re
from collections.abc import MutableMapping
from typing import Any, Final

from raftwerk.api.asgi import (
    ASGIApp,
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    header_of,
    read_body,
    send_answer,
)
from raftwerk.api.errors import BadRequest
from raftwerk.api.gateway import BODY_BYTES_MAX, PREFIXES, error_answer
from raftwerk.errors import QueueFull, RequestError
from raftwerk.runtime.answered import OfSession
from raftwerk.runtime.once import KeyedRequest, NumberedRequest, keyed
from raftwerk.service import RequestTooLarge

__all__ = ["KEY_HEADER", "REFUSAL", "SESSION_HEADER", "Idempotency", "is_once"]

KEY_HEADER: Final = b"idempotency-key"

SESSION_HEADER: Final = b"raftwerk-session"

_NUMBERED: Final = re.compile(
    rb"(\d{1,19}); ?sequence=(\d{1,18})(?:; ?lowest=(\d{1,18}))?"
)
"""What stands in it: the session's id, the command's number, and of those that may be
asked for again the lowest."""

REFUSAL: Final = "raftwerk.refusal"
"""Where in a scope stands why the documented API is to refuse a request."""

KEY_BYTES_MAX: Final = 255

ONE_COMMAND: Final = frozenset(
    {
        "kv/put",
        "kv/deleterange",
        "kv/txn",
        "kv/compaction",
        "kv/lease/revoke",
        "lease/grant",
        "lease/revoke",
        "maintenance/alarm",
    }
)
"""Calls of the gateway that are one command in the log each, and so can be one of a
session's."""

DONE_ONCE: Final = ONE_COMMAND | {
    "lock/lock",
    "lock/unlock",
    "election/campaign",
    "election/proclaim",
    "election/resign",
}
"""All those that change something by commands in the log alone."""

NOT_ONCE: Final = ("cluster/member/", "maintenance/")
"""How calls of the gateway begin that change something by other means, or read."""

READS: Final = frozenset(
    {
        "cluster/member/list",
        "maintenance/hash",
        "maintenance/hashkv",
        "maintenance/snapshot",
        "maintenance/status",
    }
)


def is_once(scope: Scope) -> bool:
    """Tell whether a request wants to be done once.

    Parameters
    ----------
    scope : Scope
        Of the request.

    Returns
    -------
    bool
        True: `Idempotency` is to answer it.
    """
    return any(name in (KEY_HEADER, SESSION_HEADER) for name, _ in scope["headers"])


class Idempotency:
    """Has requests that have a key, or a number in a session, done once.

    Parameters
    ----------
    app : ASGIApp
        Answers them.
    documented_prefix : str
        Where the documented API begins.
    bytes_max : int
        The most that a body may have.
    """

    def __init__(
        self, app: ASGIApp, documented_prefix: str, bytes_max: int = BODY_BYTES_MAX
    ) -> None:
        self._bytes_max = bytes_max
        self._app = app
        self._documented_prefix = documented_prefix
        self._kv_prefix = f"{documented_prefix}kv/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that has a key or a number.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        may_be_once = self._may_be_once(scope)
        if may_be_once is None:
            await self._app(scope, receive, send)  # it changes nothing
            return
        key, number = (header_of(scope, name) for name in (KEY_HEADER, SESSION_HEADER))
        try:
            if not may_be_once:
                raise BadRequest(
                    "this call can't be promised to be done once; leave the"
                    f" {'Idempotency-Key' if number is None else 'Raftwerk-Session'}"
                    " out, and look before you repeat it"
                )
            if number is None:
                check_key(key or b"")
                once = None
            elif key is None:
                once = self._number_of(scope, number)
            else:
                raise BadRequest(
                    "a request has an Idempotency-Key or a Raftwerk-Session, not both"
                )
        except BadRequest as refusal:
            await self._refuse(refusal, (scope, receive, send))
            return
        await self._do_once(key or b"", once, (scope, receive, send))

    def _number_of(self, scope: Scope, header: bytes) -> OfSession:
        """Return which command of which session a request is."""
        path = scope["path"]
        for prefix in PREFIXES:
            if path.startswith(prefix) and path[len(prefix) :] not in ONE_COMMAND:
                raise BadRequest(
                    "this call is several commands, and a session numbers commands;"
                    " use an Idempotency-Key for it"
                )
        found = _NUMBERED.fullmatch(header)
        if found is None:
            raise BadRequest(
                "a Raftwerk-Session is ID; sequence=NUMBER; lowest=NUMBER, and the"
                " last part may be left out"
            )
        session, sequence, lowest = (int(part or 1) for part in found.groups())
        if not 1 <= lowest <= sequence:
            raise BadRequest(
                "a session numbers its commands from 1 on, and the lowest that may be"
                " asked for again is not above the one that is asked for"
            )
        return OfSession(session, sequence, lowest)

    def _may_be_once(self, scope: Scope) -> bool | None:
        """Tell whether a request can be done once; None if it changes nothing."""
        path, method = scope["path"], scope["method"]
        if method in ("GET", "HEAD", "OPTIONS"):
            return None
        for prefix in PREFIXES:
            if path.startswith(prefix):
                name = path[len(prefix) :]
                if name in DONE_ONCE:
                    return True
                changes = name.startswith(NOT_ONCE) and name not in READS
                return False if changes else None
        if path.startswith(self._documented_prefix):
            return bool(path.startswith(self._kv_prefix))
        return None

    async def _refuse(
        self, error: RequestError, request: tuple[Scope, Receive, Send]
    ) -> None:
        """Refuse a request, in the form of whoever would have answered it."""
        scope, receive, send = request
        if scope["path"].startswith(self._documented_prefix):
            await self._app({**scope, REFUSAL: error}, receive, send)
        else:
            await send_answer(send, error_answer(error))

    async def _do_once(
        self,
        key: bytes,
        once: OfSession | None,
        exchange: tuple[Scope, Receive, Send],
    ) -> None:
        """Have a request answered whose commands are done once."""
        scope, receive, send = exchange
        try:
            body = await read_body(receive, self._bytes_max)
        except BodyTooLarge:
            error = RequestTooLarge(f"a body may have {self._bytes_max} bytes")
            await self._refuse(error, (scope, receive, send))
            return
        except QueueFull as full:
            await self._refuse(full, (scope, receive, send))
            return
        except ClientGone:
            return
        pieces = [body]

        async def _receive() -> MutableMapping[str, Any]:
            """Give the body, which has been read, and then whatever comes."""
            if pieces:
                return {"type": "http.request", "body": pieces.pop()}
            return await receive()

        async def _send(message: MutableMapping[str, Any]) -> None:
            """Say that this was answered before, if it was."""
            if message["type"] == "http.response.start" and request.is_replayed:
                headers = [*message["headers"], REPLAYED]
                message = {**message, "headers": headers}
            await send(message)

        if once is None:
            wanted = KeyedRequest(key, _fingerprint(scope, body))
        else:
            wanted = NumberedRequest(once)
        with keyed(wanted) as request:
            await self._app(scope, _receive, _send)


def check_key(key: bytes) -> None:
    """Refuse a key that is none.

    Parameters
    ----------
    key : bytes
        As it came.

    Raises
    ------
    BadRequest
        If it is empty, too long, or not visible.
    """
    if not 0 < len(key) <= KEY_BYTES_MAX or not all(32 < c < 127 for c in key):
        raise BadRequest(
            f"an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters of ASCII"
        )


REPLAYED: Final = (b"idempotency-replayed", b"true")
"""What an answer says that was given before."""


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    """Return a few bytes that stand for method, path and body."""
    hashed = hashlib.blake2b(digest_size=16)
    path = scope.get("raw_path") or scope["path"].encode()
    for part in (scope["method"].encode(), path, scope.get("query_string", b""), body):
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()
