"""A state machine that takes its time holds up nobody but those who wait for it."""

import asyncio
from typing import Any

import pytest

from raftwerk.core.events import BecameLeader
from raftwerk.core.records import Change, ChangeKind
from raftwerk.errors import NotLeader, OutcomeUnknown
from raftwerk.types import NodeId

from .group import Group, Process, member_of, story
from .machines import ListMachine

BATCH_SECONDS = 0.4
"""Longer than any election timeout."""


class SlowMachine(ListMachine):
    """Each call of it takes long, as the group's latency says."""

    is_quick = False


def latency(worker: str) -> float:
    return BATCH_SECONDS if worker == "machine" else 0.001


async def slow_group(**settings: Any) -> Group:
    group = Group(latency=latency, **settings)
    for process in group:
        await process.start(SlowMachine())
    await group.until_led()
    return group


def elections(group: Group) -> int:
    return sum(len(process.saw(BecameLeader)) for process in group)


@story
async def test_heartbeats_and_commits_go_on_while_a_batch_is_applied() -> None:
    group = await slow_group()
    leader = group.leader
    asked = [leader.propose(b"first")]
    await group.until(lambda: leader.status.commit_index > 4)
    asked += [process.propose(b"more") for process in group]
    commit_index = leader.status.commit_index
    await group.until(lambda: leader.status.commit_index > commit_index, seconds=0.1)
    assert leader.machine.commands == [], "the first batch is not done yet"
    results = await asyncio.gather(*asked)
    assert sorted(map(str, results)) == ["1", "2", "3", "4"]
    assert elections(group) == 1


@story
async def test_a_linearizable_read_waits_for_the_batches_before_it() -> None:
    group = await slow_group()
    leader, follower = group.leader, group.followers[0]
    await leader.propose(b"acknowledged")
    machine = follower.machine
    reading = follower.process.start(follower.node.read(lambda: [*machine.commands]))
    assert await reading == [b"acknowledged"]


@story
async def test_a_change_of_members_keeps_its_place_between_batches() -> None:
    group = await slow_group()
    leader = group.leader
    before = leader.propose(b"before")
    await group.sleep(0.01)
    changed = leader.change(
        Change(ChangeKind.ADD_LEARNER, NodeId(4)), members=[member_of(4)]
    )
    await group.sleep(0.01)
    after = leader.propose(b"after")
    assert (await before, (await changed).learners, await after) == (1, (4,), 2)
    assert elections(group) == 1


@story
async def test_a_snapshot_is_of_one_moment_and_found_at_the_next_start() -> None:
    group = await slow_group(snapshot_entries=10, snapshot_keep_entries=0)
    leader = group.leader
    await asyncio.gather(*[leader.propose(b"%d" % number) for number in range(40)])
    await group.until(
        lambda: all(process.log.snapshot().index >= 10 for process in group)
    )
    await group.until_equal()
    await group.sleep(0.01)  # The log's record of the snapshot is synced by then.
    follower = group.followers[0]
    follower.kill()
    await follower.start(SlowMachine())
    assert follower.machine.restored == 1
    await group.until_equal()
    assert follower.machine.commands == leader.machine.commands


@story
async def test_a_lagging_member_restores_a_snapshot_after_what_it_applies() -> None:
    group = await slow_group(snapshot_entries=10, snapshot_keep_entries=0)
    follower = group.followers[0]
    await group.leader.propose(b"seen by all")
    group.isolate(follower.node_id)
    others = [process for process in group if process is not follower]
    leader = await group.until_led([process.node_id for process in others])
    await asyncio.gather(*[leader.propose(b"%d" % number) for number in range(40)])
    await group.until(lambda: leader.log.snapshot().index >= 10)
    group.heal()
    await group.until_equal()
    assert follower.machine.restored == 1
    assert follower.machine.commands == leader.machine.commands


@story
async def test_a_node_that_stops_waits_for_the_call_and_takes_no_result() -> None:
    group = await slow_group()
    leader = group.leader
    for process in group.followers:
        process.kill()
    asked = leader.propose(b"x")
    reading = leader.process.start(leader.node.read(lambda: 1))
    await leader.stop()
    assert isinstance(await group.outcome(asked), (NotLeader, OutcomeUnknown))
    assert isinstance(await group.outcome(reading), NotLeader)


@pytest.mark.parametrize("node", [0, 1])
def test_a_query_of_a_quick_machine_is_made_on_the_loop(node: int) -> None:
    @story
    async def body() -> None:
        group = await Group(latency=latency).start()
        process: Process = [group.leader, *group.followers][node]
        await group.leader.propose(b"x")
        begin = group.loop.time()
        machine = process.machine
        reading = process.process.start(
            process.node.read(lambda: len(machine.commands))
        )
        assert await reading == 1
        assert group.loop.time() - begin < BATCH_SECONDS

    body()
