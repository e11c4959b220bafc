"""What each node said when it was last asked, and since when one does not answer."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from raftwerk.config import Url
from raftwerk.host.protocol import Clock, Timers
from raftwerk.monitor.report import (
    UNKNOWN,
    UNREACHABLE,
    Fetch,
    FetchError,
    NodeReport,
    NodeView,
)

__all__ = ["Poller"]


class Poller:
    """Asks every node at its own pace, so that a slow one delays no other.

    One endpoint is enough: members that nodes name are asked as well, for as long as
    somebody names them.

    Parameters
    ----------
    endpoints : sequence of Url
        The nodes' client URLs to begin with; views keep this order.
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
        self._configured = list(dict.fromkeys(endpoints))
        self._fetch = fetch
        self._clock = clock
        self._timers = timers
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._views = {url: NodeView(endpoint=str(url)) for url in self._configured}
        self._named: dict[Url, dict[str, Url | None]] = {}
        self._watchers: list[Callable[[], object]] = []
        self._group: asyncio.TaskGroup | None = None
        self._asking: dict[Url, asyncio.Task[None]] = {}

    def views(self) -> tuple[NodeView, ...]:
        """Return what is known of each node.

        Returns
        -------
        tuple of NodeView
            In the order in which they came; those of the endpoints first.
        """
        views = list(self._views.values())
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
            for url in self._views:
                self._asking[url] = group.create_task(self._keep_asking(url))
            # Without a node to begin with, the group would be over before one is added.
            await asyncio.get_running_loop().create_future()

    def add(self, url: Url) -> None:
        """Ask one more node from now on; its view is the last.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """
        if url not in self._configured:
            self._configured.append(url)
        self._begin(url)

    def remove(self, url: Url) -> None:
        """Ask a node no more, unless others name it as a member.

        Parameters
        ----------
        url : Url
            What `add` was given.
        """
        self._configured.remove(url)
        self._end(url)

    def _begin(self, url: Url) -> None:
        """Ask a node, unless we do."""
        if url not in self._views:
            self._views[url] = NodeView(endpoint=str(url))
            if self._group is not None:
                self._asking[url] = self._group.create_task(self._keep_asking(url))

    def _end(self, url: Url) -> None:
        """Ask a node no more, and forget it."""
        asking = self._asking.pop(url, None)
        if asking is not None:
            asking.cancel()
        self._named.pop(url, None)
        self._views.pop(url)

    # ---- members that nobody told us of -------------------------------------

    def _meet(self, url: Url, report: NodeReport) -> None:
        """Ask whom this node names, and those no more whom nobody names."""
        self._named[url] = report.members
        named: dict[str, Url | None] = {}
        for members in self._named.values():
            named |= members
        for other, view in list(self._views.items()):
            is_found = other not in self._configured and other != url
            # A second way to this node, or to one that is no member any more.
            if is_found and view.id is not None:
                if view.id == report.id or view.id not in named:
                    self._end(other)
        if any(view.state == UNKNOWN for view in self._views.values()):
            return  # it may be one of those that are named
        known = {view.id for view in self._views.values()}
        for member, its_url in named.items():
            if its_url is not None and member not in known:
                self._begin(its_url)

    # ---- asking -------------------------------------------------------------

    async def _keep_asking(self, url: Url) -> None:
        """Ask one node again and again."""
        while True:
            answer = await self._ask(url)
            before = self.views()
            self._take(url, answer)
            if self.views() != before:
                for callback in self._watchers:
                    callback()
            await self._timers.sleep(self._interval_seconds)

    async def _ask(self, url: Url) -> NodeReport | FetchError:
        """Return what a node says, or why it says nothing."""
        try:
            return await self._fetch_in_time(url)
        except FetchError as error:
            return error

    def _take(self, url: Url, answer: NodeReport | FetchError) -> None:
        """Know more of a node, and of whom it names."""
        if isinstance(answer, FetchError):
            self._views[url] = self._without_answer(url, str(answer))
            self._named.pop(url, None)
            return
        self._views[url] = NodeView(
            endpoint=str(url),
            id=answer.id,
            name=answer.name,
            term=answer.term,
            state=answer.state,
            leader=answer.leader,
        )
        self._meet(url, answer)

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
