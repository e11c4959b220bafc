"""What clients were told and can't be: each model of the judge fails when it should."""

import pytest

from raftwerk.core.records import Snapshot
from raftwerk.kv import Command, DeleteRange, Event, GrantLease, Put, Txn, encode
from raftwerk.sim.history import Action, Answer, Operation
from raftwerk.sim.judge import judge, judge_leases
from raftwerk.sim.ledger import Ledger
from raftwerk.sim.records import Holding, Records, Repeated, Transfer, Watched
from raftwerk.sim.violation import Property, Violation

NOW = 100.0


@pytest.fixture(name="ledger")
def _ledger() -> Ledger:
    """Revision 2 puts a=1, 3 moves money, 4 and 5 take a place in line, 6 frees one."""
    ledger = Ledger(Snapshot(), lambda: 0.0)
    move = Txn(success=(Put(b"x", b"-5 m"), Put(b"y", b"5 m")))
    commands: tuple[Command, ...] = (
        Put(b"key a", b"1"),
        move,
        Put(b"lock/9", b""),
        Put(b"lock/3", b""),
        DeleteRange(b"lock/9"),
    )
    for index, command in enumerate(commands, 1):
        ledger.store.apply(index, [encode(command)])
    return ledger


def violated(ledger: Ledger, records: Records) -> Property | None:
    """Return what does not hold, if anything."""
    try:
        judge(ledger, records, NOW)
    except Violation as violation:
        return violation.kind
    return None


def put(revision: int | None) -> Operation:
    answer = None if revision is None else Answer(revision=revision)
    return Operation(
        client=1,
        action=Action.PUT,
        key=b"key a",
        value=b"1",
        started=1.0,
        ended=2.0,
        answer=answer,
    )


def read(value: bytes | None, revision: int, mod: int) -> Operation:
    answer = Answer(revision=revision, value=value, mod_revision=mod)
    return Operation(
        client=2,
        action=Action.READ,
        key=b"key a",
        started=3.0,
        ended=4.0,
        answer=answer,
    )


@pytest.mark.parametrize("revision", [2, None])
def test_read_sees_what_was_written_before(
    ledger: Ledger, revision: int | None
) -> None:
    records = Records()
    records.operations = [put(revision), read(b"1", 5, 2)]
    assert violated(ledger, records) is None


def test_stale_read_is_seen(ledger: Ledger) -> None:
    records = Records()
    records.operations = [put(2), read(None, 1, 0)]
    assert violated(ledger, records) is Property.LINEARIZABLE


@pytest.mark.parametrize(
    ("found", "revision", "expected"),
    [
        ((b"-5 m", b"5 m"), 3, None),
        ((None, None), 2, None),
        ((b"-5 m", None), 3, Property.TRANSACTIONS),
        ((b"-5 m", b"5 m"), 2, Property.TRANSACTIONS),
    ],
)
def test_read_of_two_keys_is_of_one_revision(
    ledger: Ledger,
    found: tuple[bytes | None, ...],
    revision: int,
    expected: Property | None,
) -> None:
    records = Records()
    records.transfers = [
        Transfer(
            keys=(b"x", b"y"), started=1.0, ended=2.0, revision=revision, found=found
        )
    ]
    assert violated(ledger, records) is expected


def test_transaction_that_is_older_than_what_was_told_before(ledger: Ledger) -> None:
    records = Records()
    new = Transfer(
        keys=(b"x", b"y"), started=1.0, ended=2.0, revision=3, found=(b"-5 m", b"5 m")
    )
    old = Transfer(
        keys=(b"x", b"y"), started=3.0, ended=4.0, revision=2, found=(None, None)
    )
    records.transfers = [new, old]
    assert violated(ledger, records) is Property.TRANSACTIONS


@pytest.mark.parametrize(
    ("key", "revision", "expected"),
    [
        (b"lock/9", 5, None),
        (b"lock/3", 6, None),
        (b"lock/3", 5, Property.LOCKS),
        (b"lock/9", 6, Property.LOCKS),
    ],
)
def test_owner_is_who_came_first_and_is_there(
    ledger: Ledger, key: bytes, revision: int, expected: Property | None
) -> None:
    records = Records()
    records.holdings = [Holding(1, b"lock", key, revision, 1.0)]
    assert violated(ledger, records) is expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ([0, 1, 2, 3, 4, 5], None),
        ([0, 2, 3, 4, 5], Property.WATCHES),
        ([0, 0, 1, 2, 3, 4, 5], Property.WATCHES),
        ([1, 0, 2, 3, 4, 5], Property.WATCHES),
    ],
)
def test_each_change_is_told_once_in_order(
    ledger: Ledger, chosen: list[int], expected: Property | None
) -> None:
    events: list[Event] = ledger.store.events(1)
    told = [events[place] for place in chosen]
    records = Records()
    records.watches = [Watched(1, b"\0", b"\0", next_revision=7, events=told)]
    assert violated(ledger, records) is expected


def test_what_was_said_to_be_forgotten_need_not_be_told(ledger: Ledger) -> None:
    records = Records()
    told = [event for event in ledger.store.events(1) if event.kv.mod_revision > 3]
    gaps = [(1, 4)]
    records.watches = [Watched(1, b"\0", b"\0", 7, told, gaps)]
    assert violated(ledger, records) is None


def test_lease_ends_neither_too_early_nor_too_late(ledger: Ledger) -> None:
    ledger.store.apply(9, [encode(GrantLease(7, 5))])
    records = Records()
    records.leases = {7: (10.0, 5)}
    judge_leases(ledger, records, {7: 15.0}, NOW, 1.0)
    judge_leases(ledger, records, {7: 12.5}, NOW, 2.0)
    for ended, now in (({7: 14.9}, NOW), ({}, NOW)):
        with pytest.raises(Violation) as error:
            judge_leases(ledger, records, ended, now, 1.0)
        assert error.value.kind is Property.LEASES


@pytest.mark.parametrize(
    ("value", "revisions", "expected"),
    [
        (b"1", [2], None),
        (b"1", [2, 2], None),
        (b"1", [], None),
        (b"never written", [], None),
        (b"1", [3], Property.ONCE),
        (b"1", [2, 9], Property.ONCE),
        (b"never written", [2], Property.ONCE),
    ],
)
def test_what_is_done_once_was_done_where_each_answer_says(
    ledger: Ledger, value: bytes, revisions: list[int], expected: Property | None
) -> None:
    records = Records()
    records.repeated.append(Repeated(1, b"key a", value, revisions))
    assert violated(ledger, records) is expected


def test_what_was_done_twice_was_not_done_once(ledger: Ledger) -> None:
    ledger.store.apply(6, [encode(Put(b"key a", b"1"))])
    records = Records()
    records.repeated.append(Repeated(1, b"key a", b"1", [2]))
    assert violated(ledger, records) is Property.ONCE
