"""Leases on whole groups, on virtual time: who counts, who promises, who ends them."""

import asyncio

import pytest

from raftwerk.core.messages import ForwardProposal
from raftwerk.errors import NotLeader, OutcomeUnknown
from raftwerk.kv import LeaseExists, LeaseNotFound, LeaseTooLong, Put
from raftwerk.transport.calls import CallLeader
from tests.runtime.group import story
from tests.service.leased import Leased, Served, leased


async def until_gone(members: Leased, lease: int, seconds: float = 30.0) -> float:
    """Wait until nobody has a lease; return how long it took."""
    return await members.group.until(
        lambda: all(
            served.store.lease(lease) is None
            for served in members.served.values()
            if served.process.is_up
        ),
        seconds,
    )


@story
async def test_a_lease_that_nobody_keeps_alive_ends_when_its_time_is_up() -> None:
    members = await leased()
    await members.grant(7, 5, b"key")
    took = await until_gone(members, 7)
    assert 4.9 < took < 5.5
    assert not any(members.keys(served) for served in members.served.values())


@story
async def test_a_lease_lasts_as_long_as_it_is_kept_alive_through_anybody() -> None:
    members = await leased()
    await members.grant(7, 3, b"key")
    for number in range(12):
        served = list(members.served.values())[number % 3]
        assert await members.keep_alive(served, 7) == 3
        await members.group.sleep(1.5)
    assert members.keys(members.leader) == [b"key"]
    await until_gone(members, 7, 3.5)


@story
async def test_a_lease_lasts_two_seconds_at_least() -> None:
    members = await leased(1)
    granted = await members.leader.lease.grant(0, 7)
    assert granted.ttl_seconds == 2
    assert 1.9 < await until_gone(members, 7) < 2.5


@story
async def test_what_can_not_be_granted_is_refused() -> None:
    members = await leased()
    served = members.follower
    await members.grant(7, 60)
    with pytest.raises(LeaseExists):
        await members.begin(served.process, served.lease.grant(60, 7))
    with pytest.raises(LeaseTooLong):
        await members.begin(served.process, served.lease.grant(9_000_000_001, 8))
    with pytest.raises(LeaseNotFound):
        await members.begin(served.process, served.lease.revoke(8))


@story
async def test_an_id_is_drawn_for_whoever_gives_none() -> None:
    members = await leased()
    served = members.follower
    drawn = {
        (await members.begin(served.process, served.lease.grant(60))).lease_id
        for _ in range(20)
    }
    assert len(drawn) == 20
    assert all(0 < lease < 2**63 for lease in drawn)


@story
async def test_all_members_say_the_same_of_a_lease() -> None:
    members = await leased()
    await members.grant(7, 60, b"key")
    await members.grant(8, 30)
    await members.group.sleep(10.0)
    for served in members.served.values():
        found = await members.begin(
            served.process, served.lease.time_to_live(7, with_keys=True)
        )
        assert found.left_seconds in (49, 50)
        assert (found.granted_seconds, found.keys) == (60, [b"key"])
        listed = await members.begin(served.process, served.lease.leases())
        assert listed.leases == [8, 7]


@story
async def test_a_lease_that_is_not_there_has_no_time() -> None:
    members = await leased()
    for served in members.served.values():
        assert await members.keep_alive(served, 9) == 0
        assert await members.left(served, 9) == -1


@story
async def test_a_revoked_lease_may_be_granted_again_and_lasts_its_whole_time() -> None:
    members = await leased(1)
    served = members.leader
    await members.grant(7, 3)
    await members.group.sleep(2.0)
    await members.begin(served.process, served.lease.revoke(7))
    await members.grant(7, 4)
    assert 3.9 < await until_gone(members, 7) < 4.5


# ---- a change of leader ---------------------------------------------------------


@story
async def test_a_new_leader_gives_what_is_known_to_be_left() -> None:
    members = await leased()
    await members.grant(7, 60, b"key")
    await members.group.sleep(40.0)
    assert await members.left(members.leader, 7) in (19, 20)
    members.group.leader.kill()
    await members.group.until_led()
    # It was remembered when half had passed: at 30 s, and again at 15 s.
    left = await members.left(members.leader, 7)
    assert 20 <= left <= 30
    assert members.keys(members.leader) == [b"key"]
    await until_gone(members, 7, left + 2.0)


@story
async def test_a_lease_lasts_not_for_ever_however_often_the_leader_changes() -> None:
    members = await leased()
    group = members.group
    await members.grant(7, 60)
    begin = group.loop.time()
    while members.leader.store.lease(7) is not None:
        assert group.loop.time() - begin < 240.0
        await group.sleep(11.0)
        leader = group.leader
        leader.kill()
        await group.until_led()
        await members.boot(leader)
        await group.until_led()
    assert group.loop.time() - begin >= 60.0


@story
async def test_a_lease_that_was_kept_alive_has_all_its_time_under_a_new_leader() -> (
    None
):
    members = await leased()
    await members.grant(7, 60)
    await members.group.sleep(50.0)  # 15 s are remembered to be left, then 8 s
    assert await members.keep_alive(members.follower, 7) == 60
    members.group.leader.kill()
    await members.group.until_led()
    assert await members.left(members.leader, 7) >= 58


