"""The documented API as an application of FastAPI."""

from contextlib import suppress
from typing import Any, Final

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from raftwerk import __version__
from raftwerk.api.asgi import ClientGone
from raftwerk.api.gateway_document import describe_gateway
from raftwerk.api.idempotency import REFUSAL
from raftwerk.api.origin import require_same_origin
from raftwerk.api.route import Routes
from raftwerk.api.status import retry_hint, status_of
from raftwerk.api.v1 import cluster, explain, hooks, kv, log, members, raft, sessions
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.dependencies import provide
from raftwerk.api.v1.docs_page import add_docs_page
from raftwerk.api.v1.error_form import describe_error
from raftwerk.api.v1.plain_routes import describe_plain_routes
from raftwerk.api.v1.refusals import refusals
from raftwerk.api.v1.slashes import EitherSlash
from raftwerk.config import ApiSettings
from raftwerk.errors import NotLeader, OutcomeUnknown, RequestError
from raftwerk.service import RequestTooLarge

__all__ = ["make_documented_api"]

FAMILIES: Final = (raft, kv, sessions, log, cluster, members, explain, hooks)
"""The modules with a ``router``, in the order of the page."""

_log = structlog.get_logger(__name__)


def make_documented_api(context: ApiContext, gateway: Routes | None = None) -> FastAPI:
    """Return the API below the prefix, with its schema and the page to try it.

    Parameters
    ----------
    context : ApiContext
        The member, its services, and how it presents itself.
    gateway : Routes, optional
        The calls of etcd's API, which are answered elsewhere and described here.

    Returns
    -------
    FastAPI
        An ASGI application that needs no lifespan.
    """
    settings = context.settings
    app = FastAPI(
        title=settings.title,
        description=settings.description,
        version=__version__,
        openapi_url=settings.schema_path,
        docs_url=None,
        redoc_url=None,
        # A proxy takes this part of the path away: only readers need to know.
        servers=[{"url": settings.root_path}] if settings.root_path else None,
    )
    provide(app, context)
    for family in FAMILIES:
        app.include_router(
            family.router,
            prefix=f"{settings.api_prefix}/v1",
            dependencies=[Depends(_refuse_foreign_changes)],
            responses=refusals(403, 422, 503),
        )
    add_docs_page(app, settings)
    _say_errors_in_envelopes(app, context)
    # The document is kept from here on: no route may be added after this.
    fixed = [path for path in app.openapi()["paths"] if "{" not in path]
    app.add_middleware(EitherSlash, paths=fixed)
    if contact := _contact(settings):
        # Given to the framework, it would ask for one more package to judge it.
        app.openapi()["info"]["contact"] = contact
    _describe_also(app, describe_plain_routes(settings.api_prefix))
    if gateway:
        _describe_also(app, describe_gateway(gateway))
    return app


def _describe_also(app: FastAPI, part: dict[str, Any]) -> None:
    """Add routes to the document that are answered without the framework."""
    document = app.openapi()
    document["paths"].update(part["paths"])
    document["components"]["schemas"].update(part["components"]["schemas"])


def _contact(settings: ApiSettings) -> dict[str, str] | None:
    """Return who is responsible, if anybody is named."""
    contact = {"name": settings.contact_name, "email": settings.contact_email}
    return {key: value for key, value in contact.items() if value} or None


def _say_errors_in_envelopes(app: FastAPI, context: ApiContext) -> None:
    """Have all errors answered in the envelope, those of the framework too."""

    def answer(
        http_status: int,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        is_unknown: bool = False,
    ) -> Response:
        body = describe_error(context, http_status, message, is_unknown=is_unknown)
        with suppress(NotLeader):  # it does not run, and never did
            revision = str(context.kv.header().revision)
            headers = {"x-raftwerk-revision": revision} | (headers or {})
        return Response(body, http_status, headers, media_type="application/json")

    @app.exception_handler(RequestError)
    async def _say_refusal(_request: Request, error: RequestError) -> Response:
        is_unknown = isinstance(error, OutcomeUnknown)
        is_large = isinstance(error, RequestTooLarge)
        http_status = 413 if is_large else status_of(error).http
        hint = {name.decode(): value.decode() for name, value in retry_hint(error)}
        return answer(http_status, str(error), hint, is_unknown=is_unknown)

    @app.exception_handler(HTTPException)
    async def _say_http_error(request: Request, error: HTTPException) -> Response:
        headers = {name.lower(): each for name, each in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = ", ".join(_methods_of(app, request))
        return answer(error.status_code, str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def _say_invalid(
        _request: Request, error: RequestValidationError
    ) -> Response:
        return answer(422, "; ".join(map(_say_place, error.errors())))

    @app.exception_handler(ClientGone)
    async def _say_nothing(_request: Request, _error: ClientGone) -> Response:
        # Nobody is left to read an answer, and whoever leaves is no fault of ours.
        return answer(400, "the request broke off")

    @app.exception_handler(Exception)
    async def _say_bug(request: Request, error: Exception) -> Response:
        # What went wrong inside is for the log, not for whoever asks.
        _log.error("a request failed", path=request.url.path, exc_info=error)
        return answer(500, "internal error")


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """Return what may be done at a path: the framework names but its first route's."""
    return [
        method
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in app.routes
        )
    ]


def _say_place(error: dict[str, Any]) -> str:
    """Say which part of a request is wrong, and how."""
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


async def _refuse_foreign_changes(request: Request) -> None:
    """Refuse changes that a web page of another origin asks for, or that can't be."""
    refusal: RequestError | None = request.scope.get(REFUSAL)
    if refusal is not None:
        raise refusal
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        require_same_origin(request.scope)
