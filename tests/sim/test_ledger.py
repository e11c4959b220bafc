"""What spans members is noticed: the ledger fails when it should."""

import pytest

from raftwerk.core.messages import AppendEntriesReply, RequestVoteReply
from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.kv import Put, encode
from raftwerk.sim.durable import Durable
from raftwerk.sim.ledger import Ledger, Seen
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex, NodeId, Term

ONE, TWO = NodeId(1), NodeId(2)


def entry(index: int, term: int, data: bytes = b"") -> Entry:
    return Entry(index=LogIndex(index), term=Term(term), data=data)


@pytest.fixture(name="ledger")
def _ledger() -> Ledger:
    return Ledger(Snapshot(index=LogIndex(1), term=Term(1)), lambda: 0.0)


def kind_of(error: pytest.ExceptionInfo[Violation]) -> Property:
    return error.value.kind


def test_two_leaders_of_one_term(ledger: Ledger) -> None:
    ledger.note_leader(Seen(ONE), Term(2))
    ledger.note_leader(Seen(ONE), Term(2))
    with pytest.raises(Violation) as error:
        ledger.note_leader(Seen(TWO), Term(2))
    assert kind_of(error) is Property.ELECTION_SAFETY


@pytest.mark.parametrize(
    ("other", "prev_term"), [(entry(2, 2, b"b"), 1), (entry(2, 2, b"a"), 2)]
)
def test_two_logs_that_differ_at_one_index_and_term(
    ledger: Ledger, other: Entry, prev_term: int
) -> None:
    ledger.note_append(Seen(ONE), [entry(2, 2, b"a")], Term(1), 1)
    ledger.note_append(Seen(TWO), [entry(2, 2, b"a")], Term(1), 1)
    with pytest.raises(Violation) as error:
        ledger.note_append(Seen(TWO), [other], Term(prev_term), 1)
    assert kind_of(error) is Property.LOG_MATCHING


def test_command_that_nobody_agreed_upon(ledger: Ledger) -> None:
    with pytest.raises(Violation) as error:
        ledger.note_applied(Seen(ONE), LogIndex(2), [encode(Put(b"a"))], [None], 2)
    assert kind_of(error) is Property.STATE_MACHINE_SAFETY


def test_state_that_was_never_agreed_upon(ledger: Ledger) -> None:
    ledger.note_restored(Seen(ONE), LogIndex(1), 1)
    with pytest.raises(Violation) as error:
        ledger.note_restored(Seen(ONE), LogIndex(1), 7)
    assert kind_of(error) is Property.EFFECTS


def test_answer_before_the_sync() -> None:
    durable = Durable(ONE)
    durable.note(LogIndex(5), HardState(Term(3), TWO))

    def reply(term: int, index: int) -> AppendEntriesReply:
        return AppendEntriesReply(
            sender=ONE, receiver=TWO, term=Term(term), match_index=LogIndex(index)
        )

    durable.check(reply(3, 5))
    durable.check(reply(2, 9))  # of an older term: nobody counts on it
    for promised in (reply(3, 6), reply(4, 1)):
        with pytest.raises(Violation) as error:
            durable.check(promised)
        assert kind_of(error) is Property.DURABLE_FIRST
    vote = RequestVoteReply(sender=ONE, receiver=ONE, term=Term(3), granted=True)
    with pytest.raises(Violation):
        durable.check(vote)


def test_restart_without_what_was_synced() -> None:
    durable = Durable(ONE)
    durable.note(LogIndex(5), HardState(Term(3), TWO))
    for last_index, hard_state in (
        (4, HardState(Term(3), TWO)),
        (5, HardState(Term(3), ONE)),
        (5, HardState(Term(2), TWO)),
    ):
        with pytest.raises(Violation) as error:
            durable.check_recovered(LogIndex(last_index), hard_state)
        assert kind_of(error) is Property.RECOVERY
    durable.cut(LogIndex(2))
    durable.check_recovered(LogIndex(3), HardState(Term(4)))
