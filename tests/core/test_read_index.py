"""Reads without a log entry: rounds, leases, and what ends both."""

from typing import Any

from raftwerk.core.inputs import Campaign, TransferLeadership
from raftwerk.core.messages import (
    ForwardReadIndex,
    Heartbeat,
    HeartbeatReply,
    ReadIndexReply,
    TimeoutNow,
)
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId

from .cluster import Cluster
from .member import ELECTION_TICKS, S1, S2, S3, Member, of_kind, only


def settled_leader(**settings: Any) -> Member:
    """Return a leader with a commit in its term."""
    leader = Member(1, **settings)
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def answer(sender: int, beat: Heartbeat) -> HeartbeatReply:
    """Return what a follower answers to a heartbeat."""
    return HeartbeatReply(
        sender=NodeId(sender), receiver=S1, term=beat.term, read_round=beat.read_round
    )


def answered(member: Member) -> list[int]:
    """Return the contexts of the reads that were answered."""
    return [one.context for one in member.read_states]


# ---- rounds -----------------------------------------------------------------


def test_answer_to_a_later_round_confirms_all_before_it() -> None:
    leader = settled_leader()
    for context in (7, 8, 9):
        beats = of_kind(leader.read_index(context), Heartbeat)
    leader.step(answer(2, beats[0]))
    assert answered(leader) == [7, 8, 9]


def test_answer_to_an_earlier_round_confirms_no_later_one() -> None:
    leader = settled_leader()
    first = of_kind(leader.read_index(7), Heartbeat)
    leader.read_index(8)
    leader.step(answer(2, first[0]))
    assert answered(leader) == [7]


def test_each_read_gets_the_commit_index_of_its_own_moment() -> None:
    leader = settled_leader()
    leader.read_index(7)
    leader.propose(b"x")
    leader.acknowledge(3)
    beats = of_kind(leader.read_index(8), Heartbeat)
    leader.step(answer(2, beats[0]))
    assert [(one.context, one.read_index) for one in leader.read_states] == [
        (7, 1),
        (8, 2),
    ]


def test_heartbeat_repeats_the_newest_round_that_waits() -> None:
    leader = settled_leader()
    leader.read_index(7)
    second = of_kind(leader.read_index(8), Heartbeat)
    repeated = of_kind(leader.tick(), Heartbeat)
    assert {beat.read_round for beat in repeated} == {second[0].read_round}
    leader.step(answer(3, repeated[1]))
    assert answered(leader) == [7, 8]
    assert {beat.read_round for beat in of_kind(leader.tick(), Heartbeat)} == {0}


def test_learner_confirms_nothing() -> None:
    leader = Member(1, voters=[1, 2, 3], learners=[4])
    leader.lead()
    leader.acknowledge(2, 3)
    beats = {one.receiver: one for one in of_kind(leader.read_index(7), Heartbeat)}
    leader.step(answer(4, beats[NodeId(4)]))
    assert not answered(leader)
    leader.step(answer(2, beats[S2]))
    assert answered(leader) == [7]


# ---- followers --------------------------------------------------------------


def test_follower_and_learner_read_through_the_leader() -> None:
    cluster = Cluster([1, 2, 3], learners=[4])
    cluster.elect(1)
    cluster.propose(1, b"x")
    for node_id in (2, 4):
        cluster.send(cluster[node_id].read_index(node_id))
        cluster.deliver()
        assert [
            (one.context, one.read_index) for one in cluster[node_id].read_states
        ] == [(node_id, 2)]


def test_follower_hands_on_a_read_that_was_meant_for_it_as_a_leader() -> None:
    cluster = Cluster()
    cluster.elect(1)
    stray = ForwardReadIndex(sender=S3, receiver=S2, context=7)
    (onward,) = cluster[2].step(stray)
    assert onward == ForwardReadIndex(sender=S3, receiver=S1, context=7)
    cluster.send([onward])
    cluster.deliver()
    assert answered(cluster[3]) == [7]


