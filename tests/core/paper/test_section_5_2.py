"""Raft paper §5.2: leader election."""

import pytest

from raftwerk.core.messages import (
    AppendEntries,
    Heartbeat,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.host.draw import SplitMix64
from raftwerk.types import NodeId, Term

from ..cluster import Cluster
from ..member import (
    ELECTION_TICKS,
    S1,
    S2,
    S3,
    Member,
    append_entries,
    heartbeat,
    of_kind,
    only,
    vote_request,
)


def vote(sender: int, term: int, *, granted: bool = True) -> RequestVoteReply:
    """Return an answer to the candidacy of member 1."""
    return RequestVoteReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), granted=granted
    )


def test_server_starts_as_a_follower() -> None:
    """§5.2: "When servers start up, they begin as followers"."""
    member = Member(1, term=4, vote=1)
    assert (member.role, member.status.leader) == (Role.FOLLOWER, None)
    assert not member.replica.has_ready()


def test_follower_stands_when_it_hears_nothing_for_an_election_timeout() -> None:
    """§5.2: a follower that receives no communication over the election timeout
    "assumes there is no viable leader and begins an election"."""
    member = Member(1)
    assert not member.tick(ELECTION_TICKS - 1)
    assert of_kind(member.tick(), RequestVote)
    assert member.role is Role.CANDIDATE


def test_word_of_the_leader_holds_off_an_election() -> None:
    """§5.2: "A server remains in follower state as long as it receives valid RPCs
    from a leader or candidate"."""
    member = Member(1)
    for message in (heartbeat(2, 1, term=1), append_entries(2, 1, term=1)):
        member.step(message)
        assert not of_kind(member.tick(ELECTION_TICKS - 1), RequestVote)


def test_granted_vote_holds_off_an_election_and_a_refused_one_does_not() -> None:
    """§5.2, and Fig. 2 (rules for followers): the timer starts again when a vote is
    granted."""
    granting, refusing = Member(1), Member(1, log=[1])
    for member in (granting, refusing):
        member.tick(ELECTION_TICKS - 1)
    assert only(granting.step(vote_request(2, 1, 1, (0, 0))), RequestVoteReply).granted
    granting.tick(ELECTION_TICKS - 1)
    assert granting.role is Role.FOLLOWER
    # In the same term: a newer one begins a new timeout for other reasons.
    refusal = only(refusing.step(vote_request(2, 1, 1, (0, 0))), RequestVoteReply)
    assert not refusal.granted
    refusing.tick()
    assert refusing.role is Role.CANDIDATE


def test_candidate_raises_its_term_votes_for_itself_and_asks_all_others() -> None:
    """§5.2: "a follower increments its current term and transitions to candidate state.
    It then votes for itself and issues RequestVote RPCs in parallel"."""
    member = Member(1, voters=[1, 2, 3, 4, 5], log=[1, 2], term=2)
    requests = of_kind(member.tick(ELECTION_TICKS), RequestVote)
    assert [request.receiver for request in requests] == [2, 3, 4, 5]
    assert {(r.term, r.last_log_index, r.last_log_term) for r in requests} == {
        (3, 2, 2)
    }
    stored = member.store.initial_state()[0]
    assert (stored.term, stored.vote) == (3, S1)


WINS = [
    # voters  granted by others  refused by others  what it becomes
    (1, 0, 0, Role.LEADER),
    (2, 0, 0, Role.CANDIDATE),
    (2, 1, 0, Role.LEADER),
    (3, 0, 0, Role.CANDIDATE),
    (3, 1, 0, Role.LEADER),
    (3, 0, 1, Role.CANDIDATE),
    (3, 0, 2, Role.FOLLOWER),
    (4, 1, 0, Role.CANDIDATE),
    (4, 1, 1, Role.CANDIDATE),
    (4, 2, 1, Role.LEADER),
    (4, 1, 2, Role.FOLLOWER),
    (5, 1, 2, Role.CANDIDATE),
    (5, 2, 2, Role.LEADER),
    (5, 1, 3, Role.FOLLOWER),
]


@pytest.mark.parametrize(("voters", "granted", "refused", "role"), WINS)
def test_candidate_wins_with_a_majority_of_the_full_cluster(
    voters: int, granted: int, refused: int, role: Role
) -> None:
    """§5.2: "A candidate wins an election if it receives votes from a majority of the
    servers in the full cluster for the same term"."""
    member = Member(1, voters=range(1, voters + 1))
    member.campaign()
    for sender in range(2, 2 + refused):
        member.step(vote(sender, 1, granted=False))
    for sender in range(2 + refused, 2 + refused + granted):
        member.step(vote(sender, 1))
    assert member.role is role


def test_vote_of_one_server_counts_once() -> None:
    """§5.2: a majority of servers, not of answers; an answer may be repeated."""
    member = Member(1, voters=[1, 2, 3, 4, 5])
    member.campaign()
    for _ in range(3):
        member.step(vote(2, 1))
    assert member.role is Role.CANDIDATE
    # Nor can a voter change its mind.
    member.step(vote(3, 1, granted=False))
    member.step(vote(3, 1))
    assert member.role is Role.CANDIDATE


def test_votes_of_an_earlier_term_do_not_count() -> None:
    """§5.2: votes "for the same term"."""
    member = Member(1)
    member.campaign()
    member.campaign()
    member.step(vote(2, 1))
    assert (member.status.term, member.role) == (2, Role.CANDIDATE)


