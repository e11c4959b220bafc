"""Who is right, when replicas say different things."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.records import ConfState
from raftwerk.runtime.drift import Drift, DriftRecord, DriftReport, judge
from raftwerk.types import LogIndex, NodeId

A, B, C = b"a", b"b", b"c"

CASES: list[
    tuple[dict[int, bytes], tuple[int, ...], tuple[int, ...], bytes | None, str]
]
CASES = [
    # links                voters     outgoing  right  why
    ({1: A}, (1,), (), A, "a single voter is its own majority"),
    ({1: A, 2: A}, (1, 2, 3), (), A, "two of three are enough"),
    ({1: A, 2: B, 3: A}, (1, 2, 3), (), A, "the one that differs is outvoted"),
    ({1: A, 2: B}, (1, 2), (), None, "half is not a majority"),
    ({1: A, 2: B}, (1, 2, 3), (), None, "who is silent supports nobody"),
    ({1: A, 2: B, 3: C}, (1, 2, 3), (), None, "all differ"),
    ({1: A, 4: A, 5: A, 2: B}, (1, 2, 3), (), None, "learners have no vote"),
    ({1: A, 2: A, 3: B}, (1, 2), (3,), None, "the outgoing voters think otherwise"),
    ({1: A, 2: A, 3: B}, (1, 2), (1, 2, 3), A, "a majority in both halves"),
]


def ids(numbers: tuple[int, ...]) -> tuple[NodeId, ...]:
    return tuple(NodeId(number) for number in numbers)


def said(index: int, links: Mapping[int, bytes]) -> DriftReport:
    ordered = sorted(links.items())
    return DriftReport(LogIndex(index), tuple((NodeId(i), link) for i, link in ordered))


THREE = ConfState(voters=ids((1, 2, 3)))


@pytest.mark.parametrize(("links", "voters", "outgoing", "right", "why"), CASES)
def test_a_strict_majority_of_the_voters_is_right(
    links: dict[int, bytes],
    voters: tuple[int, ...],
    outgoing: tuple[int, ...],
    right: bytes | None,
    why: str,
) -> None:
    told = {NodeId(node): link for node, link in links.items()}
    assert judge(told, ids(voters), ids(outgoing)) == right, why


@given(st.dictionaries(st.integers(1, 7), st.sampled_from([A, B, C])))
def test_never_more_than_a_minority_of_voters_is_quarantined(
    links: dict[int, bytes],
) -> None:
    drift = Drift()
    voters = ids(tuple(range(1, 8)))
    drift.apply(said(256, links), ConfState(voters=voters))
    assert len(drift.quarantined) <= 3
    if drift.record.disagreement is not None:
        assert not drift.quarantined


def test_who_differs_is_quarantined_until_it_is_as_the_others_again() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A, 2: A, 3: B}), THREE)
    assert drift.quarantined == {3: 256}
    drift.apply(said(512, {1: C, 2: C, 3: C}), THREE)
    assert not drift.quarantined
    assert drift.record == DriftRecord(index=LogIndex(512), agreed=LogIndex(512))


def test_a_healed_replica_may_come_back_at_the_index_where_it_was_caught() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A, 2: A, 3: B}), THREE)
    drift.apply(said(256, {1: A, 2: A, 3: A}), THREE)
    assert not drift.quarantined


def test_that_it_was_sound_once_lets_nobody_out() -> None:
    drift = Drift()
    drift.apply(said(512, {1: A, 2: A, 3: B}), THREE)
    drift.apply(said(256, {1: C, 2: C, 3: C}), THREE)
    assert drift.quarantined == {3: 512}


def test_a_learner_is_judged_by_the_voters() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A, 2: A, 3: A, 4: B}), THREE)
    assert drift.quarantined == {4: 256}


def test_without_a_majority_nobody_is_quarantined_and_all_is_kept_for_people() -> None:
    drift = Drift()
    quarrel = said(256, {1: A, 2: B})
    drift.apply(quarrel, THREE)
    assert drift.record.disagreement == quarrel
    assert not drift.quarantined
    drift.apply(said(512, {1: A, 2: B, 3: B}), THREE)
    assert drift.record.disagreement is None
    assert drift.quarantined == {1: 512}


def test_a_few_who_agree_are_no_quarrel_and_no_verdict() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A}), THREE)
    assert drift.record == DriftRecord()


def test_who_was_removed_is_quarantined_no_more() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A, 2: A, 3: B}), THREE)
    drift.keep(ids((1, 2)))
    assert not drift.quarantined
    assert not drift.record.quarantined


def test_verdicts_go_on_from_a_snapshot() -> None:
    drift = Drift()
    drift.apply(said(256, {1: A, 2: A, 3: B}), THREE)
    again = Drift(drift.record)
    for each in (drift, again):
        each.apply(said(512, {1: A, 2: A, 3: A}), THREE)
    assert again.record == drift.record
