"""What a path of the gateway leads to: a call with one answer, or a stream of them.

A family of calls is a mapping of names (``lease/grant``, say) to these, made by a
module of its own; the gateway puts them together and serves each under its prefixes.
What a call is told stands in one place, its `CallForm`: requests are read by it, and
the document of the API is made from it.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from raftwerk.api.asgi import ASGIApp, Body
from raftwerk.api.proto_json import Message
from raftwerk.api.shapes import Shape

__all__ = ["Call", "CallForm", "Route", "Routes", "StreamRoute"]

Request = TypeVar("Request")

Call: TypeAlias = Callable[[Request], Coroutine[Any, Any, Body]]
"""Takes what was made of the request, returns the answer in JSON; refuses by raising.

The first line of its docstring stands in the document of the API.
"""


class CallForm(msgspec.Struct, Generic[Request], frozen=True, kw_only=True):
    """What a call is told, and what it answers.

    Parameters
    ----------
    request : Message
        Reads what it is told.
    answer : Shape
        What it answers; of a stream, each line's result.
    example : mapping
        A request, for the document.
    refusals : tuple of int
        HTTP's status of what else may be wrong, beyond what any call may say.
    """

    request: Message[Request]
    answer: Shape
    example: Mapping[str, Any] = {}
    refusals: tuple[int, ...] = ()


class Route(msgspec.Struct, frozen=True):
    """A call with one answer.

    Parameters
    ----------
    call : callable
        What answers it.
    form : CallForm
        Reads requests, and describes answers.
    changes : bool
        Whether it may change something; web pages of others may not call it then.
    """

    call: Call[Any]
    form: CallForm[Any]
    changes: bool = True


class StreamRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is answered as it goes: by lines of JSON, or once, after long.

    Parameters
    ----------
    serve : ASGIApp
        Reads the request's body itself, and sends all that is answered.
    form : CallForm
        As in `Route`.
    summary : str
        What it does, in a sentence.
    has_lines : bool
        Whether each answer is a line of its own.
    changes : bool
        As in `Route`.
    """

    serve: ASGIApp
    form: CallForm[Any]
    summary: str
    has_lines: bool = True
    changes: bool = True


Routes: TypeAlias = Mapping[str, Route | StreamRoute]
"""A family of calls by their names, without a prefix."""
