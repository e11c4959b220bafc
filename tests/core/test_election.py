"""Standing, voting and counting, beside what `paper/` says of them."""

import pytest

from raftwerk.core.events import (
    CampaignNotPromotable,
    CampaignOfLeader,
    CampaignWithPendingChange,
    VoteCast,
    VoteRefused,
)
from raftwerk.core.inputs import ForgetLeader
from raftwerk.core.messages import (
    AppendEntries,
    Message,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.types import NodeId, Term

from .member import (
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


def vote(
    sender: int, term: int, *, granted: bool = True, receiver: int = 1
) -> RequestVoteReply:
    """Return a vote."""
    return RequestVoteReply(
        sender=NodeId(sender),
        receiver=NodeId(receiver),
        term=Term(term),
        granted=granted,
    )


# ---- who may stand ----------------------------------------------------------


def test_leader_that_is_told_to_stand_leads_on() -> None:
    leader = Member(1)
    leader.lead()
    before = leader.status
    assert not leader.campaign()
    assert leader.status == before
    assert isinstance(leader.events[-1], CampaignOfLeader)


@pytest.mark.parametrize(
    "member",
    [
        Member(4, voters=[1, 2, 3], learners=[4]),
        Member(9, voters=[1, 2, 3]),
        Member(1, voters=[]),
    ],
    ids=["a learner", "a stranger", "a blank member"],
)
def test_who_is_no_voter_does_not_stand_and_answers_all_the_same(
    member: Member,
) -> None:
    assert not member.campaign()
    assert isinstance(member.events[-1], CampaignNotPromotable)
    own = member.status.node_id
    sent = member.step(vote_request(2, own, 1, (0, 0)))
    assert only(sent, RequestVoteReply).granted
    assert member.step(heartbeat(3, own, term=2))


def test_committed_change_that_is_not_applied_keeps_from_standing() -> None:
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    (append,) = of_kind(leader.propose_change("v4")[:1], AppendEntries)
    member = Member(2, log=[1], term=1, commit=1, asynchronous_storage=True)
    member.do_orders()
    member.step(append)
    member.step(heartbeat(1, 2, term=1, commit=2))
    while member.append_orders:
        member.do_append()
    assert member.apply_orders and not member.campaign()
    assert isinstance(member.events[-1], CampaignWithPendingChange)
    member.do_orders()
    assert of_kind(member.campaign(), RequestVote)


# ---- giving votes -----------------------------------------------------------


def test_known_leader_of_the_term_blocks_a_vote() -> None:
    """Whoever knows a leader of this term knows that the election is decided."""
    member = Member(1)
    member.step(heartbeat(2, 1, term=3))
    assert not only(
        member.step(vote_request(3, 1, 3, (9, 9))), RequestVoteReply
    ).granted
    member.step(ForgetLeader())
    assert only(member.step(vote_request(3, 1, 3, (9, 9))), RequestVoteReply).granted


def test_decision_is_told_with_what_was_known_then() -> None:
    member = Member(1, log=[1, 2], term=4)
    member.step(vote_request(2, 1, 5, (9, 9)))
    member.step(vote_request(3, 1, 5, (8, 8)))
    cast, refused = member.events[-2:]
    assert isinstance(cast, VoteCast) and isinstance(refused, VoteRefused)
    assert (cast.vote, refused.vote) == (None, S2)
    assert (cast.last_log_index, cast.last_log_term) == (2, 2)
    assert (refused.candidate_log_index, refused.candidate_log_term) == (8, 8)


def test_refusal_starts_no_clock_again() -> None:
    member = Member(1, log=[1], term=1)
    member.tick(ELECTION_TICKS - 1)
    member.step(vote_request(2, 1, 1, (0, 0)))
    assert of_kind(member.tick(), RequestVote)


def test_answers_carry_the_term_that_the_asker_needs() -> None:
    member = Member(1, log=[5], term=5)
    grant = only(member.step(pre_vote_request(2, 1, 9, (9, 9))), RequestPreVoteReply)
    refusal = only(member.step(pre_vote_request(2, 1, 9, (0, 0))), RequestPreVoteReply)
    assert (grant.granted, grant.term) == (True, 9)
    assert (refusal.granted, refusal.term) == (False, 5)


# ---- counting votes ---------------------------------------------------------


def test_answers_that_come_after_the_decision_are_ignored_in_silence() -> None:
    for member in (Member(1), Member(1)):
        member.campaign()
        for sender in (2, 3):
            member.step(vote(sender, 1, granted=sender == 2))
        member.events.clear()
        role = member.role
        member.step(vote(3, 1))
        assert (member.role, member.events) == (role, [])


def test_opinions_do_not_make_a_leader_nor_votes_a_candidate() -> None:
    member = Member(1, pre_vote=True)
    member.campaign()
    member.step(vote(2, 0))
    assert member.role is Role.PRE_CANDIDATE
    sent: list[Message] = [
        *member.step(
            RequestPreVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True)
        )
    ]
    assert of_kind(sent, RequestVote) and not of_kind(sent, RequestPreVote)


def test_votes_of_those_who_are_no_voters_do_not_count() -> None:
    candidate = Member(1, voters=[1, 2, 3], learners=[4, 5])
    candidate.campaign()
    candidate.step(vote(4, 1))
    candidate.step(vote(5, 1))
    assert candidate.role is Role.CANDIDATE


def test_leader_waits_for_its_own_vote_to_be_durable() -> None:
    """Else a crash would let it forget the term, and be elected in it again: its new
    entries would take the places of those that it had appended before (§5.3)."""
    candidate = Member(1, asynchronous_storage=True)
    candidate.campaign()
    for sender in (2, 3):
        candidate.step(vote(sender, 1))
    assert candidate.role is Role.CANDIDATE
    candidate.do_append()
    assert candidate.status.role is Role.LEADER


# ---- what a role forgets ----------------------------------------------------


def test_question_before_standing_forgets_only_leader_and_answers() -> None:
    member = Member(1, term=3, vote=2, pre_vote=True)
    member.step(heartbeat(2, 1, term=3))
    member.replica.set_election_timeout(3 * ELECTION_TICKS)
    member.tick(ELECTION_TICKS)
    member.campaign()
    status = member.status
    assert (status.term, status.vote, status.leader) == (3, S2, None)
    assert member.replica.ticks_until_deadline() == 2 * ELECTION_TICKS


def test_stepping_down_forgets_all_that_was_a_leaders() -> None:
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose(b"waits")
    leader.propose_change("v4")
    leader.read_index(7)
    leader.step(heartbeat(2, 1, term=9))
    state = leader.replica.state
    assert (state.vote, state.transferee, state.uncommitted_bytes) == (None, None, 0)
    assert (state.pending_conf_index, state.reads.newest_round) == (0, 0)
    assert not state.tracker.votes
    assert {one.match_index for _, one in state.tracker.others(S1)} == {0}


def test_vote_is_kept_for_as_long_as_the_term() -> None:
    member = Member(1)
    member.campaign()
    for sender in (2, 3):
        member.step(vote(sender, 1, granted=False))
    assert (member.role, member.status.vote) == (Role.FOLLOWER, S1)
    assert not only(
        member.step(vote_request(2, 1, 1, (9, 9))), RequestVoteReply
    ).granted
    assert only(member.step(vote_request(3, 1, 2, (9, 9))), RequestVoteReply).granted


# ---- forgetting the leader --------------------------------------------------


def test_follower_that_forgot_its_leader_gets_it_back_with_the_next_word() -> None:
    member = Member(1)
    member.step(heartbeat(2, 1, term=3))
    member.tick(4)
    for _ in range(2):
        member.step(ForgetLeader())
    assert (member.status.leader, member.status.term) == (None, 3)
    assert member.replica.ticks_until_deadline() == ELECTION_TICKS - 4
    with pytest.raises(NotLeader):
        member.propose(b"x")
    member.step(heartbeat(2, 1, term=3))
    assert member.status.leader == S2


def test_learner_may_forget_its_leader_and_nobody_else_has_one_to_forget() -> None:
    learner = Member(4, voters=[1, 2, 3], learners=[4])
    learner.step(heartbeat(2, 4, term=3))
    learner.step(ForgetLeader())
    assert learner.status.leader is None
    leader, candidate = Member(1), Member(1)
    leader.lead()
    candidate.campaign()
    for member in (leader, candidate):
        before = member.status
        member.step(ForgetLeader())
        assert member.status == before
