"""What a path of the gateway leads to: a call with one answer, or a stream of them.

A family of calls is a mapping of names (``lease/grant``, say) to these, made by a
module of its own; the gateway puts them together and serves each under its prefixes.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

import msgspec

from raftwerk.api.asgi import ASGIApp, Body

__all__ = ["Call", "Route", "Routes", "StreamRoute"]

Call: TypeAlias = Callable[[dict[str, Any]], Coroutine[Any, Any, Body]]
"""Takes the members of the request, returns the answer in JSON; refuses by raising."""


class Route(msgspec.Struct, frozen=True):
    """A call with one answer.

    Parameters
    ----------
    call : callable
        What answers it.
    changes : bool
        Whether it may change something; web pages of others may not call it then.
    """

    call: Call
    changes: bool = True


class StreamRoute(msgspec.Struct, frozen=True):
    """A call that is answered by lines of JSON, one after the other.

    Parameters
    ----------
    serve : ASGIApp
        Reads the request's body itself, and sends all that is answered.
    changes : bool
        As in `Route`.
    """

    serve: ASGIApp
    changes: bool = True


Routes: TypeAlias = Mapping[str, Route | StreamRoute]
"""A family of calls by their names, without a prefix."""
