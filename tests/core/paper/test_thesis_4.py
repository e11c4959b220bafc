"""Thesis §4: membership, one server at a time (§4.1) or by a joint phase (§4.3)."""

import pytest

from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Heartbeat,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.records import ConfState, Transition
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId

from ..cluster import Cluster
from ..member import (
    ELECTION_TICKS,
    S1,
    S2,
    S3,
    Member,
    append_entries,
    bootstrap,
    heartbeat,
    of_kind,
    only,
    vote_request,
)

EXPLICIT = Transition.JOINT_EXPLICIT


def settled_leader(voters: int = 3, learners: tuple[int, ...] = ()) -> Member:
    """Return a leader whose first entry all voters store."""
    leader = Member(1, voters=range(1, voters + 1), learners=learners)
    leader.lead()
    leader.acknowledge(*range(2, voters + 1))
    return leader


# ---- 4.1 --------------------------------------------------------------------


@pytest.mark.parametrize("text", ["v4", "r3", "l4", "l3"])
def test_change_of_one_member_needs_no_joint_phase(text: str) -> None:
    """§4.1: with one server added or removed any two majorities overlap."""
    leader = settled_leader()
    leader.propose_change(text)
    leader.acknowledge(2)
    assert not leader.status.conf_state.voters_outgoing
    assert leader.status.conf_state != ConfState(voters=(S1, S2, S3))


def test_added_voter_counts_once_the_change_is_applied() -> None:
    """§4.1; here a configuration takes effect when it is applied, not when appended."""
    leader = settled_leader()
    leader.propose_change("v4")
    assert leader.status.conf_state == ConfState(voters=(S1, S2, S3))
    leader.acknowledge(2)
    assert leader.status.conf_state == ConfState(voters=(S1, S2, S3, NodeId(4)))
    leader.propose(b"x")
    leader.acknowledge(2)
    assert leader.applied == [], "two of four are no majority"
    leader.acknowledge(4)
    assert leader.applied == ["x"]


def test_removed_voter_counts_no_more_once_the_change_is_applied() -> None:
    """§4.1: and entries that only waited for its word are committed by that alone."""
    leader = settled_leader(voters=2)
    leader.propose_change("r2")
    leader.propose(b"x")
    leader.acknowledge(2, match=2)
    assert leader.status.conf_state.voters == (S1,)
    assert leader.applied == ["x"]


def test_who_stores_a_change_knows_that_the_one_before_it_is_committed() -> None:
    """§4.1: why it is safe that a configuration takes effect only when it is applied
    (etcd #7625 had doubts). A change is proposed after the one before was applied, and
    with it goes the commit index: so whoever could win without that older change being
    known as committed lacks the newer one, and some voter has that."""
    leader = settled_leader()
    leader.propose_change("v4")
    leader.acknowledge(2)
    sent = of_kind(leader.propose_change("v5"), AppendEntries)
    assert {append.commit_index for append in sent} == {2}
    follower = Member(2, log=[1], term=1, commit=1)
    (append,) = [one for one in sent if one.receiver == S2]
    follower.replica.step(
        append_entries(1, 2, term=1, prev=(1, 1), terms=[1], commit=1)
    )
    follower.replica.step(append)
    ready = follower.replica.ready()
    assert ready.hard_state is not None
    # One write has both, so that no crash can keep the one without the other.
    assert [entry.index for entry in ready.entries] == [2, 3]
    assert ready.hard_state.commit_index == 2


def test_member_with_a_committed_change_that_is_not_applied_does_not_stand() -> None:
    """§4.1: it would count votes by a configuration that is not the agreed one."""
    member = Member(2, asynchronous_storage=True)
    changing = settled_leader()
    sent = of_kind(changing.propose_change("v4"), AppendEntries)
    member.step(append_entries(1, 2, term=1, terms=[1]))
    (append,) = [one for one in sent if one.receiver == S2]
    member.step(append)
    member.do_orders()
    member.step(heartbeat(1, 2, term=1, commit=2))
    assert member.status.commit_index == 2 and member.status.applied_index < 2
    assert not of_kind(member.tick(3 * ELECTION_TICKS), RequestVote)
    member.do_orders()
    assert of_kind(member.tick(3 * ELECTION_TICKS), RequestVote)


