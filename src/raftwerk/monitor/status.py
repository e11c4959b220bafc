"""What each node said when it was last asked, and since when one does not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from raftwerk.config import Url
from raftwerk.errors import RaftwerkError
from raftwerk.host.protocol import Clock, Timers

__all__ = [
    "UNKNOWN",
    "UNREACHABLE",
    "Fetch",
    "FetchError",
    "NodeReport",
    "NodeView",
    "Poller",
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


class Poller:
    """Asks every node at its own pace, so that a slow one delays no other.

    Parameters
    ----------
    endpoints : sequence of Url
        The nodes' client URLs; views keep this order.
    fetch : Fetch
        Asks one of them.
    clock : Clock
        Tells since when a node is unreachable.
    timers : Timers
        Waits between two questions.
    interval_seconds : float
        From an answer to the next question.
    timeout_seconds : float
        How long an answer may take.
    """

    def __init__(
        self,
        endpoints: Sequence[Url],
        fetch: Fetch,
        *,
        clock: Clock,
        timers: Timers,
        interval_seconds: float = 1.0,
        timeout_seconds: float = 1.0,
    ) -> None:
        """Know nothing of any node yet."""
        self._endpoints = list(endpoints)
        self._fetch = fetch
        self._clock = clock
        self._timers = timers
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._views = {url: NodeView(endpoint=str(url)) for url in self._endpoints}
        self._watchers: list[Callable[[], object]] = []
        self._group: asyncio.TaskGroup | None = None
        self._asking: dict[Url, asyncio.Task[None]] = {}

    def views(self) -> tuple[NodeView, ...]:
        """Return what is known of each node.

        Returns
        -------
        tuple of NodeView
            In the order of the endpoints.
        """
        views = [self._views[url] for url in self._endpoints]
        names = {view.id: view.name for view in views}
        return tuple(
            msgspec.structs.replace(
                view, leader=view.leader and (names.get(view.leader) or view.leader)
            )
            for view in views
        )

    def watch(self, callback: Callable[[], object]) -> None:
        """Have a function called after each change of what is known.

        Parameters
        ----------
        callback : callable
            Asks `views` for the rest.
        """
        self._watchers.append(callback)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for url in self._endpoints:
                self._asking[url] = group.create_task(self._keep_asking(url))

    def add(self, url: Url) -> None:
        """Ask one more node from now on; its view is the last.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """
        self._endpoints.append(url)
        self._views[url] = NodeView(endpoint=str(url))
        if self._group is not None:
            self._asking[url] = self._group.create_task(self._keep_asking(url))

    def remove(self, url: Url) -> None:
        """Ask a node no more.

        Parameters
        ----------
        url : Url
            Where it answered clients.
        """
        self._endpoints.remove(url)
        asking = self._asking.pop(url, None)
        if asking is not None:
            asking.cancel()
        self._views.pop(url)

    async def _keep_asking(self, url: Url) -> None:
        """Ask one node again and again."""
        while True:
            view = await self._ask(url)
            if view != self._views.get(url):
                self._views[url] = view
                for callback in self._watchers:
                    callback()
            await self._timers.sleep(self._interval_seconds)

    async def _ask(self, url: Url) -> NodeView:
        """Return the view of a node after one more question."""
        try:
            report = await self._fetch_in_time(url)
        except FetchError as error:
            return self._without_answer(url, str(error))
        return NodeView(
            endpoint=str(url),
            id=report.id,
            name=report.name,
            term=report.term,
            state=report.state,
            leader=report.leader,
        )

    async def _fetch_in_time(self, url: Url) -> NodeReport:
        """Ask one node; an answer that takes too long is none."""
        answer = asyncio.ensure_future(self._fetch(url))
        limit = asyncio.ensure_future(self._timers.sleep(self._timeout_seconds))
        try:
            await asyncio.wait((answer, limit), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise FetchError(f"no answer within {self._timeout_seconds:g} s")
            return answer.result()
        finally:
            answer.cancel()
            limit.cancel()

    def _without_answer(self, url: Url, error: str) -> NodeView:
        """Return the view of a node that did not answer: who it was, and since when."""
        before = self._views[url]
        return msgspec.structs.replace(
            before,
            state=UNREACHABLE,
            leader=None,
            unreachable_since=before.unreachable_since or self._clock.wall(),
            error=error,
        )
