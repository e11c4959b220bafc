"""Held proposals into the core, a batch a turn; and back, if no leader wants them.

They go to whoever leads: into our own log if we do, by the core's own message if not.
"""

from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import Proposal
from raftwerk.core.replica import Replica
from raftwerk.errors import NotProposed
from raftwerk.host.protocol import Clock
from raftwerk.runtime.envelope import Sender
from raftwerk.runtime.waiters import Waiters
from raftwerk.transport.refusals import ProposalsRefused

__all__ = ["Proposing"]

BATCH_MAX: Final = 2000
"""Proposals that are made before others on the loop have their turn."""


class Proposing:
    """Hands held proposals to the core.

    Parameters
    ----------
    config : NodeConfig
        Bounds and times.
    replica : Replica
        The core.
    clock : Clock
        Says when a leader that took nothing is asked again.
    sender : Sender
        Knows what was proposed here.
    waiters : Waiters
        The proposals.
    """

    def __init__(
        self,
        config: NodeConfig,
        replica: Replica,
        clock: Clock,
        sender: Sender,
        waiters: Waiters,
    ) -> None:
        self._bytes_max = config.append_bytes_max
        self._pause_seconds = config.heartbeat_millis / 1000
        self._replica = replica
        self._clock = clock
        self._sender = sender
        self._waiters = waiters
        self._not_before = 0.0

    def propose_batch(self) -> bool:
        """Propose a batch of what is held, as far as the core takes it now.

        Returns
        -------
        bool
            Whether the next may follow in the next turn.
        """
        state = self._replica.state
        if not self._waiters.has_held or self._clock.now() < self._not_before:
            return False
        if state.leader is None:
            return False
        held = self._waiters.take_held(self._bytes_max, BATCH_MAX)
        if not held:
            return False
        term = state.term
        try:
            self._replica.step(
                Propose(tuple([Proposal(waiter.data) for waiter in held]))
            )
        except NotProposed:
            # Too much waits for a quorum, or leadership is being handed over: both end,
            # and each turn tries again.
            self._waiters.put_back(held)
            return False
        self._waiters.proposed(held, term)
        return self._waiters.has_held

    def leader_changed(self) -> None:
        """Propose at once: whoever leads now has not been asked yet."""
        self._not_before = 0.0

    def handed_back(self, refusal: ProposalsRefused) -> None:
        """Hold again what the leader did not take, and leave it alone for a while.

        It hands leadership over, which is seen when it is done, or it has its hands
        full, so that the same again at once would make it worse.

        Parameters
        ----------
        refusal : ProposalsRefused
            A leader's, or of a member that was taken for one.
        """
        numbers = [self._sender.number_of_ticket(ticket) for ticket in refusal.tickets]
        self._waiters.handed_back(
            [number for number in numbers if number is not None], refusal.term
        )
        self._not_before = self._clock.now() + self._pause_seconds
