"""Nodes that share one name in DNS: looked up again and again, as they come and go."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, Protocol

from raftwerk.config import Url

__all__ = ["Names", "Watching"]

AGAIN_SECONDS: Final = 2.0

MISSED_MAX: Final = 5
"""An address that so many look-ups in a row did not name is let go: a replica that
starts again is missing for a moment."""


class Watching(Protocol):
    """Whoever looks at nodes."""

    def add(self, url: Url) -> None:
        """Look at one more.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """

    def remove(self, url: Url) -> None:
        """Look at one less.

        Parameters
        ----------
        url : Url
            What `add` was given.
        """


class Names:
    """Keeps those who look at nodes up to date with what DNS says.

    Parameters
    ----------
    name : str
        What the nodes share: ``node`` in the compose file.
    port : int
        Where each answers clients.
    """

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._missed: dict[Url, int] = {}

    async def run(self, watching: Sequence[Watching]) -> None:
        """Look up until cancelled.

        Parameters
        ----------
        watching : sequence of Watching
            Told who came and who left.
        """
        while True:
            self.take(await self._look_up(), watching)
            await asyncio.sleep(AGAIN_SECONDS)

    def take(self, found: Sequence[Url], watching: Sequence[Watching]) -> None:
        """Take the result of one look-up.

        Parameters
        ----------
        found : sequence of Url
            Who is there.
        watching : sequence of Watching
            Told of what changed.
        """
        for url in found:
            if url not in self._missed:
                for each in watching:
                    each.add(url)
            self._missed[url] = 0
        for url in self._missed.keys() - set(found):
            self._missed[url] += 1
            if self._missed[url] >= MISSED_MAX:
                del self._missed[url]
                for each in watching:
                    each.remove(url)

    async def _look_up(self) -> list[Url]:
        """Return the addresses of the name; none if it has none now."""
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.getaddrinfo(
                self._name, self._port, type=socket.SOCK_STREAM
            )
        except OSError:
            return []
        hosts = dict.fromkeys(str(answer[4][0]) for answer in answers)
        return [Url(host, self._port) for host in hosts]
