"""HTTP as a client needs it, and what is known when it fails.

A library for all of HTTP takes longer to import than a command should take, and keeps
to itself whether a request had left when its connection broke; what may be repeated
hangs on just that.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec

from raftwerk.config import Url

__all__ = ["Answer", "Http", "Lost", "NotSent", "Request", "StreamRefused"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Parameters
    ----------
    method : str
        HTTP's.
    path : str
        From the slash on, with the query.
    body : bytes
        Empty for none.
    headers : mapping of str to str
        Beside those that say host and length.
    """

    method: str = "POST"
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Answer(msgspec.Struct, frozen=True):
    """What is answered."""

    status: int
    body: bytes


class NotSent(Exception):
    """Nothing of the request has left: it may be repeated anywhere."""


class Lost(Exception):
    """The request has left, and no whole answer came: nobody knows what came of it."""


class StreamRefused(Exception):
    """A server answers a request for a stream with something else.

    Parameters
    ----------
    answer : Answer
        What it is.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


class Http(Protocol):
    """A way to ask servers; it keeps connections for the next request."""

    async def ask(self, url: Url, request: Request) -> Answer:
        """Ask one server, once.

        Parameters
        ----------
        url : Url
            Which.
        request : Request
            What.

        Returns
        -------
        Answer
            Whole.

        Raises
        ------
        NotSent
            If there is no connection to it.
        Lost
            If the connection broke later.
        """

    def stream(self, url: Url, request: Request) -> AsyncIterator[bytes]:
        """Ask one server for an answer that has no end.

        Parameters
        ----------
        url : Url
            Which.
        request : Request
            What.

        Yields
        ------
        bytes
            Each line of the answer, without its end; the iterator ends with the answer.

        Raises
        ------
        NotSent
            If there is no connection to it.
        Lost
            If the connection broke later.
        StreamRefused
            If the status is not 200.
        """

    async def close(self) -> None:
        """Close all connections."""
