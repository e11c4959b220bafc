"""One subscription a node, any number of pages: what nodes say is given to all.

While no page is open nobody subscribes, and the nodes pay nothing; some seconds after
the last one closed the hub lets go. Records are passed on as the nodes encoded them, in
batches: what fans out is bytes. `following` knows whom to subscribe to, `known` what a
page is shown first.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from raftwerk.config import Url
from raftwerk.host.protocol import Host, Timer
from raftwerk.monitor.follower import Follower, Open
from raftwerk.monitor.following import Following, Membership
from raftwerk.monitor.known import KEPT, PAST, Known
from raftwerk.monitor.pages import Page
from raftwerk.runtime.event_format import encode_record, header_record

__all__ = ["Hub"]

FLUSH_SECONDS: Final = 0.1
"""How long a record waits for company on its way to the pages."""

LINGER_SECONDS: Final = 5.0
"""How long the hub stays subscribed without a page: one that is loaded anew comes back
sooner."""

PAGES_MAX: Final = 64

NEWS: Final = frozenset(
    {"alarms", "event", "gone", "links", "peer", "process", "reach"}
)
"""Types after which the cluster may be better or worse off than before."""


class _Head(msgspec.Struct):
    """What the hub reads of a record; the rest it only passes on."""

    type: str
    node: str = ""
    peer: str = ""
    name: str = ""


class Hub:
    """What stands between the nodes and the pages.

    Parameters
    ----------
    endpoints : sequence of Url
        Nodes to begin with; the members that these name are found by themselves.
    open_stream : Open
        Opens the stream of a node.
    host : Host
        Clock and timers.
    source : str
        What the header of pages says of us: ``monitor`` or ``demo``.

    Attributes
    ----------
    looked_at : asyncio.Event
        Whether anybody looks, be it a page or a recording.
    news : asyncio.Event
        Set whenever something happened to the cluster; whoever waits for it clears it.
    """

    def __init__(
        self,
        endpoints: Sequence[Url],
        open_stream: Open,
        host: Host,
        *,
        source: str = "monitor",
    ) -> None:
        self.looked_at = asyncio.Event()
        self.news = asyncio.Event()
        self._open = open_stream
        self._clock = host.clock
        self._timers = host.timers
        self._source = source
        self._following = Following(endpoints, self._make_follower, self._dropped)
        self._known = Known()
        self._pages: list[Page] = []
        self._takers: list[Callable[[list[bytes]], None]] = []
        self._batch: list[bytes] = []
        self._flushing: Timer | None = None
        self._letting_go: Timer | None = None
        self._is_stopped = False

    # ---- who watches --------------------------------------------------------

    @property
    def subscriptions(self) -> int:
        """How many nodes are followed now."""
        return self._following.count

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    def open_page(self) -> Page | None:
        """Show one more page everything from now on.

        Returns
        -------
        Page or None
            To be given to `close_page`; None if there are too many.
        """
        if self._is_stopped or len(self._pages) >= PAGES_MAX:
            return None
        self._subscribe()
        self._flush()
        page = Page()
        page.put(self._beginning())
        self._pages.append(page)
        return page

    def close_page(self, page: Page) -> None:
        """Show one page less.

        Parameters
        ----------
        page : Page
            What `open_page` returned.
        """
        page.close()
        if page in self._pages:
            self._pages.remove(page)
        if not self._pages and not self._takers and not self._is_stopped:
            self._letting_go = self._timers.call_later(LINGER_SECONDS, self._let_go)

    def record(self, taker: Callable[[list[bytes]], None]) -> None:
        """Have everything given to a taker as well, pages or none; until the end.

        Parameters
        ----------
        taker : callable
            Takes records, each a line without its end.
        """
        taker(self._beginning())
        self._takers.append(taker)
        self._subscribe()

    async def stop(self) -> None:
        """End all pages and all subscriptions."""
        self._is_stopped = True
        self.looked_at.clear()
        self._flush()
        for page in self._pages:
            page.close()
        await self._following.stop()
        for timer in (self._flushing, self._letting_go):
            if timer is not None:
                timer.cancel()

    def _subscribe(self) -> None:
        """Subscribe, unless we are."""
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        if not self._is_stopped:
            self._following.begin()
            self.looked_at.set()

    def _let_go(self) -> None:
        """Unsubscribe: nobody has looked for a while."""
        self._letting_go = None
        self.looked_at.clear()
        for follower in self._following.end():
            self.forget("reach", str(follower.url))
        self._known.forget_nodes()

    # ---- what is said -------------------------------------------------------

    def publish(self, record: Mapping[str, Any], *, key: str = "") -> None:
        """Give a record of our own to all pages.

        Parameters
        ----------
        record : mapping
            Its time is added if it has none.
        key : str
            Not empty: the last one of its type and key is what new pages have to know.
        """
        line = encode_record({"t": self._clock.wall(), **record})
        if key:
            self._known.keep_own(line, record["type"], key)
        if record["type"] in PAST:
            self._known.remember(line, record["type"])
        self._put(line, record["type"])

    def forget(self, kind: str, key: str) -> None:
        """Tell new pages nothing of this any more.

        Parameters
        ----------
        kind : str
            The type of a record that was published.
        key : str
            Its key.
        """
        self._known.forget_own(kind, key)

    def _beginning(self) -> list[bytes]:
        """Return what a page has to know first."""
        header = header_record(self._source, self._clock.wall())
        return [encode_record(header), *self._known]

    def _put(self, line: bytes, kind: str) -> None:
        """Have a record wait for the next batch."""
        if kind in NEWS:
            self.news.set()
        self._batch.append(line)
        if self._flushing is None:
            self._flushing = self._timers.call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        """Give what waits to all, as one batch."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        batch, self._batch = self._batch, []
        if batch:
            for taker in self._takers:
                taker(batch)
            for page in self._pages:
                page.put(batch)

    # ---- whom we follow -----------------------------------------------------

    @property
    def urls(self) -> list[Url]:
        """Where nodes are known to answer: the endpoints, and whom they named."""
        return self._following.urls

    def add(self, url: Url) -> None:
        """Follow one more node whenever anybody looks.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """
        self._following.add(url)

    def remove(self, url: Url) -> None:
        """Follow a node no more, unless the others name it as a member.

        Parameters
        ----------
        url : Url
            What `add` was given.
        """
        self._following.remove(url)

    def _make_follower(self, url: Url) -> Follower:
        """Return a follower whose words come to us."""
        return Follower(
            url,
            self._open,
            clock=self._clock,
            timers=self._timers,
            take=self._take,
            reached=self._reached,
        )

    def _take(self, follower: Follower, line: bytes) -> None:
        """Take what a node said."""
        try:
            head = msgspec.json.decode(line, type=_Head)
            if head.type == "members":
                self._following.meet(msgspec.json.decode(line, type=Membership))
        except msgspec.MsgspecError:
            follower.refuse(f"not a record: {line[:80]!r}")
            return
        if head.type == "header":
            self._following.know(follower, head.node)
        if head.type in KEPT:
            self._known.keep(line, head.type, head.node, head.peer)
        elif head.type in PAST and not self._known.remember(line, head.name):
            return
        self._put(line, head.type)

    def _reached(self, follower: Follower) -> None:
        """Tell whether a node can be reached."""
        self.publish(
            {
                "type": "reach",
                "endpoint": str(follower.url),
                "node": follower.node,
                "is_reachable": follower.trouble is None,
                "since": follower.since,
                "trouble": follower.trouble or "",
            },
            key=str(follower.url),
        )

    def _dropped(self, follower: Follower) -> None:
        """Tell that a node is followed no more, and forget it."""
        url = str(follower.url)
        self.forget("reach", url)
        self.publish({"type": "gone", "endpoint": url, "node": follower.node})
        if follower.node not in self._following.nodes:
            self._known.forget_node(follower.node)
