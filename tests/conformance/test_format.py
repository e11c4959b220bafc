"""Values as the scripts print them."""

import pytest

from raftwerk.core.progress_view import ProgressState, ProgressView
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Transition,
)
from raftwerk.types import LogIndex, NodeId, Term

from .format import (
    describe_conf_change,
    describe_configuration,
    describe_entry,
    describe_hard_state,
    describe_progress,
    quote,
)

QUOTED = [
    (b"", '""'),
    (b'"foo"', '"\\"foo\\""'),
    (b"a\\b", '"a\\\\b"'),
    (b"\a\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'),
    (b"\x00\x1b\x7f", '"\\x00\\x1b\\x7f"'),
    (b"\xff\xfe", '"\\xff\\xfe"'),
    (b"\xe2\x82", '"\\xe2\\x82"'),
    ("größe €".encode(), '"größe €"'),
    ("\u200b\U000e0001".encode(), '"\\u200b\\U000e0001"'),
]


@pytest.mark.parametrize(("data", "text"), QUOTED)
def test_data_is_quoted_with_the_escapes_of_go(data: bytes, text: str) -> None:
    assert quote(data) == text


def test_entry_shows_its_changes_as_a_script_would_ask_for_them() -> None:
    changes = (
        Change(ChangeKind.ADD_VOTER, NodeId(4)),
        Change(ChangeKind.ADD_LEARNER, NodeId(5)),
        Change(ChangeKind.REMOVE, NodeId(1)),
        Change(ChangeKind.UPDATE, NodeId(2)),
    )
    data = ConfChange(changes).encode()
    entry = Entry(Term(1), LogIndex(2), data, EntryKind.CONF_CHANGE)
    assert describe_entry(entry) == "1/2 EntryConfChangeV2 v4 l5 r1 u2"


def test_change_that_leaves_a_joint_configuration_ends_without_a_blank() -> None:
    data = ConfChange().encode()
    entry = Entry(Term(1), LogIndex(2), data, EntryKind.CONF_CHANGE)
    assert describe_entry(entry) == "1/2 EntryConfChangeV2"


def test_vote_is_left_out_where_there_is_none() -> None:
    assert describe_hard_state(HardState(Term(2))) == "Term:2 Commit:0"
    voted = HardState(Term(2), NodeId(10), LogIndex(3))
    assert describe_hard_state(voted) == "Term:2 Vote:10 Commit:3"


def test_configuration_names_ids_in_hexadecimal() -> None:
    conf_state = ConfState(
        voters=(NodeId(2), NodeId(10)),
        voters_outgoing=(NodeId(1),),
        learners=(NodeId(16),),
        learners_next=(NodeId(1),),
        auto_leave=True,
    )
    assert describe_configuration(conf_state) == (
        "voters=(2 a)&&(1) learners=(10) learners_next=(1) autoleave"
    )
    assert describe_configuration(ConfState()) == "voters=()"


def test_progress_names_only_the_flags_that_are_set() -> None:
    plain = ProgressView(
        state=ProgressState.PROBE, match_index=LogIndex(1), next_index=LogIndex(2)
    )
    assert describe_progress(plain) == "StateProbe match=1 next=2"
    full = ProgressView(
        state=ProgressState.SNAPSHOT,
        match_index=LogIndex(1),
        next_index=LogIndex(2),
        is_learner=True,
        is_paused=True,
        pending_snapshot_index=LogIndex(9),
        is_recently_active=False,
        inflight_count=3,
        is_inflight_full=True,
    )
    assert describe_progress(full) == (
        "StateSnapshot match=1 next=2 learner paused pendingSnap=9 inactive"
        " inflight=3[full]"
    )


def test_long_form_of_a_change_names_transition_and_kinds() -> None:
    change = ConfChange(
        (Change(ChangeKind.UPDATE, NodeId(3)),), Transition.JOINT_EXPLICIT
    )
    assert describe_conf_change(change) == (
        "transition:ConfChangeTransitionJointExplicit"
        " changes:{type:ConfChangeUpdateNode node_id:3}"
    )
