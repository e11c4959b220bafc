"""What a member sees to by itself, though neither its log nor a client asks for it.

That its peers are known, and it is known to them; that it ends when it is removed; that
its replica is as the others'; that a leader's log says how much time has passed; that
another one leads when it goes. Each has a module of its own. They have in common when
they look: at the end of each turn of the driver, or when the members have changed.
"""

from collections.abc import Callable, MutableMapping
from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.replica import Replica
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.calls import Answer, Calls
from raftwerk.runtime.effects import Owner
from raftwerk.runtime.envelope import EnvelopeKind
from raftwerk.runtime.handover import Farewell
from raftwerk.runtime.log_time import LogTime
from raftwerk.runtime.members import Members
from raftwerk.runtime.presence import Presence
from raftwerk.runtime.removal import Removal
from raftwerk.runtime.requests import Requests
from raftwerk.runtime.snapshots import Snapshots
from raftwerk.runtime.soundness import Soundness
from raftwerk.runtime.versions import DRIFT_VERSION, SESSIONS_VERSION
from raftwerk.transport.protocol import Transport

__all__ = ["Duties"]

QUARANTINE_TIMEOUTS: Final = 10
"""Greatest election timeouts without a leader after which a quarantined member stands
for election nevertheless."""


class Duties:
    """All of them.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    replica : Replica
        The core; its state is looked at.
    applier : Applier
        Knows the members, and what was done.
    requests : Requests
        Proposes records.
    calls : Calls
        The way to the leader.
    snapshots : Snapshots
        The way of states.
    host : Host
        Time.
    transport : Transport
        Told of all peers.
    answers : mutable mapping of str to Answer
        Who answers calls while this member leads; what is asked of its duties is added.
    owner : Owner
        The driver.

    Attributes
    ----------
    presence : Presence
        Who is told of us, and whom the transport is told of.
    removal : Removal
        Ends this member once it is none.
    farewell : Farewell
        Lets another one lead.
    soundness : Soundness
        Whether this replica is as the others.
    """

    # Each is one part of a member.
    def __init__(  # pylint: disable=too-many-arguments
        self,
        config: NodeConfig,
        replica: Replica,
        applier: Applier,
        requests: Requests,
        calls: Calls,
        snapshots: Snapshots,
        *,
        host: Host,
        transport: Transport,
        answers: MutableMapping[str, Answer],
        owner: Owner,
    ) -> None:
        state, record = replica.state, EnvelopeKind.RECORD
        timeout_seconds = config.election_timeout_max_millis / 1000
        members: Callable[[], Members] = lambda: applier.members
        self.presence = Presence(
            config,
            transport,
            host.timers,
            members,
            lambda content: requests.propose(content, record),
        )
        self.removal = Removal(config, host.timers, members, owner.fail)
        self.farewell = Farewell(
            state,
            owner.give,
            lambda: requests.is_any_waiting,
            host.timers,
            timeout_seconds,
            lambda: applier.drift.quarantined,
        )
        self.soundness = Soundness(
            state,
            applier,
            calls,
            snapshots,
            host,
            answers=answers,
            propose=lambda content: requests.propose(content, record, DRIFT_VERSION),
            hand_over=self.farewell.hand_over,
            on_failure=owner.fail,
            patience_seconds=QUARANTINE_TIMEOUTS * timeout_seconds,
        )
        self._log_time = LogTime(
            state,
            applier,
            host,
            lambda content, term: requests.propose_as_leader(
                content, term, record, SESSIONS_VERSION
            ),
        )

    def look(self) -> None:
        """See to what may be due; called at the end of each turn."""
        self.farewell.look()
        self.soundness.look()
        self._log_time.look()

    def members_changed(self) -> None:
        """See to what follows when members, or their addresses, may be others now."""
        self.presence.look()
        self.removal.look()

    def stop(self) -> None:
        """See to nothing any more; the farewell is ended apart, after all requests."""
        self.presence.stop()
        self.removal.stop()
        self.soundness.stop()
        self._log_time.stop()
