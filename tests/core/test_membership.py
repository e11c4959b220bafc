"""Changes of the configuration: what is refused, stories, and overlapping quorums."""

from collections.abc import Iterable
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.membership import (
    conf_state_fault,
    enter_joint,
    leave_joint,
    members,
    reconfigure,
    simple,
)
from raftwerk.core.quorum import majority
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Transition,
)
from raftwerk.errors import InvalidChange
from raftwerk.types import NodeId

KINDS = {
    "v": ChangeKind.ADD_VOTER,
    "l": ChangeKind.ADD_LEARNER,
    "r": ChangeKind.REMOVE,
    "u": ChangeKind.UPDATE,
}


def changes(text: str) -> tuple[Change, ...]:
    """Return the changes that a text like ``v1 l2 r3`` names."""
    return tuple(Change(KINDS[word[0]], NodeId(int(word[1:]))) for word in text.split())


def ids(*numbers: int) -> tuple[NodeId, ...]:
    """Return numbers as ids."""
    return tuple(NodeId(number) for number in numbers)


THREE = ConfState(voters=ids(1, 2, 3))
JOINT = ConfState(voters=ids(1, 2), voters_outgoing=ids(1, 3))

REFUSED = [
    # configuration  changes  transition  why
    (ConfState(), "l1", Transition.AUTO, "removed all voters"),
    (
        ConfState(),
        "v1 v2",
        Transition.AUTO,
        "can't make a zero-voter config joint",
    ),
    (JOINT, "v4", Transition.AUTO, "can't apply simple config change in joint config"),
    (JOINT, "v4 v5", Transition.AUTO, "config is already joint"),
    (JOINT, "", Transition.JOINT_EXPLICIT, "config is already joint"),
    (THREE, "", Transition.AUTO, "can't leave a non-joint config"),
    (THREE, "r1 r2 r3", Transition.AUTO, "removed all voters"),
    (THREE, "l1 l2 r3", Transition.JOINT_IMPLICIT, "removed all voters"),
]


@pytest.mark.parametrize(("conf_state", "text", "transition", "why"), REFUSED)
def test_change_that_does_not_fit_is_refused_by_name(
    conf_state: ConfState, text: str, transition: Transition, why: str
) -> None:
    with pytest.raises(InvalidChange, match=why):
        reconfigure(conf_state, ConfChange(changes(text), transition))


def test_simple_change_moves_one_voter_at_most() -> None:
    with pytest.raises(InvalidChange, match="more than one voter changed"):
        simple(THREE, changes("v4 r1"))


def test_simple_change_is_judged_by_its_end_not_by_its_steps() -> None:
    assert simple(THREE, changes("l1 v1")).conf_state == THREE


def test_one_change_is_simple_unless_it_asks_for_a_joint_phase() -> None:
    change = changes("v4")
    assert reconfigure(THREE, ConfChange(change)).conf_state == ConfState(
        voters=ids(1, 2, 3, 4)
    )
    for transition, auto_leave in (
        (Transition.JOINT_IMPLICIT, True),
        (Transition.JOINT_EXPLICIT, False),
    ):
        assert reconfigure(THREE, ConfChange(change, transition)).conf_state == (
            ConfState(
                voters=ids(1, 2, 3, 4),
                voters_outgoing=ids(1, 2, 3),
                auto_leave=auto_leave,
            )
        )


def test_several_changes_go_through_a_joint_phase_that_ends_by_itself() -> None:
    result = reconfigure(THREE, ConfChange(changes("v4 r1 l5")))
    assert result.conf_state == ConfState(
        voters=ids(2, 3, 4),
        voters_outgoing=ids(1, 2, 3),
        learners=ids(5),
        auto_leave=True,
    )


def test_demoted_voter_becomes_a_learner_only_when_the_joint_phase_ends() -> None:
    joint = enter_joint(THREE, changes("l1"), auto_leave=False).conf_state
    assert (joint.learners, joint.learners_next) == ((), ids(1))
    after = leave_joint(joint).conf_state
    assert after == ConfState(voters=ids(2, 3), learners=ids(1))


