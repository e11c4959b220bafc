"""etcd's gateway as one client sees it, and what each end of a call says of a write.

By hand on a socket: a library keeps to itself whether a request had left when its
connection broke, and takes the processors away from the nodes.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from raftwerk.config import Url

__all__ = ["Caller", "NobodyKnows", "NothingHappened"]

_OK: Final = 200

_NOTHING_HAPPENED: Final = frozenset(
    {"etcdserver: no leader", "etcdserver: too many requests"}
)
_NOBODY_KNOWS: Final = frozenset(
    {"etcdserver: request timed out", "etcdserver: internal error"}
)


class NothingHappened(Exception):
    """What was asked for was not done and never will be: safe to ask again."""


class NobodyKnows(Exception):
    """What was asked for may have been done, or may be done still."""


class _Connection:
    """One connection to one node; no use any more after an error."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.is_usable = True

    @property
    def has_ended(self) -> bool:
        """Whether the node has closed it, as far as is known here."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        self.is_usable = False
        head = f"POST {path} HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}"
        self._writer.write(f"{head}\r\n\r\n".encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        status = int(lines[0].split()[1])
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        answer = await self._reader.readexactly(int(headers["content-length"]))
        self.is_usable = headers.get("connection") != "close"
        return status, answer

    def close(self) -> None:
        self.is_usable = False
        self._writer.transport.abort()


class Caller:
    """Calls nodes, one call at a time; keeps a connection to each."""

    def __init__(self) -> None:
        self._connections: dict[Url, _Connection] = {}

    async def call(
        self, node: Url, path: str, body: Mapping[str, object], seconds: float
    ) -> dict[str, Any]:
        """Return the answer to a call of the gateway, or raise what is known of it."""
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connection(node)
        except (OSError, TimeoutError) as error:
            raise NothingHappened(f"no connection: {error!r}") from error
        # From here on a node may have got it.
        try:
            async with asyncio.timeout(seconds):
                status, answer = await connection.post(
                    f"/v3/kv/{path}", msgspec.json.encode(body)
                )
        except TimeoutError as error:
            raise NobodyKnows(f"no answer within {seconds} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NobodyKnows(f"connection lost: {error!r}") from error
        finally:
            if not connection.is_usable:
                self._connections.pop(node).close()
        found: dict[str, Any] = msgspec.json.decode(answer)
        if status == _OK:
            return found
        # Words of our own are for what etcd does not know; none of them is a "perhaps".
        is_ours = found["message"].startswith("raftwerk: ")
        if is_ours or found["message"] in _NOTHING_HAPPENED:
            raise NothingHappened(found["message"])
        if found["message"] in _NOBODY_KNOWS:
            raise NobodyKnows(found["message"])
        raise AssertionError(f"{path} {body} was answered {status} {found}")

    async def _connection(self, node: Url) -> _Connection:
        """Return a connection that was good when it was looked at last."""
        known = self._connections.get(node)
        if known is not None and not known.has_ended:
            return known
        if known is not None:
            self._connections.pop(node).close()
        made = _Connection(*await asyncio.open_connection(node.host, node.port))
        self._connections[node] = made
        return made

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
