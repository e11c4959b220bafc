"""Leases: what they hold, how they end, and who may say so."""

import pytest

from raftwerk.errors import InvariantViolation
from raftwerk.kv import (
    CheckpointLeases,
    Command,
    DeleteRange,
    Event,
    ExpireLeases,
    GrantLease,
    GrantResult,
    KeyValue,
    KvError,
    LeadLeases,
    LeaseExists,
    LeaseNotFound,
    LeasesResult,
    LeaseTooLong,
    Put,
    Range,
    RevokeLease,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.leases import Lease, Leases

EVERYTHING = Range(b"\0", b"\0")


def apply(store: Store, *wanted: Command) -> list[object]:
    """Return the results of a batch, refusals by their kind."""
    results = store.apply(1, [encode(command) for command in wanted])
    return [type(each) if isinstance(each, KvError) else each for each in results]


@pytest.fixture(name="store")
def fixture_store() -> Store:
    """A store with one lease, whose leader counts in term 3."""
    store = Store()
    apply(store, LeadLeases(3), GrantLease(7, 60))
    return store


GRANTS = [
    # command                        result                why
    (GrantLease(8, 60), GrantResult(1, 60), "as asked"),
    (GrantLease(-8, 60), GrantResult(1, 60), "an id may be negative"),
    (GrantLease(8, 1), GrantResult(1, 2), "two seconds are the least"),
    (GrantLease(8, -5), GrantResult(1, 2), "whatever is asked"),
    (GrantLease(8, 9_000_000_000), GrantResult(1, 9_000_000_000), "the longest"),
    (GrantLease(8, 9_000_000_001), LeaseTooLong, "longer than the longest"),
    (GrantLease(7, 60), LeaseExists, "an id twice"),
    (GrantLease(0, 60), LeaseNotFound, "no id; the word is etcd's"),
]


@pytest.mark.parametrize(("command", "result", "why"), GRANTS)
def test_a_grant_takes_no_revision(
    store: Store, command: GrantLease, result: object, why: str
) -> None:
    assert apply(store, command) == [result], why
    assert store.revision == 1


def test_a_lease_takes_its_keys_with_it_in_one_revision(store: Store) -> None:
    apply(store, Put(b"b", lease=7), Put(b"a"), Put(b"c", lease=7), Put(b"d"))
    assert apply(store, RevokeLease(7)) == [LeasesResult(6, 1)]
    assert [kv.key for kv in store.range(EVERYTHING).kvs] == [b"a", b"d"]
    assert [event.kv.key for event in store.events(6)] == [b"b", b"c"]
    assert store.lease(7) is None
    store.check()


def test_a_lease_without_keys_takes_no_revision_at_its_end(store: Store) -> None:
    assert apply(store, RevokeLease(7), RevokeLease(7)) == [
        LeasesResult(1, 1),
        LeaseNotFound,
    ]


def test_keys_around_and_between_those_of_a_lease_stay(store: Store) -> None:
    """All but one of the keys are the lease's: they are not cut out as a whole."""
    attached = [Put(b"%d" % number, lease=7) for number in (0, 1, 3, 4)]
    apply(store, *attached, Put(b"2"), RevokeLease(7))
    assert [kv.key for kv in store.range(EVERYTHING).kvs] == [b"2"]
    store.check()


KEPT = [
    # what happens to the key             its lease  why
    ([Put(b"a", b"2", lease=7)], 7, "a put with the lease attaches it again"),
    ([Put(b"a", b"2")], 0, "a put without one detaches it"),
    ([Put(b"a", b"2", ignore_lease=True)], 7, "unless it is to keep the lease"),
    ([GrantLease(8, 9), Put(b"a", lease=8)], 8, "it moves to another lease"),
    ([DeleteRange(b"a")], 0, "a deletion detaches it"),
    ([DeleteRange(b"a"), Put(b"a")], 0, "and a put does not attach it again"),
    ([Txn(success=(Put(b"a"),))], 0, "a transaction is no exception"),
]


@pytest.mark.parametrize(("commands", "lease", "why"), KEPT)
def test_a_key_ends_with_the_lease_of_its_last_put(
    store: Store, commands: list[Command], lease: int, why: str
) -> None:
    apply(store, Put(b"a", b"1", lease=7), *commands)
    for each in (7, 8):
        assert store.lease_keys(each) == ([b"a"] if each == lease else []), why
    store.check()


def test_a_transaction_with_an_unknown_lease_does_nothing(store: Store) -> None:
    txn = Txn(success=(Put(b"a"), Put(b"b", lease=8)))
    assert apply(store, txn) == [LeaseNotFound]
    assert store.range(EVERYTHING).count == 0


def test_each_lease_expires_at_a_revision_of_its_own(store: Store) -> None:
    apply(store, GrantLease(8, 9), GrantLease(9, 9))
    apply(store, Put(b"a", lease=8), Put(b"b", lease=7))
    assert apply(store, ExpireLeases(3, (7, 9, 8, 7))) == [LeasesResult(5, 3)]
    assert store.events(4) == [
        Event(KeyValue(b"b", 0, 4, 0), KeyValue(b"b", 3, 3, 1, b"", 7)),
        Event(KeyValue(b"a", 0, 5, 0), KeyValue(b"a", 2, 2, 1, b"", 8)),
    ]


@pytest.mark.parametrize("term", [0, 2, 4])
def test_what_a_leader_of_another_term_says_has_no_effect(
    store: Store, term: int
) -> None:
    """The rule of etcd issues 12528 and 15247: who slept must not end anything."""
    results = apply(store, ExpireLeases(term, (7,)), CheckpointLeases(term, ((7, 1),)))
    assert results == [LeasesResult(1, 0), LeasesResult(1, 0)]
    assert store.lease(7) == Lease(7, 60)


def test_what_the_former_leader_says_has_no_effect_once_another_counts(
    store: Store,
) -> None:
    apply(store, LeadLeases(4), ExpireLeases(3, (7,)))
    assert store.lease(7) is not None
    apply(store, ExpireLeases(4, (7,)))
    assert store.lease(7) is None


def test_what_is_left_of_a_lease_is_remembered_until_it_is_kept_alive(
    store: Store,
) -> None:
    apply(store, CheckpointLeases(3, ((7, 20), (8, 20))))
    lease = store.lease(7)
    assert lease is not None
    assert (lease.left_seconds, lease.ttl_seconds) == (20, 60)
    apply(store, CheckpointLeases(3, ((7, 0),)))
    assert store.lease(7) == Lease(7, 60)


def test_whoever_counts_is_told_what_begins_and_ends(store: Store) -> None:
    told: list[list[int]] = []
    store.observe_leases(lambda news: told.append(list(news)))
    apply(store, Put(b"a", lease=7))
    apply(store, CheckpointLeases(3, ((7, 20),)))
    assert not told
    apply(store, GrantLease(8, 9), RevokeLease(7))
    apply(store, LeadLeases(4))
    assert told == [[8, 7], []]


def test_leases_that_do_not_fit_their_keys_are_found_out() -> None:
    kv = KeyValue(b"a", 2, 2, 1, b"", 7)
    leases = Leases([kv])
    with pytest.raises(InvariantViolation, match="each lease that a key names exists"):
        leases.check([kv])
    leases.put(Lease(7, 60))
    leases.check([kv])
    with pytest.raises(InvariantViolation, match="the lease that it names"):
        leases.check([])