def test_read_without_a_leader_is_dropped() -> None:
    member = Member(1)
    assert not member.read_index(7)
    member.campaign()
    assert not member.read_index(7)
    assert not answered(member)


def test_answer_that_reaches_a_candidate_is_not_taken() -> None:
    """It does not follow that leader any more; its driver asks the next one."""
    member = Member(1)
    member.campaign()
    member.step(
        ReadIndexReply(
            sender=S2,
            receiver=S1,
            term=member.status.term,
            read_index=LogIndex(0),
            context=7,
        )
    )
    assert not answered(member)


# ---- a single voter ---------------------------------------------------------


def test_single_voter_answers_at_once() -> None:
    member = Member(1, voters=[1])
    member.campaign()
    assert member.status.commit_index == 1
    assert not of_kind(member.read_index(7), Heartbeat)
    assert [(one.context, one.read_index) for one in member.read_states] == [(7, 1)]


def test_single_voter_that_starts_again_serves_nothing_older_than_it_acknowledged() -> (
    None
):
    """The commit index is a hint, and may be lost in a crash (Fig. 2: volatile). What a
    single voter stores is committed, so a read waits for all of that."""
    member = Member(1, voters=[1], log=[1, 1, 1], term=1, commit=1)
    member.replica.step(Campaign())
    member.do_ready()
    assert (member.role, member.status.commit_index) == (Role.LEADER, 1)
    member.read_index(7)
    (state,) = member.read_states
    assert state.read_index >= 3, "entries 2 and 3 may have been acknowledged"


def test_leader_beside_the_single_voter_needs_its_word() -> None:
    """A leader that was removed leads on for a while; it is not the one voter."""
    leader = Member(1, voters=[1, 2], step_down_on_removal=False)
    leader.lead()
    leader.acknowledge(2)
    leader.propose_change("r1")
    leader.acknowledge(2)
    (beat,) = of_kind(leader.read_index(7), Heartbeat)
    assert not answered(leader)
    leader.step(answer(2, beat))
    assert answered(leader) == [7]


# ---- leases -----------------------------------------------------------------


def test_lease_answers_at_once_after_the_first_commit_of_the_term() -> None:
    leader = Member(1, log=[1], term=1, check_quorum=True, lease_read=True)
    leader.lead()
    assert not of_kind(leader.read_index(7), Heartbeat)
    assert not answered(leader), "what is committed is not known yet"
    leader.acknowledge(2)
    assert answered(leader) == [7]
    assert not of_kind(leader.read_index(8), Heartbeat)
    assert answered(leader) == [7, 8]


def test_lease_ends_with_the_order_to_stand() -> None:
    """Thesis §6.4.1 with §3.10: an ordered election waits for no timeout."""
    leader = settled_leader(check_quorum=True, lease_read=True)
    only(leader.step(TransferLeadership(S3)), TimeoutNow)
    beats = of_kind(leader.read_index(7), Heartbeat)
    assert not answered(leader)
    leader.step(answer(2, beats[0]))
    assert answered(leader) == [7]


def test_lease_does_not_come_back_when_a_transfer_is_given_up() -> None:
    """The order may be on its way still."""
    leader = settled_leader(check_quorum=True, lease_read=True)
    leader.step(TransferLeadership(S3))
    for _ in range(ELECTION_TICKS):
        for beat in of_kind(leader.tick(), Heartbeat):
            leader.step(answer(beat.receiver, beat))
    assert leader.status.transferee is None
    leader.read_index(7)
    assert not answered(leader)


def test_new_leader_has_a_lease_of_its_own() -> None:
    leader = settled_leader(check_quorum=True, lease_read=True)
    leader.step(TransferLeadership(S3))
    leader.tick(2 * ELECTION_TICKS)
    assert leader.role is Role.FOLLOWER, "nobody has answered for so long"
    leader.lead()
    leader.acknowledge(2, 3)
    leader.read_index(7)
    assert answered(leader) == [7]
