"""Load for a benchmark: connections, each of which sends when it has been answered.

A small client of its own: what it takes of the machine, the cluster can't have, where
both are on one.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import httptools

from raftwerk.cli.bench_mix import Shot
from raftwerk.config import Url

__all__ = ["Load", "Tally"]

ANSWER_SECONDS: Final = 10.0
"""After so long a connection is given up, and its request counts as failed."""

AGAIN_SECONDS: Final = 0.1
"""Before a connection that broke is made again."""

TROUBLE_BYTES_MAX: Final = 200
"""Of an answer that is an error; so much tells what is wrong."""


class Tally:
    """What came of requests.

    Attributes
    ----------
    seconds : dict of str to list of float
        How long each answer took, by kind, in the order in which they came.
    troubles : Counter of str
        What went wrong, in words, and how often.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.troubles: Counter[str] = Counter()

    @property
    def answers(self) -> int:
        """How many requests were done.

        Returns
        -------
        int
            Without those that failed.
        """
        return sum(map(len, self.seconds.values()))


class _Connection(asyncio.Protocol):
    """One connection to one member."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.WriteTransport | None = None
        self._answered: asyncio.Future[int] | None = None
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know where to write."""
        assert isinstance(transport, asyncio.WriteTransport)  # nosec B101: for types
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so to who waits for an answer."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the connection broke"))

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self.body = b""

    def on_body(self, body: bytes) -> None:
        """Keep what an error says."""
        if len(self.body) < TROUBLE_BYTES_MAX:
            self.body += body

    def on_message_complete(self) -> None:
        """Give the answer to who waits."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(self._parser.get_status_code())

    def ask(self, host: str, shot: Shot) -> "asyncio.Future[int]":
        """Send a request, and return what will be its status."""
        self._answered = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            self._answered.set_exception(ConnectionError("the connection broke"))
            return self._answered
        head = (
            f"POST {shot.path} HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Length: {len(shot.body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + shot.body)
        return self._answered

    def close(self) -> None:
        """Let go of it."""
        if self._transport is not None:
            self._transport.abort()


class Load:
    """So many connections to some members, one request after the other on each.

    Parameters
    ----------
    urls : sequence of Url
        The members; connections are spread over them in turn.
    connections : int
        How many.
    """

    def __init__(self, urls: Sequence[Url], connections: int) -> None:
        self._urls = [urls[number % len(urls)] for number in range(connections)]

    async def run(self, next_shot: Callable[[], Shot | None], tally: Tally) -> None:
        """Send until there is nothing more to send.

        Parameters
        ----------
        next_shot : callable
            Returns the next request; None ends the connection that asks.
        tally : Tally
            Told all that comes of it.
        """
        async with asyncio.TaskGroup() as group:
            for url in self._urls:
                group.create_task(self._work(url, next_shot, tally))

    async def _work(
        self, url: Url, next_shot: Callable[[], Shot | None], tally: Tally
    ) -> None:
        """Send one request after the other to a member."""
        loop = asyncio.get_running_loop()
        connection: _Connection | None = None
        try:
            while (shot := next_shot()) is not None:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS) as patience:
                        if connection is None:
                            _, connection = await loop.create_connection(
                                _Connection, url.host, url.port
                            )
                        began = loop.time()
                        patience.reschedule(began + ANSWER_SECONDS)
                        status = await connection.ask(url.host_port, shot)
                        took = loop.time() - began
                except (OSError, TimeoutError) as error:
                    tally.troubles[f"{url}: {_words(error)}"] += 1
                    if connection is not None:
                        connection.close()
                    connection = None
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                if status == 200:
                    tally.seconds.setdefault(shot.kind, []).append(took)
                else:
                    said = connection.body[:TROUBLE_BYTES_MAX].decode(
                        "utf-8", "replace"
                    )
                    tally.troubles[f"{url}: {status} {said.strip()}"] += 1
        finally:
            if connection is not None:
                connection.close()


def _words(error: Exception) -> str:
    """Return what went wrong."""
    if isinstance(error, TimeoutError) and not error.args:
        return f"no answer within {ANSWER_SECONDS:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
