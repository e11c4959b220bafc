"""Whole nodes: who leads, how they start, stop, fail, and start again."""

import asyncio

import pytest

from raftwerk.core.events import BecameLeader, ElectionStarted, MemberStarted
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import Proposal, TimeoutNow
from raftwerk.core.roles import Role
from raftwerk.errors import (
    ConfigError,
    MisuseError,
    NotLeader,
    NotProposed,
    OutcomeUnknown,
    StorageError,
    UnknownFormat,
)
from raftwerk.runtime.envelope import EnvelopeKind
from raftwerk.runtime.versions import READABLE_VERSION

from .group import Group, story
from .machines import ListMachine
from .stalling import Stall


@story
async def test_three_members_elect_one_leader_and_all_know_it() -> None:
    group = await Group().start()
    leader = group.leader
    assert [p.status.role for p in group.followers] == [Role.FOLLOWER] * 2
    assert {p.status.leader for p in group} == {leader.node_id}
    assert sum(len(p.saw(BecameLeader)) for p in group) == 1


@story
async def test_a_group_of_one_leads_itself() -> None:
    group = await Group(voters=1).start()
    assert await group[1].propose(b"alone") == 1
    assert await group[1].read() == group[1].status.applied_index


@story
async def test_a_new_leader_is_found_when_the_old_one_dies_and_nothing_is_lost() -> (
    None
):
    group = await Group().start()
    await group.leader.propose(b"before")
    dead = group.leader
    dead.kill()
    leader = await group.until_led()
    await leader.propose(b"after")
    await dead.start()
    await group.until_led()
    await group.until_equal()
    for process in group:
        assert process.machine.commands == [b"before", b"after"]


@story
async def test_a_quiet_group_holds_no_second_election() -> None:
    group = await Group().start()
    await group.sleep(60.0)
    assert sum(len(p.saw(ElectionStarted)) for p in group) == len(
        group.leader.saw(ElectionStarted)
    )


@story
async def test_a_cut_off_leader_steps_down_and_follows_when_it_is_back() -> None:
    group = await Group().start()
    old = group.leader
    group.isolate(old.node_id)
    await group.until(lambda: not old.is_leader)
    new = await group.until_led([p.node_id for p in group if p is not old])
    group.heal()
    await group.until(lambda: old.status.leader == new.node_id)
    assert old.status.term == new.status.term


# ---- a process that does not run ---------------------------------------------


@pytest.mark.parametrize("seconds", [0.16, 0.32, 1.0, 5.0])
def test_a_stall_of_a_follower_starts_no_election_where_heartbeats_wait(
    seconds: float,
) -> None:
    @story
    async def body() -> None:
        stall = Stall()
        group = await Group().start()
        follower = group.followers[0]
        follower.kill()
        group.make_host = stall.make_host
        await follower.start()
        await group.until_led()
        follower.events.clear()
        term = group.leader.status.term
        stall.begin()
        await group.sleep(seconds)
        stall.end()
        await group.sleep(1.0)
        assert not follower.saw(ElectionStarted)
        assert group.leader.status.term == term

    body()


# ---- start -------------------------------------------------------------------


@story
async def test_a_node_is_started_once() -> None:
    group = await Group(voters=1).start()
    with pytest.raises(MisuseError, match="started once"):
        await group[1].process.start(group[1].node.start())


@story
async def test_a_port_that_is_taken_is_named_and_nothing_runs_after_that() -> None:
    group = await Group().start()
    other = group.add(9)
    other.make()
    group[1].kill()
    other.node_id = group[1].node_id
    await other.start()
    with pytest.raises(ConfigError, match="cannot listen on node1:2380"):
        await group[1].start()
    with pytest.raises(NotLeader, match="does not run"):
        group[1].node.status()


@story
async def test_before_the_start_and_after_the_stop_nothing_can_be_asked() -> None:
    group = Group(voters=1)
    group[1].make()
    with pytest.raises(MisuseError, match="not started"):
        await group[1].node.wait_ended()
    assert isinstance(await group.outcome(group[1].propose(b"x")), NotLeader)
    await group.start()
    await group[1].stop()
    assert isinstance(await group.outcome(group[1].propose(b"x")), NotLeader)
    assert isinstance(await group.outcome(group[1].read()), NotLeader)
    with pytest.raises(NotLeader, match="member 1 does not run"):
        group[1].node.status()


@story
async def test_a_restart_replays_the_log_into_a_new_machine() -> None:
    group = await Group().start()
    for number in range(20):
        await group.leader.propose(b"%d" % number)
    await group.until_equal()
    expected = group[1].machine.commands
    for process in list(group):
        process.kill()
    for process in list(group):
        await process.start()
    await group.until_led()
    await group.until_equal()
    for process in group:
        assert process.machine.commands == expected
        assert process.machine.restored == 0


