"""Proposals: who takes them, the bound on what waits, and the gate for changes."""

from typing import Any

import pytest

from raftwerk.core.events import ConfChangeRefused, ProposalDropped
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import AppendEntries, ForwardProposal, Proposal
from raftwerk.core.records import ConfChange, ConfState, EntryKind, Transition
from raftwerk.errors import NotLeader, QueueFull
from raftwerk.types import Term

from .member import S1, S2, S3, S4, Member, changes, heartbeat, of_kind, only


def settled_leader(**settings: Any) -> Member:
    """Return a leader of three whose first entry all store."""
    leader = Member(1, **settings)
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def change_of(text: str) -> Proposal:
    """Return a membership change as a proposal."""
    return Proposal(changes(text).encode(), EntryKind.CONF_CHANGE)


def refusals(member: Member) -> list[ConfChangeRefused]:
    """Return why changes were refused."""
    return [one for one in member.events if isinstance(one, ConfChangeRefused)]


# ---- taking and handing on --------------------------------------------------


def test_batch_becomes_entries_one_after_the_other_in_one_message() -> None:
    leader = settled_leader()
    for append in of_kind(leader.propose(b"x", b"y"), AppendEntries):
        assert [(e.term, e.index, e.data) for e in append.entries] == [
            (1, 2, b"x"),
            (1, 3, b"y"),
        ]


def test_forwarded_proposal_has_no_term_for_whoever_leads_may_take_it() -> None:
    follower = Member(2)
    follower.step(heartbeat(1, 2, term=4))
    assert only(follower.propose(b"x"), ForwardProposal).term == 0


def test_proposal_that_follows_a_leader_that_follows_another_is_handed_on() -> None:
    follower = Member(2)
    follower.step(heartbeat(1, 2, term=4))
    stray = ForwardProposal(sender=S3, receiver=S2, proposals=(Proposal(b"x"),))
    (onward,) = follower.step(stray)
    assert onward == ForwardProposal(
        sender=S3, receiver=S1, proposals=(Proposal(b"x"),)
    )


def test_what_is_dropped_for_want_of_a_leader_is_told() -> None:
    member = Member(2, term=3)
    with pytest.raises(NotLeader, match="member 2 knows no leader in term 3"):
        member.propose(b"x")
    member.run()
    (event,) = [one for one in member.events if isinstance(one, ProposalDropped)]
    assert event.term == Term(3)


# ---- the bound --------------------------------------------------------------


def test_payload_that_waits_for_a_quorum_is_bounded() -> None:
    leader = settled_leader(uncommitted_bytes_max=10)
    leader.propose(b"12345")
    leader.propose(b"12345")
    with pytest.raises(QueueFull, match="10 bytes wait for a quorum; 1 more"):
        leader.propose(b"x")
    assert leader.status.last_log_index == 3
    # What is applied waits no more.
    leader.acknowledge(2)
    leader.propose(b"x")
    assert leader.status.last_log_index == 4


def test_one_proposal_is_taken_however_large() -> None:
    leader = settled_leader(uncommitted_bytes_max=10)
    leader.propose(bytes(1000))
    with pytest.raises(QueueFull):
        leader.propose(b"x")


def test_empty_proposal_is_never_refused() -> None:
    """The end of a joint configuration must get through."""
    leader = settled_leader(uncommitted_bytes_max=10)
    leader.propose(bytes(10))
    leader.propose(b"")
    leader.propose_change("")
    assert leader.status.last_log_index == 4


def test_batch_that_exceeds_the_bound_is_refused_as_a_whole() -> None:
    leader = settled_leader(uncommitted_bytes_max=10)
    leader.propose(b"12345")
    with pytest.raises(QueueFull):
        leader.propose(b"1", b"123456")
    assert leader.log == [1, 1]


def test_new_leader_counts_only_its_own_entries() -> None:
    """What it found in its log is applied too, and the count does not go below 0."""
    leader = Member(1, log=[1, 1, 1], term=1, uncommitted_bytes_max=4)
    leader.lead()
    leader.propose(b"1234")
    leader.acknowledge(2)
    assert leader.replica.state.uncommitted_bytes == 0
    leader.propose(b"1234")
    with pytest.raises(QueueFull):
        leader.propose(b"5")


# ---- the gate for changes ---------------------------------------------------


def test_second_change_of_a_batch_is_refused_and_told_why() -> None:
    leader = settled_leader()
    leader.step(Propose((change_of("v4"), Proposal(b"x"), change_of("v5"))))
    (refused,) = refusals(leader)
    assert (refused.reason.pending_index, refused.reason.applied_index) == (2, 1)
    assert refused.change == changes("v5")
    leader.acknowledge(2)
    assert leader.status.conf_state == ConfState(voters=(S1, S2, S3, S4))
    assert leader.applied == ["x"]


def test_leaving_what_is_not_joint_is_refused_and_told_why() -> None:
    leader = settled_leader()
    leader.propose_change("")
    (refused,) = refusals(leader)
    assert refused.reason.not_joint
    assert leader.log == [1, 1], "an empty entry stands in its place"


def test_change_in_a_joint_configuration_is_refused_and_told_why() -> None:
    leader = settled_leader()
    leader.propose_change("v4 r3", Transition.JOINT_EXPLICIT)
    leader.acknowledge(2, 3)
    leader.propose_change("v5")
    (refused,) = refusals(leader)
    assert refused.reason.must_leave_joint
    assert refused.conf_state.voters_outgoing == (S1, S2, S3)


def test_gate_may_be_opened() -> None:
    leader = settled_leader(validate_changes=False)
    leader.propose_change("v4")
    leader.propose_change("v5")
    leader.acknowledge(2, 3)
    assert not refusals(leader)
    assert len(leader.status.conf_state.voters) == 5


def test_change_without_changes_is_encoded_as_nothing() -> None:
    """So that no limit on sizes refuses it."""
    assert ConfChange().encode() == b""
    assert ConfChange.decode(b"") == ConfChange()
    named = ConfChange(context=b"who")
    assert ConfChange.decode(named.encode()) == named
    assert named.leaves_joint