# ---- 4.2.1 ------------------------------------------------------------------


def test_new_server_catches_up_as_a_learner_and_is_promoted() -> None:
    """§4.2.1: so that the group is not the less available while it catches up."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    leader = cluster.elect(1)
    for number in range(20):
        cluster.propose(1, b"%d" % number)
    cluster.add_blank(4)
    cluster.change(1, "l4")
    assert cluster[4].log == leader.log
    assert not leader.status.conf_state.voters_outgoing
    cluster.change(1, "v4")
    cluster.propose(1, b"x", cut=[3])
    assert cluster[4].applied == leader.applied


def test_learner_counts_neither_for_commit_nor_for_votes() -> None:
    """§4.2.1: "not yet counted towards majorities"."""
    leader = settled_leader(learners=(4, 5))
    leader.propose(b"x")
    leader.acknowledge(4, 5)
    assert leader.applied == []
    candidate = Member(1, voters=[1, 2, 3], learners=[4, 5])
    assert [one.receiver for one in of_kind(candidate.campaign(), RequestVote)] == [
        2,
        3,
    ]
    for learner in (4, 5):
        candidate.step(
            RequestVoteReply(
                sender=NodeId(learner),
                receiver=S1,
                term=candidate.status.term,
                granted=True,
            )
        )
    assert candidate.role is Role.CANDIDATE


def test_learner_does_not_stand_and_yet_it_votes() -> None:
    """§4.2.1: only who knows it as a voter asks it; it may have been promoted
    without knowing it yet, and without its vote there might be no majority."""
    learner = Member(4, voters=[1, 2, 3], learners=[4])
    assert not learner.tick(5 * ELECTION_TICKS)
    answer = only(learner.step(vote_request(1, 4, 1, (0, 0))), RequestVoteReply)
    assert answer.granted


def test_promotion_keeps_what_is_known_of_the_log() -> None:
    """§4.2.1: a learner that has caught up counts at once."""
    leader = settled_leader(learners=(4,))
    leader.acknowledge(4)
    leader.propose_change("v4")
    leader.acknowledge(2)
    assert leader.status.progress[NodeId(4)].match_index == 1
    assert not leader.status.progress[NodeId(4)].is_learner


# ---- 4.2.2 ------------------------------------------------------------------


def test_leader_that_is_removed_leads_on_until_that_is_committed() -> None:
    """§4.2.2: and its own word does not count towards it once it is applied."""
    leader = settled_leader()
    leader.propose_change("r1")
    assert leader.role is Role.LEADER
    leader.acknowledge(2)
    assert leader.status.conf_state.voters == (S2, S3)
    assert leader.status.role is Role.FOLLOWER
    assert leader.status.leader is None
    assert leader.status.term == 1, "nobody else was elected for that"


def test_removed_leader_may_lead_on_where_that_is_chosen() -> None:
    """§4.2.2; as etcd does by default: it replicates, but takes no proposal and does
    not count itself."""
    leader = Member(1, step_down_on_removal=False)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose(b"x")
    leader.propose_change("r1")
    leader.propose(b"y")
    leader.acknowledge(2, match=3)
    assert leader.status.conf_state.voters == (S2, S3)
    assert leader.role is Role.LEADER
    assert leader.applied == ["x"]
    leader.acknowledge(2)
    assert leader.applied == ["x"], "2 alone is no majority of 2 and 3"
    leader.acknowledge(3)
    assert leader.applied == ["x", "y"]
    assert [beat.receiver for beat in of_kind(leader.tick(), Heartbeat)] == [2, 3]


def test_others_go_on_after_their_leader_was_removed() -> None:
    """§4.2.2: they elect one of themselves."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.change(1, "r1")
    cluster.heartbeat(1)
    cluster.elect(2)
    cluster.propose(2, b"x")
    assert cluster[3].applied == ["x"]
    assert not cluster[1].tick(5 * ELECTION_TICKS)