@story
async def test_a_member_starts_from_what_was_synced() -> None:
    group = await Group().start()
    await group.leader.propose(b"synced")
    process = group.followers[0]
    await group.sleep(0.1)
    before, process.latency = process.status, lambda worker: 10.0
    await group.leader.propose(b"not synced here")
    process.kill()
    process.latency = group.latency
    await process.start()
    started = process.saw(MemberStarted)[-1]
    assert isinstance(started, MemberStarted)
    assert started.last_log_index == before.last_log_index
    assert started.term == before.term


# ---- stop --------------------------------------------------------------------


@story
async def test_a_leader_that_stops_hands_leadership_over_first() -> None:
    group = await Group().start()
    leader, begin = group.leader, group.loop.time()
    await leader.stop()
    assert group.loop.time() - begin < 0.1
    assert leader.sent(TimeoutNow)
    # Nobody waits for a timeout.
    heir = group.leader
    assert heir is not leader
    assert not [e for p in group.followers for e in p.saw(BecameLeader) if p is heir]
    assert await heir.propose(b"at once") == 1


@story
async def test_a_leader_that_nobody_can_follow_stops_after_one_timeout() -> None:
    group = await Group().start()
    leader, begin = group.leader, group.loop.time()
    group.isolate(leader.node_id)
    await leader.stop()
    assert 0.1 < group.loop.time() - begin < 0.5


@story
async def test_what_is_under_way_ends_before_a_stop() -> None:
    group = await Group(latency=lambda worker: 0.02).start()
    leader = group.leader
    asked = [leader.propose(b"%d" % number) for number in range(10)]
    await group.sleep(0.001)
    stopping = leader.process.start(leader.node.stop())
    refused = leader.propose(b"too late")
    leader.is_up = False
    await stopping
    assert [task.result() for task in asked] == list(range(1, 11))
    assert isinstance(await group.outcome(refused), NotProposed)


@story
async def test_what_was_not_begun_is_not_begun_at_a_stop() -> None:
    group = Group()
    await group[1].start()
    held = group[1].propose(b"no leader")
    read = group[1].read()
    await group.sleep(0.01)
    await group[1].stop()
    assert isinstance(await group.outcome(held), NotProposed)
    assert isinstance(await group.outcome(read), NotProposed)


@story
async def test_what_can_t_end_is_unknown_at_a_stop() -> None:
    group = await Group().start()
    leader = group.leader
    group.isolate(leader.node_id)
    asked = leader.propose(b"cut off")
    await group.sleep(0.01)
    await leader.stop()
    assert isinstance(await group.outcome(asked), OutcomeUnknown)


@story
async def test_whoever_stops_twice_waits_for_the_same_end() -> None:
    group = await Group(latency=lambda worker: 0.05).start()
    node = group[1].node
    first = group[1].process.start(node.stop())
    second = group[1].process.start(node.stop())
    await second
    assert first.done()
    await group[1].stop()
    await node.wait_ended()


@story
async def test_a_stop_goes_on_if_whoever_asked_for_it_gives_up() -> None:
    group = await Group(latency=lambda worker: 0.05).start()
    process = group.leader
    asked = process.process.start(process.node.stop())
    await group.sleep(0.001)
    asked.cancel()
    process.is_up = False
    await group.outcome(process.process.start(process.node.wait_ended()), 1.0)
    await process.start()
    await group.until_led()


@story
async def test_a_log_that_was_closed_can_be_opened_by_the_next_life() -> None:
    group = await Group().start()
    await group.leader.propose(b"kept")
    await group.until_equal()
    process = group.followers[0]
    await process.stop()
    with pytest.raises(StorageError, match="closed"):
        process.log.sync()
    process.log = process.log.restarted()
    await process.start()
    await group.until(lambda: process.machine.commands == [b"kept"])


@story
async def test_a_node_is_a_context_that_stops_at_its_end() -> None:
    group = Group(voters=1)
    node = group[1].make()

    async def life() -> object:
        async with node:
            return await node.propose(b"x")

    assert await group[1].process.start(life()) == 1
    await node.wait_ended()


# ---- failure -----------------------------------------------------------------


@story
async def test_a_disk_that_fails_ends_the_node_and_nothing_is_acknowledged() -> None:
    group = await Group().start()
    leader = group.leader
    waiting = leader.propose(b"never synced")
    leader.log.fail()
    error = await group.outcome(leader.process.start(leader.node.wait_ended()))
    leader.is_up = False
    assert isinstance(error, StorageError)
    assert isinstance(await group.outcome(waiting), OutcomeUnknown)
    assert isinstance(await group.outcome(leader.propose(b"later")), NotProposed)
    sent = len(leader.sent())
    await group.until_led()
    await group.sleep(1.0)
    assert len(leader.sent()) == sent, "a member that failed says nothing any more"
    # What it had sent before its disk failed may be committed by the others.
    assert await group.leader.propose(b"go on") in (1, 2)


@story
async def test_a_node_that_failed_lets_go_of_its_log_when_it_is_stopped() -> None:
    group = await Group().start()
    process = group.followers[0]
    process.log.fail()
    await group.leader.propose(b"x")
    await group.outcome(process.process.start(process.node.wait_ended()))
    await process.stop()
    with pytest.raises(StorageError, match="the disk failed"):
        await process.node.wait_ended()


