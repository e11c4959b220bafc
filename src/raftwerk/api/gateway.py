"""The JSON gateway of etcd: which path is which call, and how each is answered.

Source: etcd's gateway as observed on 3.5.1. It serves ``/v3`` and, as etcd does, the
older ``/v3beta``. Every call is a POST; its content type is not looked at.
"""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import msgspec
import structlog

from raftwerk.api import kv_calls, kv_json
from raftwerk.api.asgi import (
    Answer,
    Body,
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    json_answer,
    read_body,
    send_answer,
    text_answer,
)
from raftwerk.api.errors import BadRequest
from raftwerk.api.hot import HotCall
from raftwerk.api.origin import require_same_origin
from raftwerk.api.proto_json import parse
from raftwerk.api.route import Route, Routes, StreamRoute
from raftwerk.api.status import retry_hint, status_of
from raftwerk.errors import RequestError
from raftwerk.host.garbage import LARGE_WORK
from raftwerk.kv import Compact, DeleteRange, KeyValue, Put, Range, Txn
from raftwerk.kv.ranges import shorten
from raftwerk.service import REQUEST_BYTES_MAX, KvService, RequestTooLarge

__all__ = ["BODY_BYTES_MAX", "PREFIXES", "Gateway", "body_bytes_max", "error_answer"]

PREFIXES: Final = ("/v3/", "/v3beta/")
"""Where the gateway begins."""


def body_bytes_max(request_bytes_max: int) -> int:
    """Return what a body may have: the largest request in base64, and field names.

    Parameters
    ----------
    request_bytes_max : int
        What the request may have, encoded, in bytes.

    Returns
    -------
    int
        In bytes.
    """
    return request_bytes_max * 4 // 3 + 64 * 1024


BODY_BYTES_MAX: Final = body_bytes_max(REQUEST_BYTES_MAX)
"""Without another setting."""

BYTES_PER_TURN: Final = 32 * 1024
"""Of a large transaction's answer, in a third of a millisecond or less."""

_log = structlog.get_logger(__name__)