@story
async def test_a_restart_of_all_prolongs_a_lease_by_no_more_than_it_has() -> None:
    members = await leased()
    await members.grant(7, 20, b"key")
    await members.group.sleep(12.0)
    for process in members.group:
        process.kill()
    for process in members.group:
        await members.boot(process)
    await members.group.until_led()
    assert 8 <= await members.left(members.leader, 7) <= 11
    await until_gone(members, 7, 12.0)


# ---- a leader that does not know that it is none ---------------------------------


@story
async def test_a_leader_that_is_cut_off_ends_no_lease_and_promises_none() -> None:
    members = await leased()
    group = members.group
    await members.grant(7, 3, b"key")
    old = members.leader
    group.isolate(old.process.node_id)
    before = len(old.process.sent(ForwardProposal))
    promise = members.begin(old.process, old.lease.keep_alive(7))
    others = [s for s in members.served.values() if s is not old]
    await group.until_led([served.process.node_id for served in others])
    for number in range(10):
        assert await members.keep_alive(others[number % 2], 7) == 3
        await group.sleep(1.0)
    assert old.store.lease(7) is not None
    group.heal()
    await group.until_equal()
    outcome = await group.outcome(promise)
    assert isinstance(outcome, NotLeader) or outcome.ttl_seconds == 3
    assert all(members.keys(served) == [b"key"] for served in members.served.values())
    assert len(old.process.sent(ForwardProposal)) == before


@story
async def test_a_leader_without_a_quorum_ends_nothing() -> None:
    members = await leased()
    group = members.group
    await members.grant(7, 3, b"key")
    await group.until_equal()
    for process in group:
        group.isolate(process.node_id)
    await group.sleep(20.0)
    assert all(members.keys(served) == [b"key"] for served in members.served.values())
    group.heal()
    await group.until_led()
    # Somebody counts again, and gives it what is left.
    assert await members.left(members.leader, 7) >= 1
    await until_gone(members, 7, 4.0)


@story
async def test_a_keep_alive_finds_the_next_leader_when_the_present_one_dies() -> None:
    members = await leased()
    group = members.group
    await members.grant(7, 3, b"key")
    follower = members.follower
    group.isolate(group.leader.node_id)
    begin = group.loop.time()
    assert await members.keep_alive(follower, 7) == 3
    assert group.loop.time() - begin < 2.0


@story
async def test_a_member_that_is_cut_off_asks_in_measure_and_says_so_in_the_end() -> (
    None
):
    members = await leased()
    group = members.group
    await members.grant(7, 60)
    served = members.follower
    group.isolate(served.process.node_id)
    before = len(served.process.sent(CallLeader))
    begin = group.loop.time()
    asked = members.begin(served.process, served.lease.keep_alive(7))
    outcome = await group.outcome(asked)
    assert isinstance(outcome, NotLeader | OutcomeUnknown)
    assert 6.0 < group.loop.time() - begin < 9.0
    assert len(served.process.sent(CallLeader)) - before < 200


@story
async def test_leadership_that_is_handed_over_prolongs_nothing_for_ever() -> None:
    members = await leased()
    group = members.group
    await members.grant(7, 4, b"key")
    old = group.leader
    await old.process.start(old.node.hand_over())
    await group.until_led()
    assert await members.keep_alive(members.of(old), 7) == 4
    await until_gone(members, 7, 5.0)


@story
async def test_a_member_that_stops_answers_nothing_more() -> None:
    members = await leased(1)
    served = members.leader
    await served.process.stop()
    with pytest.raises(NotLeader):
        await served.lease.keep_alive(7)


# ---- many -------------------------------------------------------------------------


@story
async def test_many_leases_end_in_time_and_others_go_on() -> None:
    members = await leased(1)
    served = members.leader
    for lease in range(1, 501):
        await served.lease.grant(5 if lease % 2 else 60, lease)
        await served.kv.put(Put(b"%d" % lease, lease=lease))
    await members.group.until(lambda: len(served.store) == 250, 8.0)
    assert {lease.lease_id % 2 for lease in served.store.leases()} == {0}
    served.store.check()


@story
async def test_keep_alives_that_come_together_are_asked_together() -> None:
    members = await leased()
    for lease in range(1, 301):
        await members.grant(lease, 60)
    served = members.follower
    before = len(served.process.sent(CallLeader))
    beats = [
        members.begin(served.process, served.lease.keep_alive(lease))
        for lease in range(0, 301)
    ]
    beats[7].cancel()
    kept = await asyncio.gather(*beats, return_exceptions=True)
    assert [getattr(each, "ttl_seconds", None) for each in kept] == [
        0,
        *[60] * 6,
        None,
        *[60] * 293,
    ]
    assert len(served.process.sent(CallLeader)) - before <= 3


@story
async def test_a_keep_alive_races_with_the_end_and_one_of_both_is_true() -> None:
    """Whatever it is told, the key is there afterwards or it is not."""
    members = await leased()
    for offset in range(20):
        lease = 100 + offset
        await members.grant(lease, 2, b"%d" % lease)
        granted = members.group.loop.time()
        await members.group.sleep(1.9 + offset / 100)
        served: Served = members.follower
        kept = await members.keep_alive(served, lease)
        await members.group.until_equal()
        await asyncio.sleep(0.2)
        where = (offset, members.group.loop.time() - granted)
        assert (b"%d" % lease in members.keys(members.leader)) == (kept == 2), where
