"""``Idempotency-Key``: a request that is done once, however often it is sent.

Who loses an answer sends the same request again, to any member, with the same key: it
is answered as the first time, with ``Idempotency-Replayed: true``. While the first is
still under way the second waits for the same entry of the log. What is kept of a key,
and for how long, is in `raftwerk.runtime.answered`. The header has the name and the
meaning of the IETF's draft (draft-ietf-httpapi-idempotency-key-header).
"""

import hashlib
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
from raftwerk.runtime.once import KeyedRequest, keyed
from raftwerk.service import RequestTooLarge

__all__ = ["KEY_HEADER", "REFUSAL", "Idempotency"]

KEY_HEADER: Final = b"idempotency-key"

REFUSAL: Final = "raftwerk.refusal"
"""Where in a scope stands why the documented API is to refuse a request."""

KEY_BYTES_MAX: Final = 255

DONE_ONCE: Final = frozenset(
    {
        "kv/put",
        "kv/deleterange",
        "kv/txn",
        "kv/compaction",
        "kv/lease/revoke",
        "lease/grant",
        "lease/revoke",
        "lock/lock",
        "lock/unlock",
        "election/campaign",
        "election/proclaim",
        "election/resign",
        "maintenance/alarm",
    }
)
"""Calls of the gateway that change something by commands in the log alone."""

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


class Idempotency:
    """Has requests that have a key done once.

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
        """Answer a request that has a key.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        is_once = self._is_once(scope)
        if is_once is None:
            await self._app(scope, receive, send)  # it changes nothing
            return
        key = header_of(scope, KEY_HEADER) or b""
        if not is_once:
            await self._refuse(
                BadRequest(
                    "this call can't be promised to be done once; leave the"
                    " Idempotency-Key out, and look before you repeat it"
                ),
                (scope, receive, send),
            )
        elif not 0 < len(key) <= KEY_BYTES_MAX or not all(32 < c < 127 for c in key):
            await self._refuse(
                BadRequest(
                    f"an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters of"
                    " ASCII"
                ),
                (scope, receive, send),
            )
        else:
            await self._do_once(key, scope, receive, send)

    def _is_once(self, scope: Scope) -> bool | None:
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
        self, key: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have a request answered whose commands are done once."""
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

        with keyed(KeyedRequest(key, _fingerprint(scope, body))) as request:
            await self._app(scope, _receive, _send)


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
