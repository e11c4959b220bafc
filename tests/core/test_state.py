"""All that a member remembers: what it is, and the three ways to speak."""

from raftwerk.core.events import LeaderForgotten
from raftwerk.core.messages import AppendEntriesReply, TimeoutNow
from raftwerk.core.ready import SoftState
from raftwerk.core.records import HardState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, Term

from .member import S1, S2, Member, bootstrap


def test_hard_state_is_what_a_restart_needs_and_soft_state_what_it_does_not() -> None:
    state = Member(2, log=[1, 1], term=3, vote=1, commit=1).replica.state
    assert state.hard_state == HardState(Term(3), S1, LogIndex(1))
    assert state.soft_state == SoftState(None, Role.FOLLOWER)


def test_voter_with_a_whole_log_may_stand_and_nobody_else() -> None:
    assert Member(1).replica.state.is_promotable
    assert not Member(4, learners=[4]).replica.state.is_promotable, "a learner"
    assert not Member(4).replica.state.is_promotable, "a stranger"
    assert not Member(1, voters=[]).replica.state.is_promotable, "a blank member"
    state = Member(2).replica.state
    conf_state = bootstrap([1, 2, 3]).conf_state
    state.log.restore(Snapshot(LogIndex(5), Term(1), conf_state))
    assert not state.is_promotable, "its snapshot is not installed yet"


def test_voter_on_its_way_out_may_stand_until_the_joint_phase_ends() -> None:
    """§6: the old majority needs it still."""
    cluster_leader = Member(1)
    cluster_leader.lead()
    cluster_leader.acknowledge(2)
    cluster_leader.propose_change("r1 v4")
    cluster_leader.acknowledge(2)
    state = cluster_leader.replica.state
    assert state.tracker.is_joint
    assert S1 not in state.tracker.conf_state.voters
    assert state.is_promotable


def test_what_is_said_keeps_its_order_in_each_way() -> None:
    state = Member(1).replica.state
    at_once = [TimeoutNow(sender=S1, receiver=S2, term=Term(term)) for term in (1, 2)]
    late = [
        AppendEntriesReply(
            sender=S1, receiver=S2, term=Term(1), match_index=LogIndex(index)
        )
        for index in (1, 2)
    ]
    for one, other in zip(at_once, late, strict=True):
        state.send(one)
        state.send_after_sync(other)
    assert state.messages == at_once
    assert state.messages_after_sync == late
    state.record(LeaderForgotten(node=S1, leader=S2, term=Term(1)))
    assert state.events[-1] == LeaderForgotten(node=S1, leader=S2, term=Term(1))
