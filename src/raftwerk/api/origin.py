"""Keep the web pages of others from changing anything.

etcd does not look at content types, so neither do we, and then a plain form of any page
could write to a member that its reader's machine can reach. A browser says with each
such request where the page comes from; programs say nothing.
"""

from collections.abc import Collection, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from raftwerk.api.asgi import (
    Answer,
    ASGIApp,
    Receive,
    Scope,
    Send,
    header_of,
    send_answer,
)
from raftwerk.api.errors import ForeignOrigin

__all__ = ["Cors", "require_same_origin"]

_ALLOWED: Final = "raftwerk.origin_is_allowed"
"""Stands in the scope of a request that an operator allowed."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def require_same_origin(scope: Scope) -> None:
    """Refuse a request that a web page of another origin sends.

    Parameters
    ----------
    scope : Scope
        The request.

    Raises
    ------
    ForeignOrigin
        If it names an origin, and that is not the host that it is sent to.
    """
    origin = header_of(scope, b"origin")
    if origin is None or _ALLOWED in scope:
        return
    host = header_of(scope, b"host") or b""
    if not _is_same(origin.decode("latin-1"), host.decode("latin-1")):
        raise ForeignOrigin(
            f"raftwerk: a page of {origin.decode('latin-1')[:80]!r} may not change"
            " anything here"
        )


class Cors:
    """Lets the pages of some other origins do what ours may.

    Parameters
    ----------
    app : ASGIApp
        What they may use.
    origins : collection of str
        Theirs, as browsers write them; ``*`` for any.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

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
        origin = header_of(scope, b"origin") if scope["type"] == "http" else None
        if origin is None or not self._allows(origin.decode("latin-1")):
            await self._app(scope, receive, send)
            return
        headers = [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
        asked = header_of(scope, b"access-control-request-method")
        if scope["method"] == "OPTIONS" and asked is not None:
            wanted = header_of(scope, b"access-control-request-headers") or b""
            headers += [
                (b"access-control-allow-methods", b"DELETE, GET, PATCH, POST, PUT"),
                (b"access-control-allow-headers", wanted),
                (b"access-control-max-age", b"600"),
            ]
            await send_answer(send, Answer(204, tuple(headers), b""))
            return

        async def _send(message: MutableMapping[str, Any]) -> None:
            """Say to the browser that the page may see the answer."""
            if message["type"] == "http.response.start":
                exposed = (b"access-control-expose-headers", b"*")
                told = [*message["headers"], *headers, exposed]
                message = {**message, "headers": told}
            await send(message)

        await self._app({**scope, _ALLOWED: True}, receive, _send)

    def _allows(self, origin: str) -> bool:
        """Tell whether pages of an origin may use us."""
        return "*" in self._origins or origin in self._origins


def _is_same(origin: str, host: str) -> bool:
    """Tell whether an origin is a host; the scheme may be a proxy's in between."""
    try:
        page = urlsplit(origin)
        default = _DEFAULT_PORTS[page.scheme]
        ours = urlsplit(f"//{host}")
        return page.hostname is not None and (
            (page.hostname, page.port or default)
            == (ours.hostname, ours.port or default)
        )
    except (KeyError, ValueError):
        return False  # "null", say: a page that hides where it comes from
