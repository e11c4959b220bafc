"""One question to one node: what it knows of itself and its group, and what that means.

``GET /api/v1/explain/own`` is the one answer that also names all members, needs no
leader, and is given before a node has found its cluster.
"""

from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.monitor.report import FetchError, NodeReport
from raftwerk.service.deposition import Acquaintance, Deposition
from raftwerk.service.interview import OWN_PATH

__all__ = ["HttpFetch"]

ANSWER_BYTES_MAX: Final = 256 * 1024
"""A node's answer is far smaller; who sends more is no node."""


class _Envelope(msgspec.Struct):
    """The form of all answers under ``/api``."""

    data: Deposition


class HttpFetch:
    """Asks nodes over HTTP; keeps connections open from one question to the next.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport or None
        What carries requests in place of sockets.
    prefix : str
        Where the nodes' documented API begins.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, prefix: str = "/api"
    ) -> None:
        """Have no connection yet."""
        self._path = f"{prefix}{OWN_PATH}"
        # Proxies of the environment are for the world outside, not for our own nodes.
        self._client = httpx.AsyncClient(trust_env=False, transport=transport)

    async def __aenter__(self) -> Self:
        """Be ready to ask."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def __call__(self, url: Url) -> NodeReport:
        """Ask the node at a client URL for its status.

        Parameters
        ----------
        url : Url
            Where the node answers clients.

        Returns
        -------
        NodeReport
            What it said.

        Raises
        ------
        FetchError
            If it did not answer, or not as a node does.
        """
        try:
            body = await self._read(f"{url}{self._path}")
            return _report(msgspec.json.decode(body, type=_Envelope).data)
        except httpx.HTTPError as error:
            raise FetchError(str(error) or type(error).__name__) from error
        except (msgspec.MsgspecError, ValueError) as error:
            raise FetchError(f"not a node's answer: {error}") from error

    async def _read(self, url: str) -> bytes:
        """Return the body of an answer, or as much of it as is allowed."""
        body = bytearray()
        async with self._client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise FetchError(f"HTTP status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise FetchError(f"answer of more than {ANSWER_BYTES_MAX} bytes")
        return bytes(body)


def _report(said: Deposition) -> NodeReport:
    """Return what the page needs of what a node said."""
    if said.waits_for:
        raise FetchError(f"no cluster yet: {said.waits_for}")
    return NodeReport(
        id=_decimal(said.id),
        name=said.name,
        term=said.term,
        state=said.state,
        leader=_decimal(said.leader) if said.leader else None,
        members={_decimal(each.id): _url(each) for each in said.members},
    )


def _decimal(member: str) -> str:
    """Return an id as the page and the events have it."""
    return str(int(member, 16))


def _url(member: Acquaintance) -> Url | None:
    """Return where a member answers clients, if it said so and we can read it."""
    for text in member.client_urls:
        try:
            return Url.parse("client URL", text)
        except ConfigError:
            continue
    return None
