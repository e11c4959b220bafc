"""The documented API as an application of FastAPI."""

from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from raftwerk import __version__
from raftwerk.api.origin import require_same_origin
from raftwerk.api.settings import ApiSettings
from raftwerk.api.status import status_of
from raftwerk.api.v1 import raft
from raftwerk.api.v1.envelope import ErrorEnvelope, ErrorInfo
from raftwerk.errors import NotLeader, RequestError
from raftwerk.service import NodeLike

__all__ = ["make_documented_api"]

_CODES: Final = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    422: "VALIDATION",
    503: "UNAVAILABLE",
}
"""The words of error ids."""


def make_documented_api(node: NodeLike, settings: ApiSettings) -> FastAPI:
    """Return the API below the prefix, with its schema and the page to try it.

    Parameters
    ----------
    node : NodeLike
        The member.
    settings : ApiSettings
        Its names and paths.

    Returns
    -------
    FastAPI
        An ASGI application that needs no lifespan.
    """
    app = FastAPI(
        title=settings.title,
        description=settings.description,
        version=__version__,
        contact=_contact(settings),
        openapi_url=settings.schema_path,
        docs_url=settings.docs_path,
        redoc_url=None,
        root_path=settings.root_path,
    )
    app.include_router(
        raft.make_router(node, settings),
        prefix=f"{settings.api_prefix}/v1",
        dependencies=[Depends(_refuse_foreign_changes)],
    )
    _say_errors_in_envelopes(app, node, settings)
    return app


def _contact(settings: ApiSettings) -> dict[str, str] | None:
    """Return who is responsible, if anybody is named."""
    contact = {"name": settings.contact_name, "email": settings.contact_email}
    return {key: value for key, value in contact.items() if value} or None


def _say_errors_in_envelopes(
    app: FastAPI, node: NodeLike, settings: ApiSettings
) -> None:
    """Have all errors answered in the envelope, those of the framework too."""

    def answer(http_status: int, message: str) -> JSONResponse:
        try:
            status = node.status()
            sender, term = status.name or str(status.node_id), int(status.term)
        except NotLeader:
            sender, term = "", 0
        code = _CODES.get(http_status, "INTERNAL" if http_status >= 500 else "REFUSED")
        error = ErrorInfo(
            id=f"{settings.app_name}.{code}", message=message, sender=sender, term=term
        )
        body = ErrorEnvelope(error=error).model_dump(by_alias=True)
        return JSONResponse(body, status_code=http_status)

    @app.exception_handler(RequestError)
    async def _say_refusal(_request: Request, error: RequestError) -> JSONResponse:
        return answer(status_of(error).http, str(error))

    @app.exception_handler(HTTPException)
    async def _say_http_error(_request: Request, error: HTTPException) -> JSONResponse:
        response = answer(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def _say_invalid(
        _request: Request, error: RequestValidationError
    ) -> JSONResponse:
        places = (
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors()
        )
        return answer(422, "; ".join(places))

    @app.exception_handler(Exception)
    async def _say_bug(_request: Request, _error: Exception) -> JSONResponse:
        # What went wrong inside is for the log, not for whoever asks.
        return answer(500, "internal error")


async def _refuse_foreign_changes(request: Request) -> None:
    """Refuse changes that a web page of another origin asks for."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        require_same_origin(request.scope)
