"""What is settled before any handler looks: newer, older, equal terms; leases."""

from typing import Any

import pytest

from raftwerk.core.events import HigherTermSeen, LowerTermIgnored, VoteIgnored
from raftwerk.core.messages import (
    AppendEntriesReply,
    ForwardProposal,
    ForwardReadIndex,
    InstallSnapshot,
    Message,
    Proposal,
    RequestPreVoteReply,
    RequestVoteReply,
)
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, Term

from .member import (
    ELECTION_TICKS,
    S1,
    S2,
    S3,
    Member,
    append_entries,
    heartbeat,
    only,
    pre_vote_request,
    vote_request,
)

SNAPSHOT = Snapshot(LogIndex(1), Term(1), ConfState(voters=(S1, S2, S3)))


def follower_of_2(**settings: Any) -> Member:
    """Return a member that has just heard of its leader in term 4."""
    member = Member(1, term=4, **settings)
    member.step(heartbeat(2, 1, term=4))
    return member


def kinds(member: Member) -> list[str]:
    """Return the names of what happened."""
    return [type(event).__name__ for event in member.events]


NEWER = [
    # a message of a newer term  whom its receiver follows then
    (append_entries(3, 1, term=9), S3),
    (heartbeat(3, 1, term=9), S3),
    (InstallSnapshot(sender=S3, receiver=S1, term=Term(9), snapshot=SNAPSHOT), S3),
    (vote_request(3, 1, term=9, last=(0, 0)), None),
    (RequestVoteReply(sender=S3, receiver=S1, term=Term(9), granted=True), None),
]


@pytest.mark.parametrize(("message", "leader"), NEWER)
def test_only_what_leaders_say_names_a_leader(
    message: Message, leader: int | None
) -> None:
    member = follower_of_2()
    member.step(message)
    assert (member.status.term, member.status.leader) == (9, leader)
    (seen,) = [one for one in member.events if isinstance(one, HigherTermSeen)]
    assert (seen.term, seen.message_term, seen.sender) == (4, 9, 3)


@pytest.mark.parametrize("ask", [vote_request, pre_vote_request])
def test_follower_of_a_live_leader_does_not_even_answer_a_newer_candidate(
    ask: Any,
) -> None:
    member = follower_of_2(check_quorum=True)
    member.tick(3)
    assert not member.step(ask(3, 1, 9, (9, 9)))
    assert member.status.term == 4
    (ignored,) = [one for one in member.events if isinstance(one, VoteIgnored)]
    assert ignored.remaining_ticks == ELECTION_TICKS - 3


def test_without_check_quorum_no_leader_counts_as_live() -> None:
    """Nobody would step down, so a leader that is cut off could block all for ever."""
    member = follower_of_2(check_quorum=False)
    assert only(member.step(vote_request(3, 1, 9, (9, 9))), RequestVoteReply).granted


def test_lease_keeps_nobody_from_refusing_in_the_present_term() -> None:
    """It is about newer terms; in this one the election is decided: that is said."""
    member = follower_of_2(check_quorum=True)
    refusal = only(member.step(vote_request(3, 1, 4, (9, 9))), RequestVoteReply)
    assert (refusal.granted, refusal.term) == (False, 4)


def test_leader_is_its_own_live_leader() -> None:
    leader = Member(1, check_quorum=True)
    leader.lead()
    assert not leader.step(pre_vote_request(3, 1, 9, (9, 9)))
    assert not leader.step(vote_request(3, 1, 9, (9, 9)))
    assert leader.role is Role.LEADER


def test_lease_runs_out_after_the_least_timeout_whatever_was_drawn() -> None:
    member = follower_of_2(check_quorum=True, draw=lambda bound: bound - 1)
    member.tick(ELECTION_TICKS)
    assert only(member.step(vote_request(3, 1, 9, (9, 9))), RequestVoteReply).granted


def test_opinion_in_a_newer_term_changes_no_term() -> None:
    member = follower_of_2()
    answer = only(member.step(pre_vote_request(3, 1, 9, (9, 9))), RequestPreVoteReply)
    assert (answer.granted, answer.term) == (True, 9)
    member.step(RequestPreVoteReply(sender=S3, receiver=S1, term=Term(9), granted=True))
    assert (member.status.term, member.status.leader) == (4, S2)
    member.step(
        RequestPreVoteReply(sender=S3, receiver=S1, term=Term(9), granted=False)
    )
    assert (member.status.term, member.status.leader) == (9, None)


OUTDATED = [append_entries(3, 1, term=2, terms=[1]), heartbeat(3, 1, term=2)]


@pytest.mark.parametrize("message", OUTDATED)
@pytest.mark.parametrize(
    "settings", [{"pre_vote": True}, {"check_quorum": True}], ids=str
)
def test_outdated_leader_is_answered_where_no_candidacy_would_tell_it(
    message: Message, settings: dict[str, bool]
) -> None:
    member = follower_of_2(**settings)
    answer = only(member.step(message), AppendEntriesReply)
    assert (answer.term, answer.match_index) == (4, 0)
    assert member.status.leader == S2


@pytest.mark.parametrize("message", OUTDATED)
def test_outdated_leader_gets_no_answer_where_a_candidacy_tells_it(
    message: Message,
) -> None:
    member = follower_of_2()
    assert not member.step(message)
    assert "LowerTermIgnored" in kinds(member)


def test_what_has_no_term_is_taken_in_any() -> None:
    """Whoever leads may take what a follower hands on."""
    leader = Member(1, term=4)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.step(ForwardProposal(sender=S2, receiver=S1, proposals=(Proposal(b"x"),)))
    leader.step(ForwardReadIndex(sender=S2, receiver=S1, context=7))
    assert leader.log == [5, 5]
    assert not any(isinstance(one, LowerTermIgnored) for one in leader.events)
