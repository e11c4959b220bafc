"""One subscription a node, any number of pages: what nodes say is given to all.

While no page is open nobody subscribes, and the nodes pay nothing; some seconds after
the last one closed the hub lets go. What a page has to know to begin (who there is, in
which state, what happened lately) is kept, so that a page opened late is as true as one
opened early. Records are passed on as the nodes encoded them, in batches: what fans out
is bytes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.host.protocol import Host, Timer
from raftwerk.monitor.follower import Follower, Open
from raftwerk.monitor.pages import Page
from raftwerk.runtime.event_format import encode_record, header_record

__all__ = ["Hub"]

FLUSH_SECONDS: Final = 0.1
"""How long a record waits for company on its way to the pages."""

LINGER_SECONDS: Final = 5.0
"""How long the hub stays subscribed without a page: one that is loaded anew comes back
sooner."""

PAST_RECORDS: Final = 400
"""Events that are kept for pages that come late."""

PAGES_MAX: Final = 64


class _Head(msgspec.Struct):
    """What the hub reads of a record; the rest it only passes on."""

    type: str
    node: str = ""
    peer: str = ""


class _Contact(msgspec.Struct):
    """Where a member answers clients."""

    id: str
    client_urls: tuple[str, ...] = ()


class _Membership(msgspec.Struct):
    """What the hub reads of a record of members."""

    members: tuple[_Contact, ...]


KEPT: Final = frozenset({"header", "members", "peer", "state"})
"""Types of which the last one of each node is what a new page has to know."""

NAMING: Final = frozenset({"header", "members"})
"""Those of them that say who is who."""

PAST: Final = frozenset({"act", "event"})
"""Types that are kept in their order, for the timeline."""


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
    """

    def __init__(
        self,
        endpoints: Sequence[Url],
        open_stream: Open,
        host: Host,
        *,
        source: str = "monitor",
    ) -> None:
        self._configured = list(endpoints)
        self._open = open_stream
        self._clock = host.clock
        self._timers = host.timers
        self._source = source
        self._followers: dict[Url, Follower] = {}
        self._pages: list[Page] = []
        self._takers: list[Callable[[list[bytes]], None]] = []
        self._batch: list[bytes] = []
        self._kept: dict[tuple[str, str, str], bytes] = {}
        self._own: dict[tuple[str, str], bytes] = {}
        self._past: deque[bytes] = deque(maxlen=PAST_RECORDS)
        self._seen_past: set[int] = set()
        self._flushing: Timer | None = None
        self._letting_go: Timer | None = None
        self._is_stopped = False

    # ---- who watches --------------------------------------------------------

    @property
    def subscriptions(self) -> int:
        """How many nodes are followed now."""
        return len(self._followers)

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
        self._follow_all()
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
        self._follow_all()

    async def stop(self) -> None:
        """End all pages and all subscriptions."""
        self._is_stopped = True
        self._flush()
        for page in self._pages:
            page.close()
        await self._stop_following()
        for timer in (self._flushing, self._letting_go):
            if timer is not None:
                timer.cancel()

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
            self._own[record["type"], key] = line
        if record["type"] in PAST:
            self._past.append(line)
        self._put(line)

    def forget(self, kind: str, key: str) -> None:
        """Tell new pages nothing of this any more.

        Parameters
        ----------
        kind : str
            The type of a record that was published.
        key : str
            Its key.
        """
        self._own.pop((kind, key), None)

    def _beginning(self) -> list[bytes]:
        """Return what a page has to know first."""
        header = header_record(self._source, self._clock.wall())
        names: list[bytes] = []
        rest: list[bytes] = []
        for (kind, _, _), line in self._kept.items():
            (names if kind in NAMING else rest).append(line)
        # Who is who comes first: what happened is told by name.
        return [encode_record(header), *names, *self._own.values(), *self._past, *rest]

    def _take(self, follower: Follower, line: bytes) -> None:
        """Take what a node said."""
        try:
            head = msgspec.json.decode(line, type=_Head)
            if head.type == "members":
                self._meet(msgspec.json.decode(line, type=_Membership))
        except msgspec.MsgspecError:
            follower.refuse(f"not a record: {line[:80]!r}")
            return
        if head.type == "header":
            self._know(follower, head.node)
        if head.type in KEPT:
            self._kept[head.type, head.node, head.peer] = line
        elif head.type in PAST:
            # A node that is followed again tells its past again.
            mark = hash(line)
            if mark in self._seen_past:
                return
            self._seen_past.add(mark)
            if len(self._seen_past) > 8 * PAST_RECORDS:
                self._seen_past = {hash(each) for each in self._past}
            self._past.append(line)
        self._put(line)

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

    def _put(self, line: bytes) -> None:
        """Have a record wait for the next batch."""
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

    def add(self, url: Url) -> None:
        """Follow one more node whenever anybody looks.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """
        self._configured.append(url)
        if self._pages or self._takers:
            self._follow(url)

    def remove(self, url: Url) -> None:
        """Follow a node no more, unless the others name it as a member.

        Parameters
        ----------
        url : Url
            What `add` was given.
        """
        self._configured.remove(url)
        if url in self._followers:
            self._drop(url)

    def _follow_all(self) -> None:
        """Subscribe, unless we are."""
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        for url in self._configured:
            self._follow(url)

    def _follow(self, url: Url) -> None:
        """Subscribe to one node, once."""
        if url not in self._followers and not self._is_stopped:
            follower = Follower(
                url,
                self._open,
                clock=self._clock,
                timers=self._timers,
                take=self._take,
                reached=self._reached,
            )
            self._followers[url] = follower
            follower.start()

    def _meet(self, membership: _Membership) -> None:
        """Follow members that nobody follows yet; let go of those that left."""
        everyone = {each.id: each for each in membership.members}
        followed = {follower.node for follower in self._followers.values()}
        undecided = any(
            follower.node is None and follower.trouble is None
            for follower in self._followers.values()
        )
        for member in everyone.values():
            if member.id in followed or not member.client_urls or undecided:
                continue
            try:
                self._follow(Url.parse("client-urls", member.client_urls[0]))
            except ConfigError:
                continue  # it says so of itself; we can't go there
        for url, follower in list(self._followers.items()):
            is_gone = follower.node is not None and follower.node not in everyone
            if is_gone and url not in self._configured:
                self._drop(url)

    def _know(self, follower: Follower, node: str) -> None:
        """Note whose stream this is; two ways to one node are one too many."""
        follower.node = node
        for url, other in list(self._followers.items()):
            is_double = other is not follower and other.node == node
            if is_double and url not in self._configured:
                self._drop(url)

    def _drop(self, url: Url) -> None:
        """Follow a node no more, and forget it."""
        follower = self._followers.pop(url)
        follower.cancel()
        self.forget("reach", str(url))
        self.publish({"type": "gone", "endpoint": str(url), "node": follower.node})
        others = {each.node for each in self._followers.values()}
        if follower.node not in others:
            for key in [key for key in self._kept if key[1] == follower.node]:
                del self._kept[key]

    def _let_go(self) -> None:
        """Unsubscribe: nobody has looked for a while."""
        self._letting_go = None
        followers, self._followers = self._followers, {}
        for url, follower in followers.items():
            follower.cancel()
            self.forget("reach", str(url))
        self._kept.clear()

    async def _stop_following(self) -> None:
        """Unsubscribe, and wait until that is done."""
        followers, self._followers = self._followers, {}
        for follower in followers.values():
            follower.cancel()
        await asyncio.gather(*(each.wait() for each in followers.values()))
