"""The group as one member sees it: whom it tracks, and what a quorum has decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.membership import members
from raftwerk.core.progress import Progress
from raftwerk.core.quorum import (
    INFINITE_INDEX,
    VoteResult,
    joint_committed_index,
    joint_vote_result,
)
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Transition,
)
from raftwerk.core.tracker import Tracker
from raftwerk.errors import InvalidChange, MisuseError
from raftwerk.types import LogIndex, NodeId

ONE, TWO, THREE, FOUR = (NodeId(number) for number in (1, 2, 3, 4))
LAST = LogIndex(7)


def tracker(conf_state: ConfState) -> Tracker:
    """Return a tracker that has restored a configuration."""
    made = Tracker(256, NO_LIMIT)
    made.restore(conf_state, LAST)
    return made


def change(
    *pairs: tuple[ChangeKind, NodeId], transition: Transition = Transition.AUTO
) -> ConfChange:
    """Return a change of these members."""
    return ConfChange(tuple(Change(kind, who) for kind, who in pairs), transition)


def test_group_is_empty_before_a_configuration_is_restored() -> None:
    ours = Tracker(256, NO_LIMIT)
    assert (ours.member_ids, ours.voter_ids) == ((), ())
    assert not (ours.is_singleton or ours.is_joint or ours.is_voter(ONE))
    assert ours.committed_index() == INFINITE_INDEX


def test_unsound_configuration_is_refused_and_changes_nothing() -> None:
    ours = tracker(ConfState(voters=(ONE,)))
    with pytest.raises(MisuseError, match="no learner is a voter"):
        ours.restore(ConfState(voters=(TWO,), learners=(TWO,)), LAST)
    assert ours.member_ids == (ONE,)


def test_refused_change_changes_nothing() -> None:
    ours = tracker(ConfState(voters=(ONE,)))
    progress = ours.progress
    with pytest.raises(InvalidChange):
        ours.apply(change((ChangeKind.REMOVE, ONE)), LAST)
    assert ours.conf_state == ConfState(voters=(ONE,))
    assert ours.progress is progress


def test_new_member_is_probed_with_the_last_entry_and_starts_active() -> None:
    ours = tracker(ConfState(voters=(ONE,)))
    ours.apply(change((ChangeKind.ADD_VOTER, TWO)), LAST)
    new = ours.progress[TWO].view()
    assert (new.match_index, new.next_index) == (0, LAST)
    assert new.is_recently_active
    ours.apply(change((ChangeKind.ADD_LEARNER, THREE)), LogIndex(0))
    assert ours.progress[THREE].next_index == 1


def test_promotion_and_demotion_keep_the_progress() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO), learners=(THREE,)))
    third, second = ours.progress[THREE], ours.progress[TWO]
    third.maybe_update(LogIndex(5))
    ours.apply(change((ChangeKind.ADD_VOTER, THREE)), LAST)
    ours.apply(change((ChangeKind.ADD_LEARNER, TWO)), LAST)
    assert ours.progress[THREE] is third and not third.is_learner
    assert ours.progress[TWO] is second and second.is_learner
    assert third.match_index == 5


def test_removed_member_is_tracked_until_the_joint_phase_ends() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO)))
    removal = change((ChangeKind.REMOVE, TWO), transition=Transition.JOINT_EXPLICIT)
    ours.apply(removal, LAST)
    assert ours.is_joint and TWO in ours.progress
    ours.apply(ConfChange(), LAST)
    assert not ours.is_joint and TWO not in ours.progress
    assert ours.is_singleton


def test_who_was_removed_and_added_again_starts_from_nothing() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO)))
    ours.progress[TWO].maybe_update(LogIndex(5))
    ours.apply(
        change(
            (ChangeKind.REMOVE, TWO),
            (ChangeKind.ADD_LEARNER, TWO),
            transition=Transition.JOINT_EXPLICIT,
        ),
        LAST,
    )
    assert ours.progress[TWO].match_index == 5, "still an outgoing voter"
    ours = tracker(ConfState(voters=(ONE,), learners=(TWO, THREE)))
    ours.progress[TWO].maybe_update(LogIndex(5))
    again = change(
        (ChangeKind.REMOVE, TWO),
        (ChangeKind.ADD_LEARNER, TWO),
        (ChangeKind.ADD_VOTER, THREE),
    )
    ours.apply(again, LAST)
    assert ours.progress[TWO].match_index == 0


def test_new_term_forgets_all_but_our_own_log() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO), learners=(THREE,)))
    ours.progress[TWO].maybe_update(LAST)
    ours.record_vote(TWO, True)
    ours.reset(ONE, LAST)
    views = {member: known.view() for member, known in ours.progress.items()}
    assert [view.match_index for view in views.values()] == [LAST, 0, 0]
    assert [view.next_index for view in views.values()] == [LAST + 1] * 3
    assert [view.is_recently_active for view in views.values()] == [False] * 3
    assert [view.is_learner for view in views.values()] == [False, False, True]
    assert not ours.votes


def test_only_the_first_answer_of_a_voter_counts_and_none_of_a_learner() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO, THREE), learners=(FOUR,)))
    ours.record_vote(ONE, True)
    ours.record_vote(TWO, False)
    ours.record_vote(TWO, True)
    ours.record_vote(FOUR, True)
    tally = ours.tally()
    assert (tally.granted, tally.refused) == (1, 1)
    assert tally.result is VoteResult.PENDING


def test_learners_do_not_keep_a_quorum_active() -> None:
    ours = tracker(ConfState(voters=(ONE, TWO, THREE), learners=(FOUR,)))
    ours.reset(ONE, LAST)
    for member in (ONE, FOUR):
        ours.progress[member].is_recently_active = True
    assert not ours.is_quorum_active()
    ours.progress[THREE].is_recently_active = True
    assert ours.is_quorum_active()


node_ids = st.integers(1, 6).map(NodeId)
conf_changes = st.builds(
    ConfChange,
    changes=st.lists(
        st.builds(Change, st.sampled_from(ChangeKind), node_ids), max_size=3
    ).map(tuple),
    transition=st.sampled_from(Transition),
)


@given(
    st.lists(conf_changes, max_size=8),
    st.dictionaries(node_ids, st.integers(1, 9).map(LogIndex)),
    st.dictionaries(node_ids, st.booleans()),
)
def test_tracker_counts_by_the_configuration_in_force(
    sequence: list[ConfChange],
    matches: dict[NodeId, LogIndex],
    votes: dict[NodeId, bool],
) -> None:
    ours = tracker(ConfState(voters=(ONE, TWO, THREE)))
    for one in sequence:
        before: dict[NodeId, Progress] = dict(ours.progress)
        try:
            conf_state = ours.apply(one, LAST)
        except InvalidChange:
            assert dict(ours.progress) == before
            continue
        assert ours.member_ids == members(conf_state) == tuple(ours.progress)
        halves = (conf_state.voters, conf_state.voters_outgoing)
        assert ours.voter_ids == tuple(sorted({*halves[0], *halves[1]}))

        ours.reset(NodeId(9), LogIndex(0))
        for member, known in ours.progress.items():
            known.maybe_update(matches.get(member, LogIndex(0)))
            known.is_recently_active = votes.get(member, False)
        for voter, granted in votes.items():
            ours.record_vote(voter, granted)
        assert ours.committed_index() == joint_committed_index(*halves, matches.get)
        assert ours.tally().result is joint_vote_result(*halves, votes)
        active = {member: votes.get(member, False) for member in ours.member_ids}
        won = joint_vote_result(*halves, active) is VoteResult.WON
        assert ours.is_quorum_active() == won
