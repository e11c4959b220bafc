"""Thesis §6: what clients need. Finding the leader, and reading without the log."""

from raftwerk.core.events import QuorumLost
from raftwerk.core.inputs import ForgetLeader
from raftwerk.core.messages import (
    AppendEntriesRefusal,
    AppendEntriesReply,
    Heartbeat,
    HeartbeatReply,
)
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId, Term

from ..cluster import Cluster
from ..member import ELECTION_TICKS, S1, S2, S3, Member, of_kind


def beat_answer(sender: int, term: int = 1, read_round: int = 0) -> HeartbeatReply:
    """Return an answer to a heartbeat of member 1."""
    return HeartbeatReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), read_round=read_round
    )


# ---- 6.2 --------------------------------------------------------------------


def test_leader_without_a_quorum_steps_down_after_an_election_timeout() -> None:
    """§6.2: "a leader in Raft steps down if an election timeout elapses without a
    successful round of heartbeats to a majority of its cluster"."""
    leader = Member(1, check_quorum=True)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.tick(ELECTION_TICKS)
    assert leader.role is Role.LEADER, "it heard of both within the first timeout"
    sent = leader.tick(ELECTION_TICKS)
    assert leader.status.role is Role.FOLLOWER
    assert (leader.status.term, leader.status.leader) == (1, None)
    assert isinstance(leader.events[-2], QuorumLost)
    # In that tick the check comes first: no heartbeat claims what is not so any more.
    assert len(of_kind(sent, Heartbeat)) == 2 * (ELECTION_TICKS - 1)


def test_any_answer_is_a_sign_of_life() -> None:
    """§6.2: refusals too; the log is another matter."""
    for answer in (
        beat_answer(2),
        AppendEntriesReply(
            sender=S2, receiver=S1, term=Term(1), match_index=LogIndex(0)
        ),
        AppendEntriesRefusal(
            sender=S2,
            receiver=S1,
            term=Term(1),
            refused_index=LogIndex(9),
            hint_index=LogIndex(0),
            hint_term=Term(0),
        ),
    ):
        leader = Member(1, check_quorum=True)
        leader.lead()
        for _ in range(5):
            leader.step(answer)
            leader.tick(ELECTION_TICKS)
        assert leader.role is Role.LEADER


def test_learners_are_no_quorum_to_lead() -> None:
    """§6.2 with §4.2.1."""
    leader = Member(1, voters=[1, 2, 3], learners=[4, 5], check_quorum=True)
    leader.lead()
    for _ in range(2):
        leader.step(beat_answer(4))
        leader.step(beat_answer(5))
        leader.tick(ELECTION_TICKS)
    assert leader.role is not Role.LEADER


def test_leader_that_steps_down_does_not_disturb_the_next_one() -> None:
    """§6.2: clients that are stuck at the old leader find the new one."""
    cluster = Cluster(check_quorum=True, pre_vote=True)
    cluster.elect(1)
    cluster[1].tick(2 * ELECTION_TICKS)
    assert cluster[1].status.leader is None
    for node_id in (2, 3):
        cluster[node_id].tick(ELECTION_TICKS)
    cluster.elect(2, cut=[1])
    cluster.propose(2, b"x", cut=[1])
    cluster.drop()
    cluster.send(cluster[1].tick(ELECTION_TICKS))
    cluster.deliver()
    cluster.heartbeat(2)
    cluster.heartbeat(2)
    assert cluster.leader is cluster[2]
    assert cluster[1].applied == ["x"]


# ---- 6.4 --------------------------------------------------------------------


def test_read_index_is_the_commit_index_of_the_moment_of_the_request() -> None:
    """§6.4, step 2: "the leader saves its current commit index in a local variable
    readIndex", not that of the moment when it is confirmed."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    beats = of_kind(leader.read_index(7), Heartbeat)
    leader.propose(b"x")
    leader.acknowledge(2)
    assert leader.status.commit_index == 2
    leader.step(beat_answer(2, read_round=beats[0].read_round))
    assert [one.read_index for one in leader.read_states] == [1]


def test_one_round_of_heartbeats_serves_all_reads_that_came_before_it() -> None:
    """§6.4: "the leader can amortize the cost of confirming its leadership"."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    beats = [of_kind(leader.read_index(context), Heartbeat) for context in range(5)]
    leader.step(beat_answer(3, read_round=beats[-1][1].read_round))
    assert [one.context for one in leader.read_states] == [0, 1, 2, 3, 4]


def test_follower_asks_the_leader_for_its_read_index() -> None:
    """§6.4: "Followers could also help offload the processing of read-only queries"."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    cluster.send(cluster[3].read_index(7))
    cluster.deliver()
    (state,) = cluster[3].read_states
    assert state.read_index == 2
    assert cluster[3].status.applied_index <= 2, "it has to wait, or had just caught up"


def test_reads_of_a_leader_that_lost_its_term_are_never_answered() -> None:
    """§6.4: a confirmation must come in the term that asked for it."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    beats = of_kind(leader.read_index(7), Heartbeat)
    leader.campaign()
    leader.step(Heartbeat(sender=S3, receiver=S1, term=Term(2)))
    leader.lead()
    leader.acknowledge(2, 3)
    for sender in (2, 3):
        late = beat_answer(
            sender, term=leader.status.term, read_round=beats[0].read_round
        )
        leader.step(late)
    assert not leader.read_states


# ---- 6.4.1 ------------------------------------------------------------------


def test_lease_serves_reads_without_a_round() -> None:
    """§6.4.1: "the normal heartbeat mechanism would provide a form of lease"."""
    leader = Member(1, check_quorum=True, lease_read=True)
    leader.lead()
    leader.acknowledge(2, 3)
    assert not leader.read_index(7)
    assert [(one.context, one.read_index) for one in leader.read_states] == [(7, 1)]


def test_followers_keep_the_lease_that_the_leader_counts_on() -> None:
    """§6.4.1: no vote within an election timeout of hearing from the leader; and no
    driver can have a follower forget that leader."""
    cluster = Cluster(check_quorum=True, lease_read=True)
    leader = cluster.elect(1)
    cluster.heartbeat(1)
    cluster[2].step(ForgetLeader())
    cluster.send(cluster[3].campaign())
    cluster.deliver()
    assert cluster[2].status.leader == 1
    assert cluster[2].status.term == 1
    assert leader.role is Role.LEADER
