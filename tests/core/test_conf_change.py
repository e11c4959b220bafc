"""A configuration takes effect: what follows from it at once, and who leaves joint."""

from typing import Any

from raftwerk.core.events import AutoLeaveProposed, ConfSwitched
from raftwerk.core.inputs import Propose, TransferLeadership
from raftwerk.core.messages import AppendEntries, InstallSnapshot, Proposal
from raftwerk.core.records import ConfChange, ConfState, EntryKind, Snapshot, Transition
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId, Term

from .cluster import Cluster
from .member import (
    S1,
    S2,
    S3,
    S4,
    Member,
    append_entries,
    bootstrap,
    changes,
    heartbeat,
    of_kind,
)

EXPLICIT = Transition.JOINT_EXPLICIT


def settled_leader(voters: int = 3, **settings: Any) -> Member:
    """Return a leader whose first entry all store."""
    leader = Member(1, voters=range(1, voters + 1), **settings)
    leader.lead()
    leader.acknowledge(*range(2, voters + 1))
    return leader


def test_each_member_switches_when_it_applies_the_change() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.send(leader.propose_change("r3"))
    cluster.deliver(cut=[2])
    expected = ConfState(voters=(S1, S2))
    assert leader.status.conf_state == expected
    assert cluster[2].status.conf_state == ConfState(voters=(S1, S2, S3))
    cluster.heartbeat(1)
    assert cluster[2].status.conf_state == expected


def test_result_is_what_belongs_into_the_next_snapshot() -> None:
    member = Member(1)
    assert member.replica.apply_conf_change(changes("l4")) == ConfState(
        voters=(S1, S2, S3), learners=(S4,)
    )


def test_update_changes_nothing_and_is_told() -> None:
    """What was updated is the driver's affair; it stands in the context."""
    leader = settled_leader()
    before = leader.status.conf_state
    leader.propose_change("u2")
    leader.acknowledge(2)
    assert leader.status.conf_state == before
    switched = [one for one in leader.events if isinstance(one, ConfSwitched)]
    assert [one.conf_state for one in switched] == [before] * 2, "at start, and now"


def test_context_of_a_change_comes_through() -> None:
    leader = settled_leader()
    change = ConfChange(changes("l4").changes, context=b"http://somewhere")
    leader.step(Propose((Proposal(change.encode(), EntryKind.CONF_CHANGE),)))
    leader.acknowledge(2)
    (entry,) = [e for r in leader.readies for e in r.committed if e.kind]
    assert ConfChange.decode(entry.data).context == b"http://somewhere"


def test_smaller_quorum_commits_at_once_what_only_waited_for_it() -> None:
    leader = settled_leader(voters=4)
    leader.propose_change("r4")
    leader.propose(b"x")
    leader.acknowledge(2)
    assert leader.applied == []
    sent = leader.acknowledge(3, match=2)
    assert leader.applied == ["x"], "1 and 2 are a majority of three"
    told = of_kind(sent, AppendEntries)
    assert {one.receiver for one in told if one.commit_index == 3} == {S2, S3}


def test_joint_phase_is_left_by_the_leader_as_soon_as_it_is_applied() -> None:
    leader = settled_leader()
    leader.propose_change("v4 r3")
    sent = of_kind(leader.acknowledge(2, 3), AppendEntries)
    leaving = [e for one in sent for e in one.entries if e.index == 3]
    assert {(entry.kind, entry.data) for entry in leaving} == {
        (EntryKind.CONF_CHANGE, b"")
    }
    (event,) = [one for one in leader.events if isinstance(one, AutoLeaveProposed)]
    assert event.conf_state.auto_leave


def test_joint_phase_is_left_once() -> None:
    leader = settled_leader()
    leader.propose_change("v4 r3")
    leader.acknowledge(2, 3)
    for _ in range(3):
        leader.tick()
        leader.acknowledge(2, match=2)
    assert leader.status.last_log_index == 3


def test_leaving_waits_for_the_end_of_a_transfer() -> None:
    leader = settled_leader()
    leader.propose(b"x")
    leader.propose_change("v4 r3")
    leader.step(TransferLeadership(S2))
    leader.acknowledge(3)
    assert leader.status.conf_state.voters_outgoing
    assert leader.status.last_log_index == 3, "handing over, it proposes nothing"
    leader.step(TransferLeadership(S1))
    leader.propose(b"y")
    leader.acknowledge(2, 3, 4)
    assert leader.status.last_log_index == 5


def test_leader_that_is_being_demoted_leads_until_the_joint_phase_is_left() -> None:
    leader = settled_leader()
    leader.propose_change("l1 v4", EXPLICIT)
    leader.acknowledge(2)
    assert leader.role is Role.LEADER
    assert leader.status.conf_state.learners_next == (S1,)
    leader.propose_change("")
    leader.acknowledge(2, 4)
    assert (leader.status.role, leader.status.leader) == (Role.FOLLOWER, None)
    assert leader.status.conf_state.learners == (S1,)


def test_blank_member_becomes_one_of_the_group_by_following_it() -> None:
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.add_blank(4)
    cluster.elect(1)
    assert cluster[4].status.conf_state == ConfState()
    cluster.change(1, "v4")
    cluster.heartbeat(1)
    assert cluster[4].status.conf_state.voters == (S1, S2, S3, S4)
    cluster.elect(4)


def test_late_answer_of_a_removed_member_is_no_answer() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.change(1, "r3")
    assert {one.sender for one in cluster.lost} == {S3}, "its last acknowledgements"
    assert NodeId(3) not in leader.status.progress


def test_change_that_a_snapshot_overtook_is_not_applied_on_top_of_it() -> None:
    """It was handed out before, and the snapshot has its outcome already, and that of
    changes behind it: what was removed since must not come back."""
    member = Member(2, asynchronous_storage=True)
    leader = settled_leader()
    (append,) = of_kind(leader.propose_change("v4")[:1], AppendEntries)
    member.step(append_entries(1, 2, term=1, terms=[1]))
    member.step(append)
    member.step(heartbeat(1, 2, term=1, commit=2))
    while member.append_orders:
        member.do_append()
    order = member.apply_orders[-1]
    later = ConfState(voters=(S1, S2))
    member.step(
        InstallSnapshot(
            sender=S1,
            receiver=S2,
            term=Term(1),
            snapshot=Snapshot(LogIndex(9), Term(1), later),
        )
    )
    (change,) = [e for e in order.entries if e.kind is EntryKind.CONF_CHANGE]
    member.replica.apply_conf_change(ConfChange.decode(change.data))
    assert member.status.conf_state == later
