"""The page and its data: ``/`` for people, ``/nodes`` for programs, ``/events``."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources
from string import Template
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from raftwerk.monitor.hub import Hub
from raftwerk.monitor.pages import Page
from raftwerk.monitor.report import NodeView

__all__ = ["make_app"]

FIELDS: Final = ("id", "name", "term", "state", "leader", "endpoint")
"""The columns of the table without scripts, in their order."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    # Nothing but our own files, and no page around ours.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:;"
        " worker-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def make_app(
    views: Callable[[], Sequence[NodeView]],
    *,
    refresh_millis: int,
    hub: Hub | None = None,
    token: str = "",
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the page of one cluster as an ASGI application.

    All its links are relative, so a proxy may serve it at any path.

    Parameters
    ----------
    views : callable
        Returns what is known of each node, as `Poller.views` does.
    refresh_millis : int
        Milliseconds from one refresh to the next, where there are no scripts.
    hub : Hub, optional
        What the live page shows; without it, it can only play recordings.
    token : str
        What the page shows to those of its own routes that change something.
    routes : sequence of BaseRoute
        Those, where there are any.

    Returns
    -------
    Starlette
        To be served by any ASGI server.
    """
    files = resources.files("raftwerk.monitor") / "static"
    page = Template((files / "index.html").read_text(encoding="utf-8"))

    async def _show_page(_request: Request) -> Response:
        """Answer with the page; who has no scripts gets the table."""
        rows = "\n".join(_row(view) for view in views())
        html = page.substitute(
            refresh_seconds=math.ceil(refresh_millis / 1000),
            rows=rows,
            token=escape(token),
            live="yes" if hub is not None else "no",
        )
        return HTMLResponse(html, headers=HEADERS)

    async def _show_nodes(_request: Request) -> Response:
        """Answer with the nodes as JSON."""
        nodes = [_as_json(view) for view in views()]
        return Response(
            msgspec.json.encode(nodes), media_type="application/json", headers=HEADERS
        )

    async def _show_events(_request: Request) -> Response:
        """Answer with all that happens, for ever."""
        opened = hub.open_page() if hub is not None else None
        if hub is None or opened is None:
            return PlainTextResponse("too many pages are open\n", 503, headers=HEADERS)
        return StreamingResponse(
            _stream(hub, opened), media_type="text/event-stream", headers=HEADERS
        )

    return Starlette(
        routes=[
            Route("/", _show_page),
            Route("/nodes", _show_nodes),
            Route("/events", _show_events),
            *routes,
            Mount("/static", _Files(packages=[("raftwerk.monitor", "static")])),
        ]
    )


class _Files(StaticFiles):
    """The page's own files, as safe as the page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Answer with one of them; whether it is still the same is asked each time.

        Parameters
        ----------
        *args, **kwargs : object
            As for any `StaticFiles`.

        Returns
        -------
        Response
            With what a worker of the page must obey, too.
        """
        response = super().file_response(*args, **kwargs)
        # Otherwise a browser might put old files beside new ones for some days.
        response.headers.update(HEADERS | {"Cache-Control": "no-cache"})
        return response


async def _stream(hub: Hub, page: Page) -> AsyncIterator[bytes]:
    """Yield what a page is shown, until it goes."""
    try:
        async for event in page.stream():
            yield event
    finally:
        hub.close_page(page)


def _as_json(view: NodeView) -> dict[str, object]:
    """Return a row with its time as a text that every program can read."""
    return msgspec.structs.asdict(view) | {"unreachable_since": _instant(view)}


def _row(view: NodeView) -> str:
    """Return a row of the table as HTML."""
    since = _instant(view)
    texts = {field: getattr(view, field) for field in FIELDS}
    if since is not None:
        texts["state"] = f"{view.state} since {since[11:19]} UTC"
    cells = "".join(
        f'<td data-field="{field}">{escape("" if text is None else str(text))}</td>'
        for field, text in texts.items()
    )
    title = escape(view.error or "")
    return f'<tr data-state="{escape(view.state)}" title="{title}">{cells}</tr>'


def _instant(view: NodeView) -> str | None:
    """Return since when a node is unreachable, in UTC."""
    if view.unreachable_since is None:
        return None
    instant = datetime.fromtimestamp(view.unreachable_since, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