def test_outgoing_voter_is_not_forgotten_before_the_joint_phase_ends() -> None:
    removal = enter_joint(THREE, changes("r1 v1 r2"), auto_leave=False)
    assert removal.forgotten == frozenset()
    assert members(removal.conf_state) == ids(1, 2, 3)
    assert members(leave_joint(removal.conf_state).conf_state) == ids(1, 3)


def test_who_was_removed_and_added_again_comes_back_as_a_stranger() -> None:
    result = simple(THREE, changes("r1 v1"))
    assert result.conf_state == THREE
    assert result.forgotten == {1}


def test_id_zero_is_ignored() -> None:
    assert simple(THREE, changes("r0 v0 l0")).conf_state == THREE


UNSOUND = [
    (ConfState(voters=ids(1), learners=ids(1)), "no learner is a voter"),
    (ConfState(voters=ids(2, 1)), "ascending"),
    (ConfState(voters=ids(1, 1)), "each once"),
    (ConfState(voters=ids(0)), "id 0"),
    (ConfState(voters=ids(1), learners_next=ids(2)), "outgoing voter"),
    (ConfState(voters=ids(1), auto_leave=True), "only a joint one"),
    (ConfState(voters_outgoing=ids(1)), "incoming voters"),
    (
        ConfState(voters=ids(1), voters_outgoing=ids(1), learners_next=ids(1)),
        "has left the rest",
    ),
]


@pytest.mark.parametrize(("conf_state", "fault"), UNSOUND)
def test_fault_of_a_configuration_is_named(conf_state: ConfState, fault: str) -> None:
    assert fault in str(conf_state_fault(conf_state))


# ---- the rule that makes changes safe ---------------------------------------

some_changes = st.lists(
    st.builds(Change, st.sampled_from(ChangeKind), st.integers(0, 5).map(NodeId)),
    max_size=4,
).map(tuple)
conf_changes = st.builds(
    ConfChange, changes=some_changes, transition=st.sampled_from(Transition)
)


def subsets(everyone: Iterable[NodeId]) -> Iterable[frozenset[NodeId]]:
    """Return all sets of some of them."""
    pool = sorted(set(everyone))
    sizes = (combinations(pool, size) for size in range(len(pool) + 1))
    return (frozenset(some) for some in chain.from_iterable(sizes))


def decides(conf_state: ConfState, some: frozenset[NodeId]) -> bool:
    """Return whether these members can commit and elect."""
    halves = (conf_state.voters, conf_state.voters_outgoing)
    return all(
        len(some.intersection(half)) >= majority(len(half)) for half in halves if half
    )


@given(st.lists(conf_changes, max_size=8))
def test_any_old_and_any_new_quorum_overlap(sequence: list[ConfChange]) -> None:
    present = ConfState(voters=ids(1, 2, 3))
    for change in sequence:
        try:
            following = reconfigure(present, change).conf_state
        except InvalidChange:
            continue
        assert conf_state_fault(following) is None
        everyone = frozenset(members(present) + members(following))
        for some in subsets(everyone):
            assert not (decides(present, some) and decides(following, everyone - some))
        present = following


@given(st.lists(conf_changes, max_size=8))
def test_joint_phase_ends_with_exactly_what_it_began_to_become(
    sequence: list[ConfChange],
) -> None:
    present = ConfState(voters=ids(1, 2, 3))
    for change in sequence:
        try:
            following = reconfigure(present, change).conf_state
        except InvalidChange:
            continue
        if following.voters_outgoing:
            assert following.voters_outgoing == present.voters
            after = leave_joint(following).conf_state
            assert after.voters == following.voters
            assert set(after.learners) == {
                *following.learners,
                *following.learners_next,
            }
        present = following
