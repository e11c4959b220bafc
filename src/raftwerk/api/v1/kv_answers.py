"""What ``/kv`` does with keys, and how that is answered: values, lists, changes."""

from typing import Any, Final

from fastapi import HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from raftwerk.api.asgi import BodyTooLarge, read_body
from raftwerk.api.raft_status import envelope
from raftwerk.api.v1 import kv_form
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.kv_models import Reading
from raftwerk.api.v1.kv_watch import KvWatch, WatchQuestion
from raftwerk.kv import DeleteRange, KeyValue, Put, Range, RangeResult, Txn, TxnResult

__all__ = ["Keys"]

LIST_BYTES_MAX: Final = 8 * 1024 * 1024
"""Values in one list; one more may follow, and then it is cut."""


class Keys:
    """What the routes below ``/kv`` do.

    Parameters
    ----------
    context : ApiContext
        The member.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._kv = context.kv
        self._prefix = f"{context.settings.api_prefix}/v1/kv/"
        self._watch = KvWatch(context.watch, context.streams)

    def name_of(self, request: Request) -> bytes:
        """Return the key that a request names.

        Parameters
        ----------
        request : Request
            Its path names it.

        Returns
        -------
        bytes
            With all that is percent-encoded decoded.
        """
        return kv_form.key_of(request.scope, self._prefix)

    async def read(
        self,
        request: Request,
        key: bytes,
        reading: Reading,
        *,
        if_none_match: str | None = None,
        last_event_id: str | None = None,
    ) -> Response:
        """Answer a value, a list, or a stream.

        Parameters
        ----------
        request : Request
            As it came.
        key : bytes
            Which; the beginning of several if a prefix is asked for.
        reading : Reading
            What is wanted of it.
        if_none_match : str, optional
            The entity tag that the caller has.
        last_event_id : str, optional
            The revision up to which the caller has the changes.

        Returns
        -------
        Response
            304 if the caller has the value.

        Raises
        ------
        HTTPException
            404 if there is no such key, 400 if a header can't be read.
        """
        query = kv_form.query_bytes(request.scope)
        is_prefix = reading.prefix is not None
        key += query.get("prefix", b"")
        range_end = kv_form.prefix_end(key) if is_prefix else b""
        wants_events = "text/event-stream" in request.headers.get("accept", "")
        if wants_events or reading.watch not in (None, "false", "0"):
            return self._open_watch(key, range_end, last_event_id)
        is_local = await self._await_revision(reading.min_revision)
        if is_prefix:
            start = max(key, query["after"] + b"\0") if "after" in query else key
            order = Range(
                start or b"\0", range_end, limit=reading.limit, serializable=is_local
            )
            return self._answer_list(await self._kv.range(order))
        result = await self._kv.range(Range(key, serializable=is_local))
        if not result.kvs:
            raise HTTPException(
                404,
                f"there is no key {kv_form.show_key(key)}",
                _revision_header(result.revision),
            )
        return _answer_value(result.kvs[0], result.revision, if_none_match)

    async def put(
        self, request: Request, if_match: str | None, if_none_match: str | None
    ) -> Response:
        """Store a body.

        Parameters
        ----------
        request : Request
            As it came.
        if_match, if_none_match : str or None
            The conditions, as HTTP has them.

        Returns
        -------
        Response
            The revision.

        Raises
        ------
        HTTPException
            412 if a condition does not hold, 413 if the body is too large.
        """
        key = self.name_of(request)
        compares = kv_form.condition_of(key, if_match, if_none_match)
        value = await self._read_value(request)
        if compares:
            txn = Txn(tuple(compares), (Put(key, value),), (_present(key),))
            revision = _require_succeeded(await self._kv.txn(txn), key).revision
        else:
            revision = (await self._kv.put(Put(key, value))).revision
        headers = {"etag": kv_form.etag_of(revision)}
        return _answer_json({"revision": revision, "deleted": 0}, revision, headers)

    async def delete(
        self, request: Request, is_prefix: bool, if_match: str | None
    ) -> Response:
        """Delete a key, or those with a prefix.

        Parameters
        ----------
        request : Request
            As it came.
        is_prefix : bool
            Whether all with a prefix are meant.
        if_match : str or None
            The condition, as HTTP has it; about one key alone.

        Returns
        -------
        Response
            The revision, and how many there were.

        Raises
        ------
        HTTPException
            412 if the condition does not hold, 400 if it is about many keys.
        """
        key = self.name_of(request)
        compares = kv_form.condition_of(key, if_match, None)
        if is_prefix:
            if compares:
                raise HTTPException(400, "If-Match is about one key, not about many")
            key += kv_form.query_bytes(request.scope).get("prefix", b"")
            order = DeleteRange(key or b"\0", kv_form.prefix_end(key))
        else:
            order = DeleteRange(key)
        if compares:
            txn = Txn(tuple(compares), (order,), (_present(key),))
            done = _require_succeeded(await self._kv.txn(txn), key)
            said = {"revision": done.revision, "deleted": 1}
        else:
            result = await self._kv.delete_range(order)
            said = {"revision": result.revision, "deleted": result.deleted}
        return _answer_json(said, said["revision"])

    async def _await_revision(self, revision: int | None) -> bool:
        """Wait for a revision; tell whether this member may answer alone."""
        if revision is None or self._context.revisions is None:
            return False
        await self._context.revisions.wait(revision)
        return True

    async def _read_value(self, request: Request) -> bytes:
        """Return a request's body, if it is not too large."""
        bytes_max = self._kv.request_bytes_max
        try:
            return await read_body(request.receive, bytes_max)
        except BodyTooLarge as cut:
            headers = None if cut.is_drained else {"connection": "close"}
            raise HTTPException(
                413, f"a value may have {bytes_max} bytes", headers
            ) from None

    def _open_watch(
        self, key: bytes, range_end: bytes, last_event_id: str | None
    ) -> Response:
        """Answer a stream of changes."""
        start = 0
        if last_event_id is not None:
            start = kv_form.mod_revision_of("Last-Event-ID", last_event_id) + 1
        question = WatchQuestion(key=key, range_end=range_end, start_revision=start)
        revision = self._kv.header().revision
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._watch.tell(question),
            media_type="text/event-stream",
            headers=headers | _revision_header(revision),
        )

    def _answer_list(self, result: RangeResult) -> Response:
        """Answer some keys, as many as fit."""
        shown: list[dict[str, Any]] = []
        size = 0
        last = b""
        for kv in result.kvs:
            if size >= LIST_BYTES_MAX:
                break
            shown.append(kv_form.show_kv(kv))
            size += len(kv.value)
            last = kv.key
        has_more = result.more or len(shown) < len(result.kvs)
        said = {
            "revision": result.revision,
            "count": result.count,
            "next": kv_form.show_key(last) if has_more else None,
            "kvs": shown,
        }
        return _answer_json(said, result.revision)


