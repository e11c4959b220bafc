"""What a node says of itself when it is asked, and what the monitor makes of it."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from raftwerk.config import Url
from raftwerk.errors import RaftwerkError

__all__ = [
    "UNKNOWN",
    "UNREACHABLE",
    "Fetch",
    "FetchError",
    "NodeReport",
    "NodeView",
]

UNKNOWN: Final = "UNKNOWN"
"""The state of a node that was not asked yet."""

UNREACHABLE: Final = "UNREACHABLE"
"""The state of a node that does not answer; all others are the nodes' own words."""


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself; ids are texts, for a page can't hold 64 bits."""

    id: str
    name: str
    term: int
    state: str
    leader: str | None
    """The id of the leader it knows."""
    members: dict[str, Url | None] = {}
    """Where each member of its group answers clients, as it knows it; by id."""


class FetchError(RaftwerkError):
    """A node did not answer, or not as a node does; the message says how."""


Fetch = Callable[[Url], Awaitable[NodeReport]]
"""Asks the node at a client URL; raises `FetchError`."""


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the page."""

    endpoint: str
    id: str | None = None
    name: str | None = None
    term: int | None = None
    state: str = UNKNOWN
    leader: str | None = None
    """The leader's name, or its id as long as its name is not known."""
    unreachable_since: float | None = None
    """In seconds since 1970, by the monitor's clock; None if it answers."""
    error: str | None = None
    """Why it is taken for unreachable."""
