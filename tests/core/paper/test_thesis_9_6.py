"""Thesis §9.6: pre-vote. Who can't win does not disturb."""

import pytest

from raftwerk.core.messages import (
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.types import NodeId, Term

from ..cluster import Cluster
from ..member import (
    ELECTION_TICKS,
    S1,
    S2,
    Member,
    heartbeat,
    of_kind,
    only,
    pre_vote_request,
    vote_request,
)


def opinion(sender: int, term: int, *, granted: bool = True) -> RequestPreVoteReply:
    """Return an answer to what member 1 asks."""
    return RequestPreVoteReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), granted=granted
    )


def asking() -> Member:
    """Return a member that has asked whether it could win; its term is 3."""
    member = Member(1, voters=[1, 2, 3, 4, 5], term=3, pre_vote=True)
    member.campaign()
    assert member.role is Role.PRE_CANDIDATE
    return member


def test_term_does_not_move_before_a_majority_would_vote() -> None:
    """§9.6: "a candidate only increments its term if it first learns from a majority of
    the cluster that they would be willing to grant the candidate their votes"."""
    member = asking()
    requests = of_kind(member.campaign(), RequestPreVote)
    assert {request.term for request in requests} == {4}
    assert member.status.term == 3
    member.step(opinion(2, 4))
    assert member.status.term == 3
    sent = member.step(opinion(3, 4))
    assert {request.term for request in of_kind(sent, RequestVote)} == {4}
    assert member.status.term == 4


def test_question_changes_nothing_at_the_one_who_is_asked() -> None:
    """§9.6: neither its term nor its vote, nor does its election clock start again."""
    member = Member(2)
    before = member.store.initial_state()
    member.tick(ELECTION_TICKS - 1)
    answer = only(member.step(pre_vote_request(1, 2, 9, (0, 0))), RequestPreVoteReply)
    assert (answer.granted, answer.term) == (True, 9)
    assert (member.status.term, member.status.vote) == (0, None)
    assert member.store.initial_state() == before
    assert of_kind(member.tick(), RequestVote), "its own timeout ran on"


def test_one_who_voted_may_still_be_of_the_opinion_that_another_would_win() -> None:
    """§9.6: an opinion about a future term is bound by no vote in this one."""
    member = Member(2)
    member.step(vote_request(3, 2, 1, (0, 0)))
    for candidate in (1, 3):
        answer = only(
            member.step(pre_vote_request(candidate, 2, 2, (0, 0))), RequestPreVoteReply
        )
        assert answer.granted


OPINIONS = [
    # our log  the asker's last (index, term)  in which term  granted
    ([1], (1, 1), 4, True),
    ([1, 1], (1, 1), 4, False),
    ([2], (5, 1), 4, False),
    ([1], (1, 1), 2, False),
]


@pytest.mark.parametrize(("log", "last", "term", "granted"), OPINIONS)
def test_opinion_looks_at_the_log_as_a_vote_does(
    log: list[int], last: tuple[int, int], term: int, granted: bool
) -> None:
    """§9.6 with §5.4.1; in an older term the answer is no, in our own term, so that the
    asker learns of it."""
    member = Member(2, log=log, term=3)
    answer = only(member.step(pre_vote_request(1, 2, term, last)), RequestPreVoteReply)
    assert answer.granted is granted
    assert answer.term == (term if granted else 3)


def test_refusals_of_a_majority_end_the_attempt_in_the_present_term() -> None:
    """§9.6: it waits for another timeout."""
    member = asking()
    for sender in (2, 3, 4):
        member.step(opinion(sender, 3, granted=False))
    assert (member.status.role, member.status.term) == (Role.FOLLOWER, 3)


def test_refusal_of_a_newer_term_is_followed_and_a_grant_is_not() -> None:
    """§9.6 with §5.1: a grant is in the term that we asked for, and we get there by
    winning only."""
    member = asking()
    member.step(opinion(2, 4))
    assert (member.role, member.status.term) == (Role.PRE_CANDIDATE, 3)
    member.step(opinion(3, 9, granted=False))
    assert (member.status.role, member.status.term) == (Role.FOLLOWER, 9)


def test_opinions_are_no_votes_and_votes_no_opinions() -> None:
    """§9.6; canonical/raft #196 counted the one as the other."""
    member = asking()
    for sender in (2, 3, 4, 5):
        member.step(
            RequestVoteReply(
                sender=NodeId(sender), receiver=S1, term=Term(3), granted=True
            )
        )
    assert member.role is Role.PRE_CANDIDATE
    member.step(opinion(2, 4))
    member.step(opinion(3, 4))
    assert member.status.role is Role.CANDIDATE
    for sender in (2, 3, 4, 5):
        member.step(opinion(sender, 4))
    assert member.status.role is Role.CANDIDATE


def test_member_that_was_cut_off_comes_back_without_a_new_term() -> None:
    """§9.6: it "solves the issue of a partitioned server disrupting the cluster when it
    rejoins"; its term did not grow while nobody heard it."""
    cluster = Cluster(pre_vote=True, check_quorum=True)
    leader = cluster.elect(1)
    for _ in range(10):
        cluster.send(cluster[3].tick(ELECTION_TICKS))
        cluster.heartbeat(1, cut=[3])
    assert cluster[3].status.term == 1
    cluster.send(cluster[3].tick(ELECTION_TICKS))
    cluster.deliver()
    cluster.heartbeat(1)
    assert leader.role is Role.LEADER
    assert [one.status.term for one in cluster] == [1, 1, 1]
    assert cluster[3].status.leader == 1


def test_who_hears_of_a_leader_is_of_the_opinion_that_nobody_else_wins() -> None:
    """§9.6: they grant only if they "have not received heartbeats from a valid leader
    for at least a baseline election timeout"."""
    member = Member(2, check_quorum=True, pre_vote=True)
    member.step(heartbeat(1, 2, term=1))
    assert not member.step(pre_vote_request(3, 2, 2, (9, 9)))
    member.replica.set_election_timeout(2 * ELECTION_TICKS)
    member.tick(ELECTION_TICKS)
    answer = only(member.step(pre_vote_request(3, 2, 2, (9, 9))), RequestPreVoteReply)
    assert answer.granted


def test_two_of_three_elect_a_leader_by_the_same_rules() -> None:
    """§9.6: it costs liveness nothing."""
    cluster = Cluster(pre_vote=True)
    cluster.send(cluster[2].tick(ELECTION_TICKS))
    cluster.deliver(cut=[1])
    assert cluster[2].role is Role.LEADER
    assert cluster[2].status.term == 1


def test_outdated_leader_with_a_smaller_term_and_a_longer_log_blocks_nobody() -> None:
    """§9.6; as etcd: one member has the newer term, the other the longer log; an
    older question is answered, or neither would ever win."""
    longer = Member(1, voters=[1, 2], log=[1, 1], term=1, pre_vote=True)
    newer = Member(2, voters=[1, 2], log=[1], term=5, pre_vote=True)
    question = only(longer.campaign(), RequestPreVote)
    refusal = only(newer.step(question), RequestPreVoteReply)
    assert (refusal.granted, refusal.term) == (False, 5)
    longer.step(refusal)
    assert longer.status.term == 5
    question = only(longer.campaign(), RequestPreVote)
    assert only(newer.step(question), RequestPreVoteReply).granted
    assert S2 in longer.status.conf_state.voters
