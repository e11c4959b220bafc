"""A group that came together by itself keeps its size; on virtual time."""

import asyncio
from typing import Any

import pytest

from raftwerk.core.records import Change, ChangeKind
from raftwerk.runtime import Member
from raftwerk.service.cluster import ClusterService
from raftwerk.service.growth import Growth
from raftwerk.service.rounds import ROUNDS, Rounds
from raftwerk.types import LogIndex, NodeId
from tests.runtime.group import Group, Process, story


def grow(process: Process, *, voters_max: int = 3, away_seconds: float = 0.0) -> None:
    """Have a member do a leader's duties, in its own process."""
    host = process.host
    cluster = ClusterService(process.node, host.timers, host.draw)
    growth = Growth(
        process.node,
        cluster,
        clock=host.clock,
        timers=host.timers,
        voters_max=voters_max,
        election_timeout_seconds=0.15,
        away_seconds=away_seconds,
    )
    process.process.start(growth.run())


async def group_of(voters: int, **settings: Any) -> Group:
    group = await Group(voters).start()
    for process in group:
        grow(process, **settings)
    return group


async def come(group: Group, node_id: int, *, wants_vote: bool = True) -> Process:
    """Have a learner join that came by itself, or was added by hand."""
    member = Member(
        node_id=NodeId(node_id),
        peer_urls=(f"http://node{node_id}:2380",),
        wants_vote=wants_vote,
    )
    leader = await group.until_led()
    await leader.change(
        Change(ChangeKind.ADD_LEARNER, member.node_id), members=[member]
    )
    process = group.add(node_id)
    await process.start()
    grow(process)
    return process


async def until_started(group: Group, process: Process) -> None:
    """Wait until the leader has heard of a member."""
    leader = await group.until_led()

    def is_known() -> bool:
        known = {member.node_id: member for member in leader.node.members}
        return process.node_id in known and known[process.node_id].has_started

    await group.until(is_known)


def voting(group: Group) -> tuple[int, ...]:
    return next(p for p in group if p.is_leader).status.conf_state.voters


@story
async def test_who_came_by_itself_votes_once_it_keeps_up() -> None:
    group = await group_of(1)
    await come(group, 2)
    await group.until(lambda: voting(group) == (1, 2))
    await come(group, 3)
    await group.until(lambda: voting(group) == (1, 2, 3))


@story
async def test_no_more_vote_than_should() -> None:
    group = await group_of(3)
    fourth = await come(group, 4)
    await until_started(group, fourth)
    await asyncio.sleep(5.0)
    assert voting(group) == (1, 2, 3)
    assert fourth.status.is_learner


@story
async def test_who_was_added_by_hand_waits_for_a_command() -> None:
    group = await group_of(1)
    second = await come(group, 2, wants_vote=False)
    await until_started(group, second)
    await asyncio.sleep(5.0)
    assert voting(group) == (1,)


@story
async def test_a_learner_takes_the_place_of_one_that_is_gone() -> None:
    group = await group_of(3, away_seconds=10.0)
    fourth = await come(group, 4)
    await until_started(group, fourth)
    gone = group.followers[0]
    gone.kill()
    await asyncio.sleep(8.0)
    assert gone.node_id in voting(group)
    await group.until(lambda: gone.node_id not in voting(group))
    assert len(voting(group)) == 3 and 4 in voting(group)


@story
async def test_nobody_is_parted_with_if_two_would_be_left() -> None:
    group = await group_of(3, away_seconds=5.0)
    group.followers[0].kill()
    await asyncio.sleep(20.0)
    assert voting(group) == (1, 2, 3)


@story
async def test_one_of_four_is_removed_and_one_of_three_is_not() -> None:
    group = await group_of(4, away_seconds=5.0)
    gone = group.followers[0]
    gone.kill()
    await group.until(lambda: len(voting(group)) == 3)
    assert gone.node_id not in voting(group)
    group.followers[0].kill()
    await asyncio.sleep(20.0)
    assert len(voting(group)) == 3


@story
async def test_two_of_five_that_are_gone_go_one_by_one_while_a_majority_is_there() -> (
    None
):
    group = await group_of(5, away_seconds=5.0)
    for process in group.followers[:2]:
        process.kill()
    await group.until(lambda: len(voting(group)) == 3)


@story
async def test_nobody_is_parted_with_by_default() -> None:
    group = await group_of(5)
    group.followers[0].kill()
    await asyncio.sleep(100.0)
    assert len(voting(group)) == 5


def test_a_slow_last_round_begins_ten_more() -> None:
    rounds = Rounds(0.1)
    index = LogIndex(1)
    assert not any(rounds.look(1.0 * each, index, index) for each in range(ROUNDS + 1))
    begun = 1.0 * ROUNDS
    looks = [rounds.look(begun + 0.01 * each, index, index) for each in range(1, 12)]
    assert looks.index(True) == ROUNDS - 1


def test_a_round_lasts_until_what_was_there_at_its_beginning_has_arrived() -> None:
    rounds = Rounds(0.1)
    assert not rounds.look(0.0, LogIndex(0), LogIndex(10))
    for each in range(100):
        assert not rounds.look(0.01 * each, LogIndex(9), LogIndex(1000))


@pytest.mark.parametrize("last", [0.05, 0.15])
def test_only_the_last_round_has_to_be_fast(last: float) -> None:
    rounds = Rounds(0.1)
    index = LogIndex(1)
    for each in range(ROUNDS):
        assert not rounds.look(5.0 * each, index, index)
    assert rounds.look(5.0 * (ROUNDS - 1) + last, index, index) is (last < 0.1)


@story
async def test_a_learner_that_is_gone_is_removed() -> None:
    group = await group_of(3, away_seconds=5.0)
    fourth = await come(group, 4)
    await until_started(group, fourth)
    fourth.kill()
    leader = await group.until_led()
    await group.until(lambda: not leader.status.conf_state.learners)
    assert voting(group) == (1, 2, 3)