class Gateway:
    """Answers etcd's JSON calls with what the services say.

    Parameters
    ----------
    kv : KvService
        The key-value calls.
    *families : Routes
        All other calls.
    """

    def __init__(self, kv: KvService, *families: Routes) -> None:
        self._kv = kv
        self._body_bytes_max = body_bytes_max(kv.request_bytes_max)
        calls: Routes = {
            "kv/range": Route(self._range, kv_calls.RANGE, changes=False),
            "kv/put": Route(self._put, kv_calls.PUT),
            "kv/deleterange": Route(self._delete_range, kv_calls.DELETE_RANGE),
            "kv/txn": Route(self._txn, kv_calls.TXN),
            "kv/compaction": Route(self._compaction, kv_calls.COMPACTION),
        }
        self.routes: Routes = {
            name: route
            for family in (calls, *families)
            for name, route in family.items()
        }
        self._routes: Mapping[str, Route | StreamRoute] = {
            prefix + name: route
            for prefix in PREFIXES
            for name, route in self.routes.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path begins with one of `PREFIXES`.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        route = self._routes.get(scope["path"])
        if isinstance(route, StreamRoute) and scope["method"] == "POST":
            await self._stream(route, scope, receive, send)
            return
        if isinstance(route, Route) and scope["method"] == "POST":
            answer = await self._answer(route, scope, receive)
        elif scope["method"] == "OPTIONS":
            answer = Answer(200, (), b"")
        elif route is not None:
            allow = (b"allow", b"POST")
            answer = text_answer(405, "Method Not Allowed\n", allow)
        else:
            answer = text_answer(404, "Not Found\n")
        await send_answer(send, answer)

    def hot_calls(self) -> Mapping[bytes, HotCall]:
        """Return the calls that have one answer, as functions of their bodies.

        Returns
        -------
        mapping of bytes to callable
            By path; for requests that name no origin, for that is not looked at.
        """
        return {
            path.encode(): partial(self._answer_body, path, route)
            for path, route in self._routes.items()
            if isinstance(route, Route)
        }

    async def _stream(
        self, route: StreamRoute, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have a call answered that has many answers."""
        try:
            if route.changes:
                require_same_origin(scope)
        except RequestError as error:
            await send_answer(send, error_answer(error))
        else:
            await route.serve(scope, receive, send)

    async def _answer(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        """Return the answer to a call."""
        try:
            if route.changes:
                require_same_origin(scope)
            body = await read_body(receive, self._body_bytes_max)
        except BodyTooLarge as cut:
            answer = error_answer(
                RequestTooLarge(f"a body may have {self._body_bytes_max} bytes")
            )
            if cut.is_drained:
                return answer
            close = (b"connection", b"close")
            return msgspec.structs.replace(answer, headers=(*answer.headers, close))
        except (RequestError, ClientGone) as error:
            return error_answer(error)
        return await self._answer_body(scope["path"], route, body)

    async def _answer_body(self, path: str, route: Route, body: bytes) -> Answer:
        """Return the answer to a call whose body is there."""
        try:
            request = route.form.request.read(parse(body))
            return json_answer(await route.call(request))
        except RecursionError:
            return error_answer(BadRequest("the body is nested too deeply"))
        except RequestError as error:
            return error_answer(error)
        except Exception as error:  # pylint: disable=broad-exception-caught  # a bug
            # A bug of ours, or a member that stops: the client gets an answer, and the
            # log what happened.
            _log.exception("a request failed", path=path)
            return error_answer(error)

    # ---- key-value calls ------------------------------------------------------

    async def _range(self, request: Range) -> Body:
        """Read keys."""
        result = await self._kv.range(request)
        kvs = await _write_in_turns(result.kvs)
        pieces = kv_json.range_pieces(self._header(result.revision), result, kvs)
        return pieces if len(kvs) > 1 else b"".join(pieces)

    async def _put(self, request: Put) -> bytes:
        """Set a key."""
        result = await self._kv.put(request)
        return kv_json.write_put(self._header(result.revision), result)

    async def _delete_range(self, request: DeleteRange) -> Body:
        """Delete keys."""
        result = await self._kv.delete_range(request)
        kvs = await _write_in_turns(result.prev_kvs)
        header = self._header(result.revision)
        pieces = kv_json.delete_range_pieces(header, result, kvs)
        return pieces if len(kvs) > 1 else b"".join(pieces)

    async def _txn(self, request: Txn) -> Body:
        """Do a transaction: compare, and then or else."""
        result = await self._kv.txn(request)
        header = self._header(result.revision)
        if kv_json.is_one_piece(result):
            return kv_json.write_txn(header, result)
        return await _join_in_turns(kv_json.txn_pieces(header, result))

    async def _compaction(self, wanted: tuple[Compact, bool]) -> bytes:
        """Forget the past: what keys were before a revision."""
        request, is_physical = wanted
        result = await self._kv.compact(request, is_physical=is_physical)
        return b"{%b}" % self._header(result.revision)

    def _header(self, revision: int) -> bytes:
        """Return the header of an answer."""
        return kv_json.write_header(self._kv.header(revision))


def error_answer(error: Exception) -> Answer:
    """Return an error in etcd's form.

    Parameters
    ----------
    error : Exception
        Any.

    Returns
    -------
    Answer
        With the status that `status` gives it.
    """
    status = status_of(error)
    said = {"error": status.text, "code": status.code, "message": status.text}
    answer = json_answer(msgspec.json.encode(said), status.http)
    if hint := retry_hint(error):
        return msgspec.structs.replace(answer, headers=(*answer.headers, *hint))
    return answer


async def _write_in_turns(kvs: list[KeyValue]) -> list[bytes]:
    """Return keys in JSON, in pieces, with turns for others if there are many.

    The keys are used up: to let go of very many in one go would take long.
    """
    if len(kvs) <= 1:
        return [kv_json.write_kvs(kvs)] if kvs else []
    pieces: list[bytes] = []
    for some in kv_json.parts_of(kvs):
        comma = b""
        if pieces:
            comma = b","
            LARGE_WORK.steps += 1
            await asyncio.sleep(0)
        pieces.append(comma + kv_json.write_kvs(some))
    for _ in shorten(kvs, 0):
        await asyncio.sleep(0)
    return pieces


async def _join_in_turns(pieces: Iterable[bytes]) -> list[bytes]:
    """Return pieces that are made when they are drawn, with turns for others."""
    joined: list[bytes] = []
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= BYTES_PER_TURN:
            joined.append(b"".join(waiting))
            waiting.clear()
            length = 0
            LARGE_WORK.steps += 1
            await asyncio.sleep(0)
    return [*joined, b"".join(waiting)]
