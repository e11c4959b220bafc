"""The calls of whoever looks after a cluster."""

from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Lost, Request
from raftwerk.errors import NotProposed

__all__ = ["MaintenanceCalls"]

_SNAPSHOT: Final = "/v3/maintenance/snapshot"
_IN_PART: Final = "the store came in part only"


class _Part(msgspec.Struct):
    """Some bytes of the store."""

    blob: bytes = b""
    remaining_bytes: int = 0


class _Error(msgspec.Struct):
    """Why there are no more."""

    message: str = ""


class _Line(msgspec.Struct):
    """A line of the stream."""

    result: _Part | None = None
    error: _Error | None = None


class MaintenanceCalls:
    """Takes all of the store.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def snapshot(self) -> AsyncGenerator[tuple[bytes, int], None]:
        """Return the whole store as one member has it, at one moment.

        Yields
        ------
        bytes
            The next ones; at the very end stands the SHA-256 of all others.
        int
            About how many follow.

        Raises
        ------
        NotProposed
            If no member gives it.
            The same if it breaks off.
        """
        request = Request(path=_SNAPSHOT, body=b"{}")
        try:
            async for line in self._endpoints.stream(request):
                said = msgspec.json.decode(line, type=_Line, strict=False)
                if said.error is not None:
                    raise NotProposed(f"{_IN_PART}: {said.error.message}")
                if said.result is not None:
                    yield said.result.blob, said.result.remaining_bytes
        except Lost as error:
            raise NotProposed(f"{_IN_PART}: {error}") from None
