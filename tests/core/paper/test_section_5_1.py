"""Raft paper §5.1: terms, the logical clock, and what an outdated one leads to."""

import pytest

from raftwerk.core.messages import (
    AppendEntriesRefusal,
    AppendEntriesReply,
    HeartbeatReply,
    Message,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, Term

from ..member import S1, S2, Member, append_entries, heartbeat, only, vote_request

NEWER = [
    # any message of a newer term, to member 1 from member 2
    append_entries(2, 1, term=9),
    heartbeat(2, 1, term=9),
    vote_request(2, 1, term=9, last=(0, 0)),
    RequestVoteReply(sender=S2, receiver=S1, term=Term(9), granted=False),
    RequestPreVoteReply(sender=S2, receiver=S1, term=Term(9), granted=False),
    AppendEntriesReply(sender=S2, receiver=S1, term=Term(9), match_index=LogIndex(0)),
    AppendEntriesRefusal(
        sender=S2,
        receiver=S1,
        term=Term(9),
        refused_index=LogIndex(1),
        hint_index=LogIndex(0),
        hint_term=Term(0),
    ),
    HeartbeatReply(sender=S2, receiver=S1, term=Term(9)),
]

STALE = [
    # any message of an older term, to member 1 from member 2
    append_entries(2, 1, term=1, terms=[1], commit=1),
    heartbeat(2, 1, term=1),
    vote_request(2, 1, term=1, last=(9, 1)),
    RequestVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True),
    AppendEntriesReply(sender=S2, receiver=S1, term=Term(1), match_index=LogIndex(9)),
    HeartbeatReply(sender=S2, receiver=S1, term=Term(1)),
    TimeoutNow(sender=S2, receiver=S1, term=Term(1)),
]


def kind(message: Message) -> str:
    """Return a name for a case."""
    return type(message).__name__


@pytest.mark.parametrize("message", NEWER, ids=kind)
@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.CANDIDATE, Role.LEADER])
def test_whoever_hears_of_a_newer_term_follows_in_it(
    role: Role, message: Message
) -> None:
    """§5.1: "If a candidate or leader discovers that its term is out of date, it
    immediately reverts to follower state"; any server takes the larger term."""
    member = Member(1, term=3)
    if role is not Role.FOLLOWER:
        member.campaign()
    if role is Role.LEADER:
        member.lead()
    assert member.role is role
    member.step(message)
    assert (member.status.term, member.role) == (9, Role.FOLLOWER)
    assert member.store.initial_state()[0].term == 9, "it is durable before an answer"


@pytest.mark.parametrize("message", STALE, ids=kind)
@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.CANDIDATE, Role.LEADER])
def test_message_of_an_older_term_changes_nothing(role: Role, message: Message) -> None:
    """§5.1: "If a server receives a request with a stale term number, it rejects the
    request"; where silence says as much, it does not answer."""
    member = Member(1, term=3)
    if role is not Role.FOLLOWER:
        member.campaign()
    if role is Role.LEADER:
        member.lead()
    before = member.status
    sent = member.step(message)
    assert member.status == before
    assert not sent


def test_outdated_leader_learns_of_the_newer_term_where_it_could_not_otherwise() -> (
    None
):
    """§5.1: terms are exchanged whenever servers communicate. With pre-vote no
    candidacy would tell an outdated leader; so its append is answered."""
    member = Member(1, term=3, pre_vote=True)
    for stale in (append_entries(2, 1, term=1), heartbeat(2, 1, term=1)):
        assert only(member.step(stale), AppendEntriesReply).term == 3


def test_term_grows_by_one_with_each_election_and_never_goes_back() -> None:
    """§5.1: "terms are numbered with consecutive integers"; each begins with an
    election."""
    member = Member(1, term=3)
    terms = [only(member.campaign()[:1], RequestVote).term for _ in range(3)]
    assert terms == [4, 5, 6]
    member.restart()
    assert member.status.term == 6


def test_follower_that_hears_of_its_leader_asks_for_nothing() -> None:
    """§5.1: "Followers are passive: they issue no requests on their own"."""
    member = Member(1)
    sent = []
    for _ in range(50):
        sent += member.step(heartbeat(2, 1, term=1))
        sent += member.tick(9)
    assert {type(message) for message in sent} == {HeartbeatReply}
