"""Replicas tell the leader how far they are and what they were like; it has it judged.

Each link of a chain is told to the leader over the way of calls. When all voters have
told theirs for an index, or those that have not were waited for long enough, the leader
proposes what they said as one record (`drift.DriftReport`). Nothing is done while no
link is new: an idle group says nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from raftwerk.core.records import ConfState
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import NotLeader, RequestError
from raftwerk.host.protocol import Host, Timer
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.calls import Calls
from raftwerk.runtime.drift import Drift, DriftReport
from raftwerk.runtime.records import encode_record
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["LINKS_TOPIC", "Comparison", "report_for"]

LINKS_TOPIC: Final = "raftwerk/links"

PERIOD_SECONDS: Final = 1.0
"""How often a replica tells what is new."""

PATIENCE_SECONDS: Final = 5.0
"""How long the leader waits for voters that say nothing."""


class _Links(msgspec.Struct, frozen=True, array_like=True):
    """What one replica tells."""

    node_id: NodeId
    links: dict[LogIndex, bytes]


Said = dict[NodeId, dict[LogIndex, bytes]]
"""What replicas have told: their links, by index."""


def report_for(
    said: Said,
    drift: Drift,
    conf_state: ConfState,
    is_ripe: Callable[[LogIndex], bool],
) -> DriftReport | None:
    """Return what is to be judged next.

    Parameters
    ----------
    said : dict
        What replicas have told.
    drift : Drift
        The verdicts so far.
    conf_state : ConfState
        Who votes.
    is_ripe : callable
        Whether those who said nothing of an index were waited for long enough.

    Returns
    -------
    DriftReport or None
        The newest by which anything would be known that is not known yet.
    """
    voters = {*conf_state.voters, *conf_state.voters_outgoing}
    for index in sorted({i for links in said.values() for i in links}, reverse=True):
        links = {node: of[index] for node, of in said.items() if index in of}
        if not voters <= links.keys() and not is_ripe(index):
            continue
        report = DriftReport(index, tuple(sorted(links.items())))
        after = Drift(drift.record)
        after.apply(report, conf_state)
        if after.record != drift.record:
            return report
    return None


class Comparison:
    """Tells what this replica was like, and as the leader has replicas compared.

    Parameters
    ----------
    state : State
        The core's; only looked at.
    applier : Applier
        Has our own links.
    calls : Calls
        The way to the leader.
    host : Host
        Time.
    propose : callable
        Proposes a record, encoded.
    """

    def __init__(
        self,
        state: State,
        applier: Applier,
        calls: Calls,
        host: Host,
        propose: Callable[[bytes], "asyncio.Future[object]"],
    ) -> None:
        self._state = state
        self._applier = applier
        self._calls = calls
        self._host = host
        self._propose = propose
        self._said: Said = {}
        self._first_said: dict[LogIndex, float] = {}
        self._term = Term(0)
        self._timer: Timer | None = None
        self._telling: asyncio.Task[None] | None = None
        self._proposed: asyncio.Future[object] | None = None
        self._is_stopped = False

    # ---- telling ------------------------------------------------------------

    @property
    def _is_news(self) -> bool:
        """Whether there is something to tell."""
        applier = self._applier
        if applier.chain is None:
            return False
        # While somebody is quarantined a new leader has to know what is right.
        drift = applier.drift
        return applier.chain.index > drift.record.index or bool(drift.quarantined)

    def look(self) -> None:
        """Tell the leader of a new link, after a while; called at the end of a turn."""
        if self._timer is None and not self._is_stopped and self._is_news:
            self._timer = self._host.timers.call_later(PERIOD_SECONDS, self._due)

    def _due(self) -> None:
        """Tell, and look again."""
        self._timer = None
        if self._is_stopped or not self._is_news:
            return
        if self._telling is None or self._telling.done():
            loop = asyncio.get_running_loop()
            self._telling = loop.create_task(self._tell())
        self.look()

    async def _tell(self) -> None:
        """Tell the leader all our links."""
        chain = self._applier.chain
        if chain is None:
            return
        content = msgspec.msgpack.encode(_Links(self._state.id, chain.links))
        try:
            await self._calls.ask_leader(LINKS_TOPIC, content, PATIENCE_SECONDS)
        except RequestError:
            pass  # It is told again, as long as it is news.

    # ---- comparing ----------------------------------------------------------

    async def on_links(self, content: bytes) -> bytes:
        """Take what a replica tells us as the leader.

        Parameters
        ----------
        content : bytes
            Its links.

        Returns
        -------
        bytes
            Empty.

        Raises
        ------
        NotLeader
            If we do not lead.
        """
        state = self._state
        if state.role is not Role.LEADER:
            raise NotLeader(f"member {state.id:x} does not lead")
        if state.term != self._term:
            # What was told in another term may have been healed since.
            self._said, self._first_said, self._term = {}, {}, state.term
        told = msgspec.msgpack.decode(content, type=_Links)
        self._said[told.node_id] = told.links
        now = self._host.clock.now()
        for index in told.links:
            self._first_said.setdefault(index, now)
        self._compare(now)
        return b""

    def _compare(self, now_seconds: float) -> None:
        """Propose what is to be judged, one record at a time."""
        if self._proposed is not None and not self._proposed.done():
            return
        indexes = {index for links in self._said.values() for index in links}
        for index in self._first_said.keys() - indexes:
            del self._first_said[index]
        report = report_for(
            self._said,
            self._applier.drift,
            self._applier.conf_state,
            lambda index: now_seconds - self._first_said[index] >= PATIENCE_SECONDS,
        )
        if report is not None:
            try:
                self._proposed = self._propose(encode_record(report))
            except RequestError:
                return  # Too much waits already; it is told again.
            self._proposed.add_done_callback(_taken_note_of)

    def stop(self) -> None:
        """Tell nothing more."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._telling is not None:
            self._telling.cancel()


def _taken_note_of(future: "asyncio.Future[object]") -> None:
    """Leave it if a record was not proposed: what is still true is proposed again."""
    if not future.cancelled():
        future.exception()
