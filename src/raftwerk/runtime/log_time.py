"""Time for what is kept in the log for a while: leaders say how much has passed.

Each leader counts by its own clock, from the moment at which it first looked, and says
so now and then; what passed between two leaders is not counted. So the log's time is
never ahead of the world's (but for a clock that is fast), and lags behind it by each
election: what is promised for an hour lasts an hour at least. While nothing is kept
nobody says anything.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import RequestError
from raftwerk.host.protocol import Host, Timer
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.records import PassTime, encode_record
from raftwerk.types import NO_TERM, Term

__all__ = ["LogTime"]

PERIOD_SECONDS: Final = 10.0
"""How often a leader says that time has passed."""

_LEADER: Final = Role.LEADER
"""Looked up once: members of an enumeration are dear, and each turn asks."""


class LogTime:
    """Says how much time has passed, while this member leads.

    Parameters
    ----------
    state : State
        The core's; only looked at.
    applier : Applier
        Knows whether there is anything that could expire.
    host : Host
        Time.
    propose : callable
        Proposes a record as the leader of a term.
    """

    def __init__(
        self,
        state: State,
        applier: Applier,
        host: Host,
        propose: Callable[[bytes, Term], "asyncio.Future[object]"],
    ) -> None:
        self._state = state
        self._applier = applier
        self._host = host
        self._propose = propose
        self._term = Term(0)
        self._counted_seconds = 0.0
        self._timer: Timer | None = None
        self._is_stopped = False

    def look(self) -> None:
        """Begin to count if there is a need; called at the end of each turn."""
        if self._state.role is not _LEADER:
            self._term = NO_TERM  # what passes until we count again is nobody's
            return
        if self._timer is not None or self._is_stopped or not self._is_needed:
            return
        if self._term != self._state.term:
            self._term = self._state.term
            self._counted_seconds = self._host.clock.now()
        self._timer = self._host.timers.call_later(PERIOD_SECONDS, self._due)

    @property
    def _is_needed(self) -> bool:
        """Whether it is ours to say how time passes."""
        is_leader = self._state.role is Role.LEADER
        if not (is_leader and self._applier.answers.is_any):
            self._term = Term(0)  # what passes until we count again is nobody's
            return False
        return True

    def _due(self) -> None:
        """Say what has passed."""
        self._timer = None
        if self._is_stopped or not self._is_needed:
            return
        if self._term == self._state.term:
            seconds = int(self._host.clock.now() - self._counted_seconds)
            try:
                future = self._propose(encode_record(PassTime(seconds)), self._term)
            except RequestError:
                pass  # It is counted the next time.
            else:
                # Should it be lost, time passes a little more slowly.
                self._counted_seconds += seconds
                future.add_done_callback(_taken_note_of)
        self.look()

    def stop(self) -> None:
        """Say nothing more."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()


def _taken_note_of(future: "asyncio.Future[object]") -> None:
    """Leave it if a record was not proposed."""
    if not future.cancelled():
        future.exception()
