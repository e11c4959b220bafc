"""What a member may say is held against what its disk has, term by term."""

import pytest

from raftwerk.core.messages import AppendEntriesReply
from raftwerk.core.records import HardState
from raftwerk.sim.durable import Durable
from raftwerk.sim.violation import Violation
from raftwerk.types import LogIndex, NodeId, Term


def acknowledged(index: int, term: int) -> AppendEntriesReply:
    return AppendEntriesReply(
        sender=NodeId(1),
        receiver=NodeId(2),
        term=Term(term),
        match_index=LogIndex(index),
    )


@pytest.fixture(name="durable")
def _durable() -> Durable:
    durable = Durable(NodeId(1))
    durable.note(LogIndex(7), HardState(term=Term(3)))
    return durable


def test_answer_is_right_up_to_what_is_durable(durable: Durable) -> None:
    durable.check(acknowledged(7, 3))
    with pytest.raises(Violation, match="up to 7"):
        durable.check(acknowledged(8, 3))
    with pytest.raises(Violation, match="up to 7"):
        durable.check(acknowledged(7, 4))


def test_what_its_own_term_replaces_is_not_acknowledged_any_more(
    durable: Durable,
) -> None:
    durable.cut(LogIndex(5))
    with pytest.raises(Violation, match="up to 5"):
        durable.check(acknowledged(7, 3))


def test_late_answer_is_right_though_a_newer_term_is_about_to_replace_entries(
    durable: Durable,
) -> None:
    durable.cut(LogIndex(5), by_newer_term=True)
    durable.check(acknowledged(7, 3))
    with pytest.raises(Violation, match="up to 7"):
        durable.check(acknowledged(7, 4))


def test_log_may_restart_as_short_as_what_was_about_to_replace_it(
    durable: Durable,
) -> None:
    durable.cut(LogIndex(5), by_newer_term=True)
    with pytest.raises(Violation, match="durable were 5"):
        durable.check_recovered(LogIndex(4), HardState(term=Term(3)))
    durable.check_recovered(LogIndex(5), HardState(term=Term(3)))
