"""Keep the web pages of others from changing anything.

etcd does not look at content types, so neither do we, and then a plain form of any page
could write to a member that its reader's machine can reach. A browser says with each
such request where the page comes from; programs say nothing.
"""

from urllib.parse import urlsplit

from raftwerk.api.asgi import Scope, header_of
from raftwerk.api.errors import ForeignOrigin

__all__ = ["require_same_origin"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    if origin is None:
        return
    host = header_of(scope, b"host") or b""
    if not _is_same(origin.decode("latin-1"), host.decode("latin-1")):
        raise ForeignOrigin(
            f"raftwerk: a page of {origin.decode('latin-1')[:80]!r} may not change"
            " anything here"
        )


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
