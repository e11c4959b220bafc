"""One line in the log for each event in the core that an operator should know of."""

from collections.abc import Sequence

import structlog

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    ConfSwitched,
    Event,
    QuorumLost,
    SnapshotRestored,
    TransferStarted,
)

__all__ = ["log_events"]

_log = structlog.get_logger("raftwerk.raft")


def log_events(events: Sequence[Event]) -> None:
    """Write what matters of the events of one turn.

    Parameters
    ----------
    events : sequence of Event
        As `raftwerk.runtime.Node.observe` gives them.
    """
    for event in events:
        match event:
            case BecameLeader():
                _log.info("leads", term=event.term)
            case BecameFollower(leader=None):
                _log.info("follows", term=event.term, leader=None)
            case BecameFollower():
                _log.info("follows", term=event.term, leader=f"{event.leader:x}")
            case BecameCandidate():
                _log.info("stands for election", term=event.term)
            case QuorumLost():
                _log.warning("ceases to lead: no majority answers")
            case ConfSwitched():
                state = event.conf_state
                _log.info(
                    "members changed",
                    voters=[f"{member:x}" for member in state.voters],
                    outgoing=[f"{member:x}" for member in state.voters_outgoing],
                    learners=[f"{member:x}" for member in state.learners],
                )
            case SnapshotRestored():
                _log.info("took over a snapshot")
            case TransferStarted():
                _log.info("hands leadership over", to=f"{event.transferee:x}")
