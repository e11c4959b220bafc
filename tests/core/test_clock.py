"""Ticks: deadlines, and that many at once do what single ones do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.inputs import Tick, TransferLeadership
from raftwerk.core.messages import Heartbeat, HeartbeatReply, Message
from raftwerk.core.roles import Role

from .member import ELECTION_TICKS, S2, S3, Member, heartbeat, of_kind
from .test_misuse import dump


def member_in(role: Role, **settings: Any) -> Member:
    """Return a member in a role."""
    member = Member(1, **settings)
    if role is Role.CANDIDATE:
        member.campaign()
    elif role is Role.LEADER:
        member.lead()
        member.acknowledge(2, 3)
    return member


@given(
    role=st.sampled_from([Role.FOLLOWER, Role.CANDIDATE, Role.LEADER]),
    parts=st.lists(st.integers(0, 3 * ELECTION_TICKS), max_size=5),
    heartbeat_ticks=st.integers(1, ELECTION_TICKS - 1),
    draws=st.lists(st.integers(0, ELECTION_TICKS - 1), min_size=9, max_size=9),
    options=st.fixed_dictionaries(
        {"pre_vote": st.booleans(), "check_quorum": st.booleans()}
    ),
)
def test_many_ticks_at_once_do_what_single_ones_do(
    role: Role,
    parts: list[int],
    heartbeat_ticks: int,
    draws: list[int],
    options: dict[str, bool],
) -> None:
    """So a driver may sleep until the next deadline, and count then what passed."""
    replicas = []
    for single in (True, False):
        queue = iter(draws * 99)
        member = member_in(
            role,
            draw=lambda bound, queue=queue: next(queue) % bound,
            heartbeat_ticks=heartbeat_ticks,
            **options,
        )
        for count in parts:
            for event in [Tick()] * count if single else [Tick(count)]:
                member.replica.step(event)
        replicas.append(dump(member.replica))
    for one in replicas:
        one["_state"].pop("draw")
        one["_state"]["log"].pop("_observe")
        one["_state"]["log"].pop("stable")
    assert replicas[0] == replicas[1]


@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.CANDIDATE, Role.LEADER])
def test_nothing_happens_before_the_deadline_and_something_at_it(role: Role) -> None:
    member = member_in(role, heartbeat_ticks=4)
    member.tick(3)
    ticks = member.replica.ticks_until_deadline()
    assert ticks >= 1
    assert not member.tick(ticks - 1)
    assert member.tick()


def test_who_may_not_stand_waits_for_nothing() -> None:
    learner = Member(4, voters=[1, 2, 3], learners=[4])
    assert learner.replica.ticks_until_deadline() == NO_LIMIT
    assert not learner.step(Tick(10**9)), "and a long time is counted at once"
    blank = Member(1, voters=[])
    assert blank.replica.ticks_until_deadline() == NO_LIMIT


def test_overridden_timeout_holds_until_the_next_draw() -> None:
    member = Member(1)
    member.replica.set_election_timeout(3)
    assert member.tick(3), "it stands"
    assert member.replica.ticks_until_deadline() == ELECTION_TICKS


def test_timeout_that_is_shortened_below_what_passed_is_due_at_once() -> None:
    member = Member(1)
    member.tick(ELECTION_TICKS - 1)
    member.replica.set_election_timeout(2)
    assert member.replica.ticks_until_deadline() == 1
    assert member.tick()


def test_leader_counts_by_the_least_timeout_whatever_it_drew() -> None:
    """Check-quorum and transfers use the lower bound (thesis §6.2)."""
    leader = member_in(Role.LEADER, check_quorum=True, draw=lambda bound: bound - 1)
    leader.tick(2 * ELECTION_TICKS - 1)
    assert leader.role is Role.LEADER, "both were heard of in the first timeout"
    leader.tick()
    assert leader.status.role is Role.FOLLOWER


def test_check_of_the_quorum_comes_before_the_heartbeat() -> None:
    leader = member_in(Role.LEADER, check_quorum=True)
    leader.tick(2 * ELECTION_TICKS - 1)
    assert leader.role is Role.LEADER
    assert not of_kind(leader.tick(), Heartbeat)


def test_heartbeats_go_on_through_a_transfer() -> None:
    leader = member_in(Role.LEADER)
    leader.step(TransferLeadership(S2))
    assert [beat.receiver for beat in of_kind(leader.tick(), Heartbeat)] == [S2, S3]


def test_follower_of_a_live_leader_never_stands() -> None:
    member = Member(1, pre_vote=True)
    said: set[type[Message]] = set()
    for _ in range(20):
        said.update(type(one) for one in member.step(heartbeat(2, 1, term=1)))
        said.update(type(one) for one in member.tick(ELECTION_TICKS - 1))
    assert said == {HeartbeatReply}
