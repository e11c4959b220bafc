"""One question to one node: ``GET /api/v1/raft/`` and what its answer means."""

from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from raftwerk.config import Url
from raftwerk.monitor.status import FetchError, NodeReport

__all__ = ["HttpFetch"]

PATH: Final = "/api/v1/raft/"

ANSWER_BYTES_MAX: Final = 64 * 1024
"""A node's answer is far smaller; who sends more is no node."""


class _Data(msgspec.Struct):
    """What we read of the answer's data; what else there is, others need."""

    id: str
    name: str
    term: int
    state: str
    leader: str | None = None


class _Envelope(msgspec.Struct):
    """The form of all answers under ``/api``."""

    data: _Data


class HttpFetch:
    """Asks nodes over HTTP; keeps connections open from one question to the next.

    Parameters
    ----------
    transport : httpx.AsyncBaseTransport or None
        What carries requests in place of sockets.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Have no connection yet."""
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
            body = await self._read(f"{url}{PATH}")
            data = msgspec.json.decode(body, type=_Envelope).data
        except httpx.HTTPError as error:
            raise FetchError(str(error) or type(error).__name__) from error
        except msgspec.MsgspecError as error:
            raise FetchError(f"not a node's answer: {error}") from error
        return NodeReport(
            id=data.id,
            name=data.name,
            term=data.term,
            state=data.state,
            leader=data.leader,
        )

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
