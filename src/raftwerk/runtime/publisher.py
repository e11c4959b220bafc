"""Each member tells the group of itself: name, addresses, data directory, version.

It does so through the log, when it has started and what the group knows of it is not
what is true. Until that is applied it tries again.
"""

import asyncio
from collections.abc import Callable

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.errors import NotProposed
from raftwerk.host.protocol import Timer, Timers
from raftwerk.runtime.members import Member, Members, PublishMember
from raftwerk.runtime.versions import READABLE_VERSION

__all__ = ["Publisher"]

_AGAIN_SECONDS = 1.0


class Publisher:
    """Keeps the group's record of this member true.

    Parameters
    ----------
    config : NodeConfig
        What is true; without a directory id nothing is told.
    timers : Timers
        For another try.
    members : callable
        Returns what the group knows.
    propose : callable
        Proposes a record.
    """

    def __init__(
        self,
        config: NodeConfig,
        timers: Timers,
        members: Callable[[], Members],
        propose: Callable[[bytes], "asyncio.Future[object]"],
    ) -> None:
        self._truth = Member(
            node_id=config.node_id,
            name=config.name,
            peer_urls=config.peer_urls,
            client_urls=config.client_urls,
            directory_id=config.directory_id,
            version=READABLE_VERSION,
        )
        self._timers = timers
        self._members = members
        self._propose = propose
        self._told = self._truth
        self._is_pending = False
        self._is_stopped = False
        self._timer: Timer | None = None

    def look(self) -> None:
        """Tell the group of this member if what it knows is not true."""
        known = self._members().by_id.get(self._truth.node_id)
        if (
            self._is_pending
            or self._is_stopped
            or known is None
            or _is_said(known, self._truth)
            or not self._truth.has_started
        ):
            return
        self._is_pending = True
        try:
            self._told = self._truth
            future = self._propose(msgspec.msgpack.encode(PublishMember(self._truth)))
        except NotProposed:
            self._try_later()  # Too much waits already: that ends.
        else:
            future.add_done_callback(self._settled)

    def move(self, peer_urls: tuple[str, ...]) -> None:
        """Know that this member is reached elsewhere from now on, and tell the group.

        Parameters
        ----------
        peer_urls : tuple of str
            Where.
        """
        if peer_urls != self._truth.peer_urls:
            self._truth = msgspec.structs.replace(self._truth, peer_urls=peer_urls)
            self.look()

    def _settled(self, future: "asyncio.Future[object]") -> None:
        """Try again a little later unless it was applied."""
        if future.cancelled() or future.exception() is not None:
            self._try_later()
        else:
            self._is_pending = False
            if self._told != self._truth:
                self.look()  # we have moved meanwhile

    def _try_later(self) -> None:
        """Look once more in a while."""
        if not self._is_stopped:
            self._timer = self._timers.call_later(_AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        """Look once more."""
        self._is_pending = False
        self.look()

    def stop(self) -> None:
        """Tell nothing more."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()


def _is_said(known: Member, truth: Member) -> bool:
    """Tell whether the group knows what we say of ourselves, whatever others add."""
    said = msgspec.structs.replace(
        known,
        peer_urls=known.said_peer_urls,
        said_peer_urls=(),
        replaces=truth.replaces,
        wants_vote=truth.wants_vote,
    )
    return said == truth