class Broken(ListMachine):
    """Can't live with one command."""

    def apply(self, index, commands):  # type: ignore[no-untyped-def]  # as above it
        if b"poison" in commands:
            raise ArithmeticError("can't be")
        return super().apply(index, commands)


class Short(ListMachine):
    """Returns too little."""

    def apply(self, index, commands):  # type: ignore[no-untyped-def]  # as above it
        return list(super().apply(index, commands))[1:]


@story
async def test_a_machine_that_raises_ends_its_node_with_what_it_raised() -> None:
    group = Group(voters=1)
    await group[1].start(Broken())
    await group.until_led()
    asked = group[1].propose(b"poison")
    error = await group.outcome(group[1].process.start(group[1].node.wait_ended()))
    assert isinstance(error, ArithmeticError)
    assert "Broken.apply raised this" in error.__notes__[0]
    assert isinstance(await group.outcome(asked), OutcomeUnknown)


@story
async def test_a_machine_that_returns_too_little_ends_its_node_in_words() -> None:
    group = Group(voters=1)
    await group[1].start(Short())
    await group.until_led()
    asked = group[1].propose(b"x")
    error = await group.outcome(group[1].process.start(group[1].node.wait_ended()))
    assert "Short.apply returned 0 results for 1 commands" in str(error)
    assert isinstance(await group.outcome(asked), OutcomeUnknown)


@story
async def test_an_entry_of_a_newer_version_ends_the_node_before_it_is_applied() -> None:
    group = await Group().start()
    await group.leader.propose(b"known")
    await group.until_equal()
    leader = group.leader
    # As a member of a newer version would propose it, if the others agreed.
    driver = leader.node._driver()  # pylint: disable=protected-access
    requests, newer = driver.requests, READABLE_VERSION + 1
    data = requests.sender.wrap(EnvelopeKind.COMMAND, 10**6, b"x", newer)
    leader.process.call(driver.give, Propose((Proposal(data),)))
    for process in list(group):
        error = await group.outcome(process.process.start(process.node.wait_ended()))
        assert isinstance(error, UnknownFormat)
        assert f"needs cluster version {newer}" in str(error)
        assert process.machine.commands == [b"known"]
        process.is_up = False


@story
async def test_a_command_that_not_all_understand_is_not_proposed() -> None:
    group = await Group().start()
    for process in group:
        assert process.status.cluster_version == READABLE_VERSION
        newer = process.node.propose(b"x", version=READABLE_VERSION + 1)
        error = await group.outcome(process.process.start(newer))
        assert isinstance(error, NotProposed)
        assert f"the cluster has version {READABLE_VERSION}" in str(error)
    assert await group.leader.propose(b"x") == 1


@story
async def test_members_are_upgraded_one_by_one_and_agree_when_all_are() -> None:
    group = await Group().start()
    newer = READABLE_VERSION + 1
    with pytest.MonkeyPatch.context() as upgraded:
        # Who starts from now on can read more, and tells so.
        for module in ("versions", "publisher"):
            upgraded.setattr(f"raftwerk.runtime.{module}.READABLE_VERSION", newer)
        for process in group:
            agreed = {p.status.cluster_version for p in group}
            assert agreed == {READABLE_VERSION}, "one can't read more yet"
            await group.sleep(0.01)
            process.kill()
            await process.start()
            await group.until_led()
            await group.until(
                lambda told=process: all(  # type: ignore[misc]  # bound now
                    p.node.members[told.node_id - 1].version == newer for p in group
                )
            )
        assert {p.status.cluster_version for p in group} == {newer}
        told = group.leader.node.propose(b"new", version=newer)
        assert await group.leader.process.start(told) == 1
        # What was agreed upon is found again, also behind a snapshot.
        leader = group.leader
        assert leader.process.call(leader.node.take_snapshot)
        await group.until(lambda: leader.status.snapshot_index > 1)
        await group.sleep(0.01)
        leader.kill()
        await leader.start()
        assert leader.status.cluster_version == newer


# ---- looking -----------------------------------------------------------------


@story
async def test_members_tell_of_themselves_and_all_know_it() -> None:
    group = await Group().start()
    for process in group:
        members = process.node.members
        assert [m.name for m in members] == ["node1", "node2", "node3"]
        assert [m.directory_id for m in members] == [0x101, 0x102, 0x103]
        assert [m.version for m in members] == [READABLE_VERSION] * 3


@story
async def test_whoever_observes_sees_all_events_in_order() -> None:
    group = await Group().start()
    kinds = [type(event) for _, event in group.leader.events]
    assert MemberStarted in kinds[:3]
    assert kinds.index(ElectionStarted) < kinds.index(BecameLeader)


@story
async def test_whoever_waits_for_the_end_and_gives_up_ends_nothing() -> None:
    group = await Group().start()
    waiting = group[1].process.start(group[1].node.wait_ended())
    await group.sleep(0.1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert group[1].status.leader