def test_server_votes_for_one_candidate_a_term_first_come_first_served() -> None:
    """§5.2: "Each server will vote for at most one candidate in a given term, on a
    first-come-first-served basis"."""
    member = Member(1)
    first = only(member.step(vote_request(2, 1, 1, (0, 0))), RequestVoteReply)
    second = only(member.step(vote_request(3, 1, 1, (9, 9))), RequestVoteReply)
    assert (first.granted, second.granted) == (True, False)


def test_vote_is_durable_before_it_leaves() -> None:
    """§5.2 with Fig. 2 ("updated on stable storage before responding"): after a crash
    no second candidate gets the vote of the same term."""
    member = Member(1)
    member.replica.step(vote_request(2, 1, 1, (0, 0)))
    ready = member.replica.ready()
    assert not of_kind(ready.messages, RequestVoteReply)
    assert only(ready.messages_after_sync, RequestVoteReply).granted
    assert ready.must_sync
    hard_state = ready.hard_state
    assert hard_state is not None
    assert (hard_state.term, hard_state.vote) == (1, S2)
    # It was stored and then the power failed.
    member.store.append(hard_state, ())
    member.store.sync()
    member.restart()
    answer = only(member.step(vote_request(3, 1, 1, (0, 0))), RequestVoteReply)
    assert not answer.granted


def test_lost_answer_is_given_again() -> None:
    """§5.2 with §5.5: RPCs are retried, so a vote for the same candidate stands."""
    member = Member(1)
    for _ in range(2):
        answer = only(member.step(vote_request(2, 1, 1, (0, 0))), RequestVoteReply)
        assert answer.granted
    member.restart()
    assert only(member.step(vote_request(2, 1, 1, (0, 0))), RequestVoteReply).granted


def test_winner_tells_all_others_at_once() -> None:
    """§5.2: "Once a candidate wins an election, it becomes leader. It then sends
    heartbeat messages to all of the other servers"."""
    sent = Member(1, voters=[1, 2, 3, 4, 5]).lead()
    assert {one.receiver for one in of_kind(sent, AppendEntries)} == {2, 3, 4, 5}


def test_leader_sends_heartbeats_for_as_long_as_it_leads() -> None:
    """§5.2: leaders send periodic heartbeats "to all followers in order to maintain
    their authority"."""
    member = Member(1, heartbeat_ticks=3)
    member.lead()
    sent = of_kind(member.tick(30), Heartbeat)
    assert [one.receiver for one in sent] == [2, 3] * 10
    assert {one.term for one in sent} == {1}


@pytest.mark.parametrize("term", [1, 2])
def test_candidate_recognises_a_leader_of_at_least_its_term(term: int) -> None:
    """§5.2 (b): if the leader's term is at least as large as the candidate's, "then the
    candidate recognizes the leader as legitimate and returns to follower state"."""
    member = Member(1)
    member.campaign()
    member.step(heartbeat(3, 1, term=term))
    assert (member.role, member.status.leader) == (Role.FOLLOWER, S3)


def test_candidate_rejects_a_leader_of_an_older_term() -> None:
    """§5.2 (b): "If the term in the RPC is smaller [...] then the candidate rejects the
    RPC and continues in candidate state"."""
    member = Member(1, term=4)
    member.campaign()
    member.step(append_entries(3, 1, term=4))
    assert (member.role, member.status.term) == (Role.CANDIDATE, 5)


def test_split_vote_ends_with_a_new_election_in_a_new_term() -> None:
    """§5.2 (c): with votes split "each candidate will time out and start a new election
    by incrementing its term"."""
    cluster = Cluster(members=[1, 2])
    cluster.send([*cluster[1].campaign(), *cluster[2].campaign()])
    cluster.deliver()
    assert {one.role for one in cluster} == {Role.CANDIDATE}
    cluster.send(cluster[1].tick(ELECTION_TICKS))
    cluster.deliver()
    assert cluster.leader is cluster[1]
    assert {one.status.term for one in cluster} == {2}


def test_timeouts_are_drawn_from_the_whole_interval_anew_for_each_election() -> None:
    """§5.2: "each candidate restarts its randomized election timeout at the start of an
    election"; timeouts are "chosen randomly from a fixed interval"."""
    member = Member(1, draw=SplitMix64(7).below)
    timeouts = []
    for _ in range(300):
        ticks = 0
        term = member.status.term
        while member.status.term == term:
            member.tick()
            ticks += 1
        timeouts.append(ticks)
    assert set(timeouts) == set(range(ELECTION_TICKS, 2 * ELECTION_TICKS))


def test_follower_draws_a_new_timeout_in_each_term() -> None:
    """§5.2: timeouts are drawn, so that few servers stand at the same time."""
    bounds: list[int] = []

    def draw(bound: int) -> int:
        bounds.append(bound)
        return 0

    member = Member(1, draw=draw)
    for term in range(1, 4):
        member.step(heartbeat(2, 1, term=term))
    assert bounds == [ELECTION_TICKS] * 4, "once at start, once in each new term"


def test_there_is_one_leader_in_a_term_whoever_stands() -> None:
    """§5.2: "The majority rule ensures that at most one candidate can win the election
    for a particular term"."""
    cluster = Cluster([1, 2, 3, 4, 5])
    for _ in range(5):
        cluster.send(m for member in cluster for m in member.campaign())
        cluster.deliver()  # Each delivery checks that there is one.
    cluster.elect(3)
