"""News of commits: with the next entries where some follow, at once elsewhere.

And what of the answers needs no telling, and no turn.
"""

import asyncio

from raftwerk.core.messages import AppendEntries, AppendEntriesReply
from raftwerk.core.records import Change, ChangeKind
from raftwerk.runtime.driver import Driver
from raftwerk.runtime.notices import KEPT_SECONDS, PAUSE_SECONDS
from raftwerk.types import NodeId

from .group import Group, Process, member_of, story


def notices(process: Process) -> list[AppendEntries]:
    """Return the appends without entries that a member has sent."""
    return [
        each
        for each in process.sent(AppendEntries)
        if isinstance(each, AppendEntries) and not each.entries
    ]


def _driver(process: Process) -> Driver:
    """Return what drives a member."""
    return process.node._driver()  # pylint: disable=protected-access  # to look into it


@story
async def test_writes_that_follow_one_another_take_the_news_along() -> None:
    group = await Group().start()
    leader = group.leader
    await leader.propose(b"first")
    before = len(notices(leader))
    for number in range(50):
        await leader.propose(b"%d" % number)
    assert len(notices(leader)) - before < 20, "for two followers and 50 writes"
    begin = group.loop.time()
    await group.until_equal()
    assert group.loop.time() - begin < 2 * KEPT_SECONDS + 0.005


@story
async def test_a_write_after_a_pause_is_told_at_once() -> None:
    group = await Group().start()
    await group.leader.propose(b"first")
    await group.until_equal()
    await group.sleep(PAUSE_SECONDS)
    before = len(notices(group.leader))
    await group.leader.propose(b"second")
    assert len(notices(group.leader)) - before == 2


@story
async def test_a_follower_at_which_somebody_waits_is_told_at_once() -> None:
    group = await Group().start()
    follower = group.followers[0]
    for number in range(10):
        before = len(notices(group.leader))
        await follower.propose(b"%d" % number)
        told = [each.receiver for each in notices(group.leader)[before:]]
        assert follower.node_id in told


@story
async def test_a_change_of_configuration_is_told_at_once() -> None:
    group = await Group().start()
    leader = group.leader
    await group.add(4).start()
    await asyncio.gather(*[leader.propose(b"%d" % number) for number in range(10)])
    before = len(notices(leader))
    learner = Change(ChangeKind.ADD_LEARNER, NodeId(4))
    await leader.change(learner, members=[member_of(4)])
    told = {each.receiver for each in notices(leader)[before:]}
    assert {p.node_id for p in group.followers if p.node_id != 4} <= told


@story
async def test_an_answer_is_told_once_though_the_news_of_the_commit_asks_again() -> (
    None
):
    group = await Group(5).start()
    await group.leader.propose(b"first")
    await group.until_equal()
    await group.sleep(PAUSE_SECONDS)
    before = {p.node_id: len(p.sent(AppendEntriesReply)) for p in group.followers}
    await group.leader.propose(b"second")
    await group.until_equal()
    for process in group.followers:
        assert len(process.sent(AppendEntriesReply)) == before[process.node_id] + 1


@story
async def test_an_answer_that_was_lost_is_told_again_after_the_next_heartbeat() -> None:
    group = await Group(3).start()
    leader, follower = group.leader, group.followers[0]
    driver = _driver(leader)
    await leader.propose(b"first")
    await group.until_equal()
    await group.sleep(PAUSE_SECONDS)
    group.network.cut(follower.node_id, leader.node_id)
    await leader.propose(b"second")
    await group.until_equal()  # the follower has it, and the leader does not know
    progress = driver.replica.state.tracker.progress[follower.node_id]
    assert progress.match_index < leader.status.last_log_index
    group.heal()
    await group.until(lambda: progress.match_index == leader.status.last_log_index, 0.3)
    assert group.leader is leader


@story
async def test_what_asks_for_nothing_takes_no_turn() -> None:
    group = await Group(5).start()
    leader = group.leader
    await leader.propose(b"first")
    await group.until_equal()
    turns = 0
    driver = _driver(leader)
    turn_took = driver.loop_lag.turn_took

    def count(seconds: float) -> None:
        nonlocal turns
        turns += 1
        turn_took(seconds)

    driver.loop_lag.turn_took = count  # type: ignore[method-assign]  # to count calls
    writes = 20
    for _ in range(writes):
        await group.sleep(PAUSE_SECONDS)
        await leader.propose(b"again")
    # One proposes, one commits; of the other three answers, and of its own disk, the
    # leader takes note. Some more are heartbeats.
    assert 2 * writes <= turns <= 3 * writes
