"""``/kv``: keys as paths and values as bodies, to be used by hand and by curl.

A write is linearizable, and so is a read: it sees all that was done before it came. A
read that names the revision its caller has seen is answered by this member alone, as
soon as it is as far. Each answer carries its revision, so that the next read, on any
member, can name it.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.convertors import Convertor, register_url_convertor

from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.kv_answers import Keys
from raftwerk.api.v1.kv_models import (
    BODY,
    READ,
    AllPrefix,
    IdempotencyKey,
    IfMatch,
    IfNoneMatch,
    KeyPath,
    LastEventId,
    Prefix,
    Reading,
    SessionNumber,
    Written,
)
from raftwerk.api.v1.refusals import refusals

__all__ = ["router"]

_ROUTE: Final = "/{key:key}"


class _KeyConvertor(Convertor[str]):
    """All that is left of a path; unlike Starlette's own, line breaks too."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """Return what the framework may look at; the key itself is bytes."""
        return value

    def to_string(self, value: str) -> str:
        """Return it again."""
        return value


register_url_convertor("key", _KeyConvertor())


router = APIRouter(prefix="/kv", tags=["kv"])


@router.get(
    _ROUTE,
    operation_id="get_key",
    summary="Get a key, or list or watch those with a prefix",
    response_model=None,
    responses=READ,
)
async def _get(
    context: Context,
    request: Request,
    *,
    key: KeyPath,
    reading: Annotated[Reading, Query()],
    if_none_match: IfNoneMatch = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Answer a key's value as it was put, or a list, or changes to come."""
    del key  # it is bytes, see `kv_form`
    keys = Keys(context)
    return await keys.read(
        request,
        keys.name_of(request),
        reading,
        if_none_match=if_none_match,
        last_event_id=last_event_id,
    )


@router.head(_ROUTE, include_in_schema=False)
async def _head(
    context: Context, request: Request, key: KeyPath, if_none_match: IfNoneMatch = None
) -> Response:
    """Answer the headers that a key's value would come with."""
    del key
    keys = Keys(context)
    found = await keys.read(
        request,
        keys.name_of(request),
        Reading.model_validate({}),
        if_none_match=if_none_match,
    )
    return Response(status_code=found.status_code, headers=dict(found.headers))


@router.put(
    _ROUTE,
    operation_id="put_key",
    summary="Put a key",
    response_model=Envelope[Written],
    responses=refusals(400, 410, 412, 413, 429),
    openapi_extra=BODY,
)
async def _put(
    context: Context,
    request: Request,
    *,
    key: KeyPath,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
    session: SessionNumber = None,
) -> Response:
    """Store the body as the key's value."""
    del key, idempotency_key, session  # heeded before: see `idempotency`
    return await Keys(context).put(request, if_match, if_none_match)


@router.delete(
    _ROUTE,
    operation_id="delete_key",
    summary="Delete a key, or those with a prefix",
    response_model=Envelope[Written],
    responses=refusals(400, 410, 412, 429),
)
async def _delete(
    context: Context,
    request: Request,
    *,
    key: KeyPath,
    prefix: Prefix = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
    session: SessionNumber = None,
) -> Response:
    """Delete what there is; nothing there is no error."""
    del key, idempotency_key, session
    return await Keys(context).delete(request, prefix is not None, if_match)


# Last, for a path that ends with a line break would match these as well.
@router.get(
    "/",
    operation_id="list_keys",
    summary="List or watch keys",
    response_model=None,
    responses=READ,
)
async def _list(
    context: Context,
    request: Request,
    reading: Annotated[Reading, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """List keys in order, those with a prefix or all, or watch them."""
    every = reading.model_copy(update={"prefix": ""})
    return await Keys(context).read(request, b"", every, last_event_id=last_event_id)


@router.delete(
    "/",
    operation_id="delete_keys",
    summary="Delete all keys with a prefix",
    response_model=Envelope[Written],
    responses=refusals(400, 410, 429),
)
async def _delete_all(
    context: Context,
    request: Request,
    prefix: AllPrefix,
    idempotency_key: IdempotencyKey = None,
    session: SessionNumber = None,
) -> Response:
    """Delete what there is; an empty prefix, given as such, is that of all keys."""
    del prefix, idempotency_key, session
    return await Keys(context).delete(request, True, None)
