"""Leases: when they begin and end, and that no read is stale while clocks run alike."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftwerk.core.lease import Lease
from raftwerk.core.messages import (
    Heartbeat,
    HeartbeatReply,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId

from .cluster import Cluster
from .lockstep import ACTS, CALM, LEASE, Lockstep, Turn
from .member import (
    ELECTION_TICKS,
    S1,
    Member,
    heartbeat,
    of_kind,
    only,
    vote_request,
)


def made() -> Lease:
    """Return a lease of nine ticks that began to count just now."""
    return Lease(9)


# ---- by itself --------------------------------------------------------------


def test_there_is_no_lease_before_anything_was_answered() -> None:
    lease = made()
    lease.asked(1)
    lease.appended(LogIndex(5))
    assert not lease.is_valid


RENEWALS: list[tuple[Callable[[Lease], None], Callable[[Lease], None]]] = [
    (lambda lease: lease.asked(1), lambda lease: lease.confirmed(1)),
    (
        lambda lease: lease.appended(LogIndex(5)),
        lambda lease: lease.committed(LogIndex(5)),
    ),
]


@pytest.mark.parametrize(("make", "renew"), RENEWALS, ids=["round", "entry"])
def test_lease_begins_when_what_was_answered_was_made(
    make: Callable[[Lease], None], renew: Callable[[Lease], None]
) -> None:
    """Not when the answers came: they may have been on their way for long."""
    lease = made()
    lease.tick(3)
    make(lease)
    lease.tick(5)
    renew(lease)
    assert lease.is_valid
    lease.tick(3)
    assert lease.is_valid, "until 3 + 9"
    lease.tick(1)
    assert not lease.is_valid


def test_answer_to_a_later_round_renews_it_from_that_round() -> None:
    lease = made()
    for number in range(1, 6):
        lease.asked(number)
        lease.tick(2)
    lease.confirmed(4)  # made at 6; it is 10 now
    lease.tick(4)
    assert lease.is_valid
    lease.tick(1)
    assert not lease.is_valid


def test_late_answer_takes_nothing_back() -> None:
    lease = made()
    lease.asked(1)
    lease.tick(5)
    lease.asked(2)
    lease.confirmed(2)
    lease.confirmed(1)
    lease.tick(8)
    assert lease.is_valid


def test_answer_that_comes_too_late_is_worth_nothing() -> None:
    lease = made()
    lease.asked(1)
    lease.tick(9)
    lease.confirmed(1)
    assert not lease.is_valid


def test_many_things_of_one_tick_count_from_that_tick() -> None:
    lease = made()
    for index in (5, 6, 7):
        lease.appended(LogIndex(index))
    lease.committed(LogIndex(5))
    assert lease.is_valid


def test_ended_lease_comes_back_in_another_role_only() -> None:
    lease = made()
    lease.end()
    lease.asked(1)
    lease.confirmed(1)
    assert not lease.is_valid
    lease.reset()
    lease.asked(1)
    lease.confirmed(1)
    assert lease.is_valid


def test_another_quorum_has_to_renew_it() -> None:
    lease = made()
    lease.asked(1)
    lease.confirmed(1)
    lease.begin_anew()
    assert not lease.is_valid
    lease.asked(2)
    lease.confirmed(2)
    assert lease.is_valid


# ---- in a member ------------------------------------------------------------


def settled_leader(**options: Any) -> Member:
    """Return a leader with a commit in its term."""
    leader = Member(1, **(LEASE | options))
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def serves_at_once(leader: Member) -> bool:
    """Return whether a read is answered without a round."""
    before = len(leader.read_states)
    leader.read_index(len(leader.events))
    return len(leader.read_states) > before


def answer(sender: int, beat: Heartbeat) -> HeartbeatReply:
    """Return what a follower answers to a heartbeat."""
    return HeartbeatReply(
        sender=NodeId(sender), receiver=S1, term=beat.term, read_round=beat.read_round
    )


def test_lease_is_kept_by_the_answers_to_heartbeats() -> None:
    leader = settled_leader()
    for _ in range(3 * ELECTION_TICKS):
        beats = of_kind(leader.tick(), Heartbeat)
        leader.step(answer(2, beats[0]))
        assert serves_at_once(leader)


def test_lease_runs_out_without_answers_while_the_leader_still_leads() -> None:
    """Check-quorum looks once in a timeout, and would let it lead for nearly two."""
    leader = settled_leader()
    leader.tick(ELECTION_TICKS - 2)
    assert serves_at_once(leader)
    leader.tick(1)
    assert not serves_at_once(leader)
    assert leader.role is Role.LEADER


def test_commits_renew_the_lease_too() -> None:
    leader = settled_leader()
    leader.tick(ELECTION_TICKS - 2)
    leader.propose(b"x")
    leader.tick(1)
    leader.acknowledge(2)
    leader.tick(ELECTION_TICKS - 3)
    assert serves_at_once(leader)


def test_other_members_have_to_renew_it_after_a_change() -> None:
    leader = settled_leader()
    leader.propose_change("v4")
    leader.propose_change("u4")
    leader.acknowledge(2, match=2)
    assert not serves_at_once(leader), "its quorum was another one"
    beats = {one.receiver: one for one in of_kind(leader.tick(), Heartbeat)}
    leader.step(answer(2, beats[NodeId(2)]))
    assert not serves_at_once(leader), "two of four are none"
    leader.step(answer(3, beats[NodeId(3)]))
    assert serves_at_once(leader)


def test_member_that_starts_again_keeps_the_promise_that_it_forgot() -> None:
    """Its leader may count on it for a lease still."""
    member = Member(2, log=[1], term=1, **LEASE)
    member.tick(ELECTION_TICKS - 1)
    assert not member.step(vote_request(3, 2, 2, (9, 9)))
    assert member.status.term == 1
    member.replica.set_election_timeout(3 * ELECTION_TICKS)
    member.tick(1)
    assert only(member.step(vote_request(3, 2, 2, (9, 9))), RequestVoteReply).granted


def test_new_member_has_promised_nothing() -> None:
    member = Member(2, **LEASE)
    assert only(member.step(vote_request(3, 2, 2, (9, 9))), RequestVoteReply).granted


def test_member_that_is_told_to_stand_keeps_its_promise_to_the_leader() -> None:
    """The order comes from outside: the leader may count on this member still."""
    member = Member(2, log=[1], term=1, **LEASE)
    member.replica.set_election_timeout(3 * ELECTION_TICKS)
    member.tick(ELECTION_TICKS)
    member.step(heartbeat(1, 2, term=1))
    member.tick(ELECTION_TICKS - 1)
    member.campaign()
    member.replica.set_election_timeout(3 * ELECTION_TICKS)
    assert not member.step(vote_request(3, 2, 9, (9, 9)))
    member.tick(ELECTION_TICKS)
    assert only(member.step(vote_request(3, 2, 9, (9, 9))), RequestVoteReply).granted


def test_leader_that_is_cut_off_serves_nothing_once_another_may_lead() -> None:
    cluster = Cluster(**LEASE)
    old = cluster.elect(1)
    for _ in range(ELECTION_TICKS + 1):
        cluster.heartbeat(1)
    # Just after its check of the quorum it is cut off; time runs alike for all.
    for _ in range(ELECTION_TICKS):
        old.tick()
        for node_id in (2, 3):
            cluster[node_id].replica.set_election_timeout(99)
            cluster[node_id].tick()
    cluster.elect(2, cut=[1])
    cluster.propose(2, b"newer", cut=[1])
    assert old.role is Role.LEADER and cluster[2].applied == ["newer"]
    assert not serves_at_once(old)


# ---- whatever happens -------------------------------------------------------


TURNS = st.builds(
    Turn,
    st.sampled_from([1, 1, 2, 3, 4, 5]),
    st.tuples(*[st.sampled_from([0, 0, 4, 5, 7])] * 3),
    st.sampled_from([0, 0, 1, 2, 3]),
    st.booleans(),
    st.sampled_from(ACTS),
    st.sampled_from([1, 2, 3, 9]),
)


@settings(max_examples=200)
@given(st.lists(TURNS, min_size=5, max_size=25), st.booleans(), st.integers(1, 2))
def test_no_read_misses_what_was_committed_anywhere_before_it(
    turns: list[Turn], pre_vote: bool, heartbeat_ticks: int
) -> None:
    """Thesis §6.4.1, with crashes, and any delay and loss; only clocks run alike."""
    group = Lockstep(pre_vote, heartbeat_ticks)
    for turn in turns:
        group.play(turn)


def test_reads_are_served_at_all_in_a_group_that_is_whole() -> None:
    """Else the property above would hold for nothing."""
    group = Lockstep(pre_vote=False, heartbeat_ticks=1)
    for _ in range(100):
        group.play(CALM)
    assert group.served > 250
