"""What hypothesis may ask of a store: few keys and small numbers, so that they meet."""

from hypothesis import strategies as st

from raftwerk.kv import (
    CheckpointLeases,
    Command,
    Compact,
    Compare,
    DeleteRange,
    ExpireLeases,
    GrantLease,
    LeadLeases,
    Operation,
    Put,
    Range,
    RevokeLease,
    Txn,
)

__all__ = ["commands", "keys", "ranges", "read_txns"]

keys = st.sampled_from([b"\0", b"a", b"a\0", b"aa", b"ab", b"b", b"c", b"\xff\xff"])
range_ends = st.just(b"") | st.just(b"\0") | keys | st.sampled_from([b"ac", b"d"])
values = st.sampled_from([b"", b"1", b"2", b"\xff"])
numbers = st.integers(0, 12)
revisions = st.integers(-1, 14)

puts = st.builds(
    Put,
    key=keys,
    value=values,
    lease=st.sampled_from([0, 0, 0, 7, 7, -8, 9]),
    prev_kv=st.booleans(),
    ignore_value=st.booleans(),
    ignore_lease=st.booleans(),
)
deletions = st.builds(
    DeleteRange, key=keys, range_end=range_ends, prev_kv=st.booleans()
)
# Mostly none: four bounds at once leave little over.
bounds = st.sampled_from([0] * 9 + list(range(14)))
ranges = st.builds(
    Range,
    key=keys,
    range_end=range_ends,
    limit=st.integers(-1, 4),
    revision=st.just(0) | revisions,
    sort_order=st.sampled_from([0, 0, 0, 1, 2, 3]),
    sort_target=st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    keys_only=st.booleans(),
    count_only=st.sampled_from([False, False, True]),
    min_mod_revision=bounds,
    max_mod_revision=bounds,
    min_create_revision=bounds,
    max_create_revision=bounds,
)
compares = st.builds(
    Compare,
    keys,
    st.just(b"") | range_ends,
    st.integers(0, 3),
    st.integers(0, 4),
    numbers,
    values,
)


def txns_of(
    inner: st.SearchStrategy[Operation], size_max: int
) -> st.SearchStrategy[Txn]:
    """Return transactions of at most so many of these a branch."""
    return st.builds(
        Txn,
        compare=st.lists(compares, max_size=2).map(tuple),
        success=st.lists(inner, max_size=size_max).map(tuple),
        failure=st.lists(inner, max_size=size_max).map(tuple),
    )


def nested(leaves: st.SearchStrategy[Operation]) -> st.SearchStrategy[Operation]:
    """Return these, and transactions of them within transactions."""
    return st.recursive(leaves, lambda inner: txns_of(inner, 3), max_leaves=6)


operations = nested(puts | deletions | ranges)
txns = txns_of(operations, 4)
reads = nested(ranges)
read_txns = txns_of(reads, 4)
leases = st.sampled_from([7, 7, -8, 0])
terms = st.sampled_from([0, 3, 4])
lease_commands: st.SearchStrategy[Command] = (
    st.builds(GrantLease, leases, st.sampled_from([-1, 60, 9_000_000_001]))
    | st.just(GrantLease(7, 60))
    | st.builds(RevokeLease, leases)
    | st.builds(ExpireLeases, terms, st.lists(leases, max_size=3).map(tuple))
    | st.builds(
        CheckpointLeases,
        terms,
        st.lists(st.tuples(leases, numbers), max_size=3).map(tuple),
    )
    | st.builds(LeadLeases, terms)
)
commands: st.SearchStrategy[Command] = (
    puts | deletions | txns | st.builds(Compact, revision=revisions) | lease_commands
)
