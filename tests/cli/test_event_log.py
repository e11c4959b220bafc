"""One line for each event that matters, none for the others."""

import structlog

from raftwerk.cli.event_log import log_events
from raftwerk.core.events import (
    BecameFollower,
    BecameLeader,
    BecamePreCandidate,
    ConfSwitched,
    QuorumLost,
)
from raftwerk.core.records import ConfState
from raftwerk.types import NodeId, Term

ONE, TERM = NodeId(0xA), Term(3)


def test_what_an_operator_should_know_is_one_line_each() -> None:
    with structlog.testing.capture_logs() as logged:
        log_events(
            [
                BecamePreCandidate(node=ONE, term=TERM),
                BecameLeader(node=ONE, term=TERM),
                QuorumLost(node=ONE),
                BecameFollower(node=ONE, term=TERM, leader=None),
                BecameFollower(node=ONE, term=TERM, leader=NodeId(0xB)),
                ConfSwitched(node=ONE, conf_state=ConfState(voters=(ONE,))),
            ]
        )
    assert logged == [
        {"event": "leads", "log_level": "info", "term": 3},
        {"event": "ceases to lead: no majority answers", "log_level": "warning"},
        {"event": "follows", "log_level": "info", "term": 3, "leader": None},
        {"event": "follows", "log_level": "info", "term": 3, "leader": "b"},
        {
            "event": "members changed",
            "log_level": "info",
            "voters": ["a"],
            "outgoing": [],
            "learners": [],
        },
    ]
