"""What a leader refuses at once, and in which words."""

import asyncio
from typing import Any

import pytest

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import Campaign, EntriesApplied
from raftwerk.core.messages import Heartbeat
from raftwerk.core.records import Change, ChangeKind, ConfChange, Transition
from raftwerk.core.replica import Replica
from raftwerk.errors import ChangePending, InvalidChange, NotLeader, QueueFull
from raftwerk.runtime import Member, bootstrap_snapshot
from raftwerk.runtime.changes import propose_change
from raftwerk.runtime.envelope import Sender
from raftwerk.runtime.members import ChangeContext, Members
from raftwerk.runtime.waiters import Waiters
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .group import member_of, story

ADD_FOUR = ConfChange((Change(ChangeKind.ADD_LEARNER, NodeId(4)),))
REMOVE_TWO = ConfChange((Change(ChangeKind.REMOVE, NodeId(2)),))


class Rig:
    """A leader of one, and what it knows."""

    def __init__(self, queue_max: int = 10, voters: int = 1) -> None:
        first = [member_of(node_id) for node_id in range(1, voters + 1)]
        self.store = MemoryLog(bootstrap_snapshot(first))
        self.replica = Replica(CoreConfig(node_id=NodeId(1)), self.store, lambda _: 0)
        self.waiters = Waiters(asyncio.get_running_loop(), queue_max)
        self.members = Members(first, removed=[NodeId(9)])
        self.sender = Sender(NodeId(1), 5)

    def lead(self) -> "Rig":
        self.replica.step(Campaign())
        self.settle()
        return self

    def settle(self) -> None:
        """Do all that is to be done."""
        while self.replica.has_ready():
            ready = self.replica.ready()
            self.store.append(ready.hard_state, ready.entries)
            self.replica.advance()

    def change(self, change: ConfChange, *members: Member) -> "asyncio.Future[object]":
        return propose_change(
            self.replica,
            self.sender,
            self.waiters,
            change,
            members,
            known=self.members,
            deadline_seconds=10.0,
        )


@story
async def test_a_change_carries_its_ticket_and_what_is_new() -> None:
    rig = Rig().lead()
    future = rig.change(ADD_FOUR, member_of(4))
    entry = rig.replica.state.log.read(LogIndex(3), LogIndex(4), 1000)[0]
    context = ChangeContext.decode(ConfChange.decode(entry.data).context)
    assert context.members == (member_of(4),)
    number = rig.sender.number_of_ticket(context.ticket)
    assert number is not None
    rig.waiters.resolve(number, "applied")
    assert await future == "applied"


@story
async def test_who_does_not_lead_names_who_does() -> None:
    rig = Rig(voters=10)
    with pytest.raises(NotLeader, match="the leader is not known"):
        rig.change(REMOVE_TWO)
    ten = NodeId(10)
    rig.replica.step(Heartbeat(sender=ten, receiver=NodeId(1), term=Term(2)))
    with pytest.raises(NotLeader, match="the leader is a$"):  # as all ids for people
        rig.change(REMOVE_TWO)


@story
async def test_a_second_change_waits_for_the_first() -> None:
    rig = Rig().lead()
    rig.change(ADD_FOUR, member_of(4))
    with pytest.raises(ChangePending, match="another change .entry 3. may be under"):
        rig.change(REMOVE_TWO)
    assert len(rig.waiters) == 1


@story
async def test_what_is_not_joint_can_t_be_left() -> None:
    with pytest.raises(InvalidChange, match="nothing to leave"):
        Rig().lead().change(ConfChange())


@story
async def test_a_joint_configuration_is_left_before_the_next_change() -> None:
    rig = Rig().lead()
    rig.replica.apply_conf_change(
        ConfChange(ADD_FOUR.changes, Transition.JOINT_EXPLICIT)
    )
    with pytest.raises(ChangePending, match="has to be left first"):
        rig.change(REMOVE_TWO)


BAD: list[tuple[ConfChange, tuple[Any, ...], str]] = [
    (ADD_FOUR, (), "member 4 is new and no peer URL was given"),
    (ADD_FOUR, (Member(node_id=NodeId(4)),), "no peer URL was given"),
    (
        ADD_FOUR,
        (Member(node_id=NodeId(4), peer_urls=("tcp://four",)),),
        "URL of member 4 is tcp://four; it must be",
    ),
    (
        ADD_FOUR,
        (member_of(4, client_urls=("four",)),),
        "URL of member 4 is four; it must be",
    ),
    (
        ConfChange((Change(ChangeKind.ADD_VOTER, NodeId(9)),)),
        (member_of(9),),
        "member 9 was removed once, and an id is never used again",
    ),
]


@pytest.mark.parametrize(("change", "members", "words"), BAD)
def test_what_nobody_could_live_with_is_refused_before_it_is_in_the_log(
    change: ConfChange, members: tuple[Member, ...], words: str
) -> None:
    @story
    async def body() -> None:
        rig = Rig().lead()
        last = rig.replica.state.log.last_index
        with pytest.raises(InvalidChange, match=words):
            rig.change(change, *members)
        assert rig.replica.state.log.last_index == last
        assert len(rig.waiters) == 0

    body()


@story
async def test_a_member_that_is_known_is_promoted_without_its_address() -> None:
    rig = Rig().lead()
    rig.members = Members([member_of(1), member_of(4)])
    rig.change(ConfChange((Change(ChangeKind.ADD_VOTER, NodeId(4)),)))
    assert len(rig.waiters) == 1


@story
async def test_a_full_queue_refuses_changes_too() -> None:
    with pytest.raises(QueueFull):
        Rig(queue_max=0).lead().change(ADD_FOUR, member_of(4))


@story
async def test_the_next_change_is_taken_when_the_first_is_applied() -> None:
    rig = Rig().lead()
    rig.change(ADD_FOUR, member_of(4))
    rig.settle()
    rig.replica.apply_conf_change(ADD_FOUR)
    rig.replica.step(EntriesApplied(LogIndex(3)))
    rig.change(ConfChange((Change(ChangeKind.REMOVE, NodeId(4)),)))
    assert len(rig.waiters) == 2