def _present(key: bytes) -> Range:
    """Return what asks for the revision that a key is at."""
    return Range(key, keys_only=True)


def _require_succeeded(result: TxnResult, key: bytes) -> TxnResult:
    """Refuse a write whose condition did not hold, saying what holds."""
    if result.succeeded:
        return result
    found = result.responses[0]
    headers = _revision_header(result.revision)
    where = "is not there"
    if isinstance(found, RangeResult) and found.kvs:
        revision = found.kvs[0].mod_revision
        headers["etag"] = kv_form.etag_of(revision)
        where = f"is at revision {revision}"
    raise HTTPException(412, f"key {kv_form.show_key(key)} {where}", headers)


def _answer_value(kv: KeyValue, revision: int, if_none_match: str | None) -> Response:
    """Answer a key's value, unless the caller has it."""
    headers = _revision_header(revision) | {
        "etag": kv_form.etag_of(kv.mod_revision),
        "x-raftwerk-create-revision": str(kv.create_revision),
        "x-raftwerk-mod-revision": str(kv.mod_revision),
        "x-raftwerk-version": str(kv.version),
        "x-raftwerk-lease": str(kv.lease),
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    if if_none_match is not None and (
        if_none_match.strip() == "*"
        or kv_form.mod_revision_of("If-None-Match", if_none_match) == kv.mod_revision
    ):
        return Response(status_code=304, headers=headers)
    return Response(kv.value, headers=headers, media_type="application/octet-stream")


def _answer_json(
    said: object, revision: int, headers: dict[str, str] | None = None
) -> Response:
    """Answer in the envelope."""
    return Response(
        envelope(said),
        headers=_revision_header(revision) | (headers or {}),
        media_type="application/json",
    )


def _revision_header(revision: int) -> dict[str, str]:
    """Return the header that every answer has."""
    return {"x-raftwerk-revision": str(revision)}
