"""All that a driver does about replicas that may differ: compare, and heal."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping

from raftwerk.core.state import State
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.calls import Answer, Calls
from raftwerk.runtime.comparison import LINKS_TOPIC, Comparison
from raftwerk.runtime.healing import STATE_TOPIC, Healer
from raftwerk.runtime.snapshots import Snapshots

__all__ = ["Soundness"]


class Soundness:
    """Compares this replica with the others, and heals it when it differs.

    Parameters
    ----------
    state : State
        The core's; only looked at.
    applier : Applier
        Knows what was done, and who differs.
    calls : Calls
        The way to the leader.
    snapshots : Snapshots
        The way of states.
    host : Host
        Time.
    answers : mutable mapping of str to Answer
        Where the calls are entered that we answer as the leader.
    propose : callable
        Proposes a record, encoded.
    hand_over : callable
        Has another one lead.
    on_failure : callable
        Takes an error that ends this member.
    patience_seconds : float
        After how long without a leader a quarantined member stands for election
        nevertheless: its log may be the only one that is complete.
    """

    # Each is one thing that it uses.
    def __init__(  # pylint: disable=too-many-arguments
        self,
        state: State,
        applier: Applier,
        calls: Calls,
        snapshots: Snapshots,
        host: Host,
        *,
        answers: MutableMapping[str, Answer],
        propose: Callable[[bytes], "asyncio.Future[object]"],
        hand_over: Callable[[], Awaitable[None]],
        on_failure: Callable[[BaseException], None],
        patience_seconds: float,
    ) -> None:
        self._state = state
        self._applier = applier
        self._clock = host.clock
        self._patience_seconds = patience_seconds
        self._quiet_since = host.clock.now()
        self._comparison = Comparison(state, applier, calls, host, propose)
        self._healer = Healer(
            state,
            applier,
            calls,
            snapshots,
            host.timers,
            hand_over=hand_over,
            on_failure=on_failure,
        )
        answers[LINKS_TOPIC] = self._comparison.on_links
        answers[STATE_TOPIC] = self._healer.on_wanted

    @property
    def may_stand(self) -> bool:
        """Whether this member may stand for election now.

        Returns
        -------
        bool
            False while it is quarantined and another one may be elected.
        """
        if not self._applier.is_quarantined:
            return True
        state, now = self._state, self._clock.now()
        is_quiet = state.election_elapsed + 1 >= state.election_timeout
        if not is_quiet:
            self._quiet_since = now
        return now - self._quiet_since >= self._patience_seconds

    def look(self) -> None:
        """See whether there is something to do; called at the end of each turn."""
        self._comparison.look()
        self._healer.look()

    def stop(self) -> None:
        """Do nothing more."""
        self._comparison.stop()
        self._healer.stop()
