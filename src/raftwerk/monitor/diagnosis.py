"""What is wrong with the cluster, in words: the same as ``raftwerk explain`` says.

While anybody looks, all members are asked what they know, every few seconds and soon
after anything happened; what that means, `service.diagnose` decides. Pages are told of
it when it is new, with a record of type ``diagnosis``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from raftwerk.client.connections import Connections
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers
from raftwerk.monitor.hub import Hub
from raftwerk.service.diagnose import Explanation, explain
from raftwerk.service.inquiry import Ask, inquire
from raftwerk.service.interview import interviewer

__all__ = ["Diagnosis", "diagnosing"]

KIND: Final = "diagnosis"

AGAIN_SECONDS: Final = 2.0
"""From one look to the next, where nothing happened."""

PAUSE_SECONDS: Final = 0.4
"""From one look to the next, whatever happened: an election is a dozen events."""

ONE_MEMBER_SECONDS: Final = 0.8
"""How long one member may take to say what it knows."""


class Diagnosis:
    """Looks at the cluster for all pages at once.

    Parameters
    ----------
    hub : Hub
        Knows who there is, and tells the pages.
    ask : Ask
        Asks one member.
    timers : Timers
        Waits.
    """

    def __init__(self, hub: Hub, ask: Ask, *, timers: Timers) -> None:
        self._hub = hub
        self._ask = ask
        self._timers = timers
        self._told: Explanation | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            if not self._hub.looked_at.is_set():
                self._told = None
                self._hub.forget(KIND, KIND)  # it would grow old
                await self._hub.looked_at.wait()
            self._hub.news.clear()
            explained = explain(await inquire(self._hub.urls, self._ask))
            if explained != self._told:
                self._told = explained
                self._tell(explained)
            await self._timers.sleep(PAUSE_SECONDS)
            try:
                rest = AGAIN_SECONDS - PAUSE_SECONDS
                await within(self._timers, rest, self._hub.news.wait())
            except TimeoutError:
                continue

    def _tell(self, explained: Explanation) -> None:
        """Tell all pages, and those that come later."""
        record = {"type": KIND, **msgspec.to_builtins(explained)}
        self._hub.publish(record, key=KIND)


@asynccontextmanager
async def diagnosing(
    hub: Hub, timers: Timers, prefix: str = "/api"
) -> AsyncIterator[None]:
    """Look at a cluster over HTTP until the context ends.

    Parameters
    ----------
    hub : Hub
        Knows who there is, and tells the pages.
    timers : Timers
        Wait.
    prefix : str
        Where the nodes' documented API begins.

    Yields
    ------
    None
        While it looks.
    """
    connections = Connections(timers)
    ask = interviewer(connections, timers, ONE_MEMBER_SECONDS, prefix)
    looking = asyncio.create_task(Diagnosis(hub, ask, timers=timers).run())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await connections.close()