# ---- 4.2.3 ------------------------------------------------------------------


def test_removed_server_cannot_depose_the_leader_of_the_others() -> None:
    """§4.2.3: "if a server receives a RequestVote request within the minimum election
    timeout of hearing from a current leader, it does not update its term or grant its
    vote"."""
    cluster = Cluster(check_quorum=True)
    leader = cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    # 3 heard nothing for long, and stands time and again.
    for _ in range(3):
        cluster.send(cluster[3].campaign())
        cluster.deliver()
    assert leader.role is Role.LEADER
    assert [one.status.term for one in cluster] == [1, 1, 4]


def test_leader_does_not_listen_to_candidates_either() -> None:
    """§4.2.3: it is its own live leader."""
    leader = Member(1, check_quorum=True)
    leader.lead()
    assert not leader.step(vote_request(3, 1, 9, (9, 9)))
    assert leader.role is Role.LEADER


def test_transfer_is_told_apart_from_a_disturbance() -> None:
    """§4.2.3: a flag in the request says that the leader itself wants it."""
    follower = Member(2, check_quorum=True)
    follower.step(heartbeat(1, 2, term=1))
    request = vote_request(3, 2, 2, (0, 0), is_transfer=True)
    assert only(follower.step(request), RequestVoteReply).granted


# ---- 4.3 --------------------------------------------------------------------


def test_server_is_replaced_in_one_step() -> None:
    """§4.3: an arbitrary change; at no time does a majority lack either half."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.add_blank(4)
    leader = cluster.elect(1)
    cluster.change(1, "r3 v4")
    cluster.heartbeat(1)
    expected = ConfState(voters=(S1, S2, NodeId(4)))
    assert leader.status.conf_state == cluster[4].status.conf_state == expected


def test_joint_configuration_is_left_by_a_later_leader_too() -> None:
    """§4.3: the leader that began it may crash before it proposes to leave."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.add_blank(4)
    leader = cluster.elect(1)
    cluster.send(leader.propose_change("r3 v4"))
    cluster.deliver(until=AppendEntriesReply)
    cluster.deliver(rounds=1)
    assert leader.status.conf_state.auto_leave
    cluster.drop()  # Its proposal to leave reaches nobody.
    leader.restart()
    cluster.elect(2)
    for _ in range(3):
        cluster.heartbeat(2)
    assert cluster[2].status.conf_state == ConfState(voters=(S1, S2, NodeId(4)))


def test_leaving_that_was_refused_is_tried_again() -> None:
    """§4.3 with §3.10: a transfer is under way, say; it must not end joint for ever."""
    leader = settled_leader()
    leader.propose_change("v4 r3")
    leader.step(TransferLeadership(S2))
    leader.acknowledge(2, match=2)
    leader.acknowledge(3, match=2)
    assert leader.status.conf_state.voters_outgoing == (S1, S2, S3)
    assert leader.log == [1, 1], "while handing over it proposes nothing"
    leader.step(TransferLeadership(S1))  # ends the transfer
    leader.propose(b"x")
    leader.acknowledge(2, 4)
    leader.acknowledge(2, 4)
    leader.acknowledge(2, 4)
    assert leader.status.conf_state == ConfState(voters=(S1, S2, NodeId(4)))


def test_demoted_voter_counts_in_the_old_half_until_that_is_left() -> None:
    """§4.3 with §4.2.1: it can't be a learner and a voter at a time."""
    leader = settled_leader()
    leader.propose_change("l3 v4", EXPLICIT)
    leader.acknowledge(2)
    conf_state = leader.status.conf_state
    assert (conf_state.learners, conf_state.learners_next) == ((), (S3,))
    leader.propose(b"x")
    leader.acknowledge(3, 4)
    assert leader.applied == ["x"], "1 and 3 of the old half, 1 and 4 of the new"
    leader.propose_change("")
    leader.acknowledge(3, 4)
    assert leader.status.conf_state.learners == (S3,)
    assert leader.status.last_log_index == LogIndex(4)
