"""What is stored and sent: values that come back as they were written."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
    Transition,
)
from raftwerk.errors import InvalidChange
from raftwerk.types import LogIndex, NodeId, Term

CHANGES = st.builds(
    ConfChange,
    st.lists(
        st.builds(Change, st.sampled_from(ChangeKind), st.integers(0, 2**63 - 1)),
        max_size=4,
    ).map(tuple),
    st.sampled_from(Transition),
    st.binary(max_size=20),
)


@given(CHANGES)
def test_change_comes_back_as_it_was_encoded(change: ConfChange) -> None:
    assert ConfChange.decode(change.encode()) == change


@given(st.binary(min_size=1, max_size=40))
def test_data_that_is_no_change_is_refused_by_name_or_is_one(data: bytes) -> None:
    """Never with the error of whatever reads it."""
    try:
        change = ConfChange.decode(data)
    except InvalidChange as refusal:
        assert f"{len(data)} bytes of data are no membership change" in str(refusal)
    else:
        assert isinstance(change, ConfChange)


def test_only_the_change_of_nobody_without_a_wish_leaves() -> None:
    assert ConfChange().leaves_joint
    assert ConfChange(context=b"why").leaves_joint
    assert not ConfChange(transition=Transition.JOINT_EXPLICIT).leaves_joint
    assert not ConfChange((Change(ChangeKind.UPDATE, NodeId(1)),)).leaves_joint


def test_snapshot_at_index_0_is_none() -> None:
    assert Snapshot().is_empty
    assert not Snapshot(LogIndex(1)).is_empty


@pytest.mark.parametrize(
    "value",
    [
        Entry(Term(1), LogIndex(2), b"data", EntryKind.CONF_CHANGE),
        HardState(Term(3), NodeId(1), LogIndex(2)),
        HardState(),
        Snapshot(LogIndex(1), Term(1), ConfState((NodeId(1),)), b"state"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_comes_back_as_it_was_encoded(value: msgspec.Struct) -> None:
    kind = type(value)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind) == value
    with pytest.raises(AttributeError):
        value.term = Term(9)  # type: ignore[attr-defined]  # that is the point
