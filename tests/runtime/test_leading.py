"""What only a leader may say: in its own log and its own term, or not at all."""

import pytest

from raftwerk.core.messages import ForwardProposal
from raftwerk.errors import NotLeader, NotProposed
from raftwerk.types import Term

from .group import Group, story


@story
async def test_a_leader_says_it_in_its_own_term() -> None:
    group = await Group().start()
    leader = group.leader
    task = leader.process.start(
        leader.node.propose_as_leader(b"mine", leader.status.term)
    )
    assert await task == 1
    await group.until_equal()
    assert all(process.machine.commands == [b"mine"] for process in group)


@story
async def test_nobody_else_says_it_and_it_is_not_handed_on() -> None:
    group = await Group().start()
    term = group.leader.status.term
    for process, claimed in (
        (group.followers[0], term),
        (group.leader, Term(term - 1)),
        (group.leader, Term(term + 1)),
    ):
        before = len(process.sent(ForwardProposal))
        with pytest.raises(NotLeader, match="does not lead term"):
            await process.process.start(
                process.node.propose_as_leader(b"not mine", claimed)
            )
        assert len(process.sent(ForwardProposal)) == before
    await group.until_equal()
    assert not any(process.machine.commands for process in group)


@story
async def test_it_is_not_said_again_in_another_term() -> None:
    group = await Group().start()
    old = group.leader
    group.isolate(old.node_id)
    asked = old.process.start(old.node.propose_as_leader(b"too late", old.status.term))
    other = await group.until_led([p.node_id for p in group if p is not old])
    await other.propose(b"new")
    group.heal()
    assert isinstance(await group.outcome(asked), NotProposed)
    await group.until_equal()
    assert all(process.machine.commands == [b"new"] for process in group)
