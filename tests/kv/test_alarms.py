"""What may not be done while an alarm is raised, and that all members know of it."""

import pytest

from raftwerk.kv import (
    AlarmKind,
    AlarmResult,
    Command,
    Compact,
    Compare,
    CorruptCluster,
    DeleteRange,
    GrantLease,
    NoSpace,
    Put,
    Range,
    Result,
    RevokeLease,
    SetAlarm,
    Store,
    Txn,
    encode,
)

NOSPACE, CORRUPT = AlarmKind.NOSPACE, AlarmKind.CORRUPT

COMMANDS: list[tuple[Command, bool]] = [
    # command                                             takes room
    (Put(b"b"), True),
    (Txn(success=(Put(b"b"),)), True),
    (Txn((Compare(b"no"),), (), (Put(b"b"),)), True),
    (Txn(success=(Txn(failure=(Put(b"b"),)),)), True),
    (Txn(success=(Range(b"b"), DeleteRange(b"b"))), False),
    (GrantLease(8, 60), True),
    (RevokeLease(7), False),
    (DeleteRange(b"a"), False),
    (Compact(2), False),
]


def apply(store: Store, *batch: Command) -> list[Result]:
    """Apply commands in one batch."""
    index = store.applied_index + 1
    return store.apply(index, [encode(command) for command in batch])


@pytest.fixture(name="store")
def fixture_store() -> Store:
    store = Store()
    apply(store, GrantLease(7, 60), Put(b"a"))
    return store


@pytest.mark.parametrize(("command", "takes_room"), COMMANDS)
def test_only_what_takes_room_is_refused_when_there_is_none(
    store: Store, command: Command, takes_room: bool
) -> None:
    _, result = apply(store, SetAlarm(True, 3, NOSPACE), command)
    assert isinstance(result, NoSpace) is takes_room
    if takes_room:
        assert store.revision == 2
        _, result = apply(store, SetAlarm(False, 3, NOSPACE), command)
    assert not isinstance(result, Exception)


@pytest.mark.parametrize("command", [command for command, _ in COMMANDS])
def test_nothing_is_changed_while_members_differ(
    store: Store, command: Command
) -> None:
    _, result = apply(store, SetAlarm(True, 3, CORRUPT), command)
    assert isinstance(result, CorruptCluster)
    assert store.range(Range(b"a")).count == 1, "what is there can be read"


def test_alarms_are_told_apart_by_kind_and_member(store: Store) -> None:
    results = apply(
        store,
        SetAlarm(True, 9, NOSPACE),
        SetAlarm(True, 3, CORRUPT),
        SetAlarm(True, 3, NOSPACE),
        SetAlarm(True, 3, NOSPACE),  # again
        SetAlarm(False, 4, NOSPACE),
        SetAlarm(False, 9, NOSPACE),
    )
    known = [result.is_known for result in results if isinstance(result, AlarmResult)]
    assert known == [True, True, True, True, False, True]
    assert store.alarms() == [(NOSPACE, 3), (CORRUPT, 3)]


def test_a_snapshot_has_the_alarms(store: Store) -> None:
    apply(store, SetAlarm(True, 3, NOSPACE))
    twin = Store()
    twin.restore(list(store.snapshot()))
    assert twin.alarms() == store.alarms()
