"""News of commits: with the next entries where some follow, at once elsewhere."""

import asyncio

from raftwerk.core.messages import AppendEntries
from raftwerk.core.records import Change, ChangeKind
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
