"""Majorities: a table, then each function against a naive reference."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.quorum import (
    INFINITE_INDEX,
    VoteResult,
    committed_index,
    joint_committed_index,
    joint_vote_result,
    majority,
    majority_index,
    vote_result,
)
from raftwerk.types import LogIndex, NodeId

node_ids = st.integers(1, 9).map(NodeId)
id_sets = st.frozensets(node_ids, max_size=7)
matches = st.dictionaries(node_ids, st.integers(1, 12).map(LogIndex), max_size=9)
answers = st.dictionaries(node_ids, st.booleans(), max_size=9)

CASES = [
    # match index of each voter   commit  why
    ({1: 7}, 7, "a single voter is its own majority"),
    ({1: 7, 2: 5}, 5, "of two voters, both must have it"),
    ({1: 7, 2: 5, 3: 3}, 5, "of three, the middle one decides"),
    ({1: 7, 2: 7, 3: 0, 4: 0}, 0, "half is not a majority"),
    ({1: 9, 2: 9, 3: 2, 4: 1, 5: 3}, 3, "of five, the third highest decides"),
    ({}, INFINITE_INDEX, "nobody objects where nobody votes"),
]


def majorities(voters: frozenset[NodeId]) -> list[frozenset[NodeId]]:
    """Return all sets of more than half of the voters, the slow way."""
    return [
        frozenset(some)
        for size in range(len(voters) + 1)
        for some in combinations(sorted(voters), size)
        if 2 * size > len(voters)
    ]


def naive_committed_index(
    voters: frozenset[NodeId], match: dict[NodeId, LogIndex]
) -> int:
    """Return the best that any majority has stored throughout."""
    if not voters:
        return INFINITE_INDEX
    return max(min(match.get(v, 0) for v in some) for some in majorities(voters))


def naive_vote_result(
    voters: frozenset[NodeId], votes: dict[NodeId, bool]
) -> VoteResult:
    """Ask each majority whether all of it granted, or could still."""
    if not voters:
        return VoteResult.WON
    if any(all(votes.get(v) for v in some) for some in majorities(voters)):
        return VoteResult.WON
    if any(all(votes.get(v, True) for v in some) for some in majorities(voters)):
        return VoteResult.PENDING
    return VoteResult.LOST


@pytest.mark.parametrize(("match", "commit_index", "why"), CASES)
def test_majority_decides_the_commit_index(
    match: dict[NodeId, LogIndex], commit_index: LogIndex, why: str
) -> None:
    assert committed_index(match, match.get) == commit_index, why
    assert majority_index(list(match.values())) == commit_index, why


@given(st.integers(1, 50))
def test_two_majorities_of_the_same_voters_always_overlap(count: int) -> None:
    assert 2 * majority(count) > count
    assert 2 * (majority(count) - 1) <= count


@given(id_sets, matches)
def test_commit_index_is_the_best_that_some_majority_stores(
    voters: frozenset[NodeId], match: dict[NodeId, LogIndex]
) -> None:
    assert committed_index(voters, match.get) == naive_committed_index(voters, match)


@given(id_sets, id_sets, matches)
def test_joint_commit_index_needs_both_halves_and_knows_no_order_of_them(
    one: frozenset[NodeId], other: frozenset[NodeId], match: dict[NodeId, LogIndex]
) -> None:
    result = joint_committed_index(one, other, match.get)
    assert result == joint_committed_index(other, one, match.get)
    assert result == min(
        naive_committed_index(one, match), naive_committed_index(other, match)
    )


@given(id_sets, answers)
def test_vote_is_decided_as_soon_as_the_missing_answers_cannot_change_it(
    voters: frozenset[NodeId], votes: dict[NodeId, bool]
) -> None:
    assert vote_result(voters, votes) is naive_vote_result(voters, votes)


@given(id_sets, id_sets, answers)
def test_joint_vote_needs_both_halves(
    one: frozenset[NodeId], other: frozenset[NodeId], votes: dict[NodeId, bool]
) -> None:
    halves = {naive_vote_result(one, votes), naive_vote_result(other, votes)}
    result = joint_vote_result(one, other, votes)
    assert result is joint_vote_result(other, one, votes)
    if halves == {result}:
        return
    assert result is (
        VoteResult.LOST if VoteResult.LOST in halves else VoteResult.PENDING
    )
