"""Reads of whole nodes: linearizable on any of them, or refused; never stale."""

import asyncio

import pytest

from raftwerk.core.messages import ForwardReadIndex, Heartbeat
from raftwerk.errors import NotLeader
from raftwerk.transport.conditions import Conditions

from .group import Group, Process, story


def rounds(process: Process) -> set[int]:
    """Return the rounds of reads that a leader's heartbeats carried."""
    return {
        message.read_round
        for message in process.sent(Heartbeat)
        if isinstance(message, Heartbeat) and message.read_round
    }


@story
async def test_a_read_sees_what_was_acknowledged_before_it_on_every_member() -> None:
    group = await Group().start()
    for number in range(10):
        await group.leader.propose(b"%d" % number)
        for process in group:
            await process.read()
            assert len(process.machine.commands) == number + 1


@story
async def test_many_reads_of_one_turn_share_one_round() -> None:
    group = await Group().start()
    leader = group.leader
    await leader.propose(b"x")
    before = len(rounds(leader))
    await asyncio.gather(*[leader.read() for _ in range(100)])
    assert len(rounds(leader)) == before + 1


@story
async def test_many_reads_of_a_follower_share_one_question() -> None:
    group = await Group().start()
    follower = group.followers[0]
    await asyncio.gather(*[follower.read() for _ in range(100)])
    assert len(follower.sent(ForwardReadIndex)) == 1


@story
async def test_a_question_that_is_lost_is_asked_again() -> None:
    group = await Group().start()
    follower, leader = group.followers[0], group.leader
    group.network.set_conditions(
        Conditions(drop_rate=1.0), follower.node_id, leader.node_id
    )
    asked = follower.read()
    await group.sleep(0.05)
    assert not asked.done()
    group.network.set_conditions(Conditions(), follower.node_id, leader.node_id)
    await group.outcome(asked, 0.5)
    assert not asked.exception()


@story
async def test_a_round_that_a_cut_swallowed_is_asked_of_the_next_leader() -> None:
    group = await Group().start()
    leader, follower = group.leader, group.followers[0]
    await leader.propose(b"x")
    leader.kill()
    asked = follower.read()
    await group.outcome(asked, 2.0)
    assert not asked.exception()
    assert follower.machine.commands == [b"x"]


@story
async def test_a_read_is_asked_of_a_new_leader_as_soon_as_that_is_known() -> None:
    group = await Group().start()
    old, follower, heir = group.leader, *group.followers
    group.network.cut(follower.node_id, old.node_id)
    asked = follower.read()
    await group.sleep(0.005)
    old.process.call(old.node.transfer_leadership, heir.node_id)
    await group.until(lambda: follower.status.leader == heir.node_id)
    begin = group.loop.time()
    await asked
    assert group.loop.time() - begin < 0.02


@story
async def test_a_deposed_leader_that_is_cut_off_answers_no_read() -> None:
    group = await Group(request_timeout_millis=1000).start()
    old = group.leader
    await old.propose(b"old")
    group.isolate(old.node_id)
    new = await group.until_led([p.node_id for p in group if p is not old])
    await new.propose(b"new")
    # For as long as it believes to lead, and after that.
    asked = [old.read()]
    await group.sleep(0.2)
    asked.append(old.read())
    for read in asked:
        error = await group.outcome(read, 3.0)
        assert isinstance(error, NotLeader)
    assert old.machine.commands == [b"old"]


@story
async def test_a_leader_that_does_not_know_yet_that_it_is_deposed_answers_no_read() -> (
    None
):
    group = await Group().start()
    old = group.leader
    await old.propose(b"old")
    others = [p for p in group if p is not old]
    # It hears nothing, and believes to lead until it misses its followers.
    for other in others:
        group.network.cut(other.node_id, old.node_id)
        group.network.cut(old.node_id, other.node_id)
    asked = old.read()
    new = await group.until_led([p.node_id for p in others])
    await new.propose(b"new")
    assert not asked.done() or asked.exception()
    group.heal()
    await group.outcome(asked, 5.0)
    if not asked.exception():
        assert old.machine.commands == [b"old", b"new"]


@story
async def test_a_read_waits_until_the_state_machine_is_there() -> None:
    group = await Group().start()
    follower = group.followers[0]
    await group.leader.propose(b"x")
    follower.latency = lambda worker: 0.3
    await group.leader.propose(b"slow to store here")
    begin = group.loop.time()
    await follower.read()
    assert group.loop.time() - begin >= 0.25
    assert follower.machine.commands[-1] == b"slow to store here"


@story
async def test_a_new_leader_answers_no_read_before_its_term_has_a_commit() -> None:
    group = await Group().start()
    await group.leader.propose(b"x")
    old = group.leader
    others = [p for p in group if p is not old]
    old.kill()
    asked = [p.read() for p in others]
    for read in asked:
        await group.outcome(read, 2.0)
        assert not read.exception()
    for process in others:
        assert process.machine.commands == [b"x"]


@pytest.mark.parametrize("count", [1, 3])
def test_reads_that_nobody_waits_for_any_more_leave_no_trace(count: int) -> None:
    @story
    async def body() -> None:
        group = Group(queue_max=count)
        await group[1].start()
        asked = [group[1].read() for _ in range(count)]
        await group.sleep(0.1)
        for read in asked:
            read.cancel()
        await group.sleep(0.2)
        again = group[1].read()
        await group[2].start()
        await group.outcome(again, 2.0)
        assert not again.exception()

    body()
