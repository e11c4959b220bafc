"""Who belongs to a group of whole nodes: added, promoted, replaced, removed."""

import asyncio
import functools
from collections.abc import Callable

import pytest

from raftwerk.core.messages import RequestPreVoteReply, RequestVoteReply
from raftwerk.core.records import Change, ChangeKind, ConfChange, Transition
from raftwerk.errors import (
    ChangePending,
    InvalidChange,
    MemberRemoved,
    NotLeader,
    NotProposed,
)
from raftwerk.runtime import Member
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

from .group import CLUSTER, Group, Process, SpiedLog, member_of, story

FOUR = NodeId(4)


def add_learner(node_id: int) -> Change:
    return Change(ChangeKind.ADD_LEARNER, NodeId(node_id))


def add_voter(node_id: int) -> Change:
    return Change(ChangeKind.ADD_VOTER, NodeId(node_id))


def remove(node_id: int) -> Change:
    return Change(ChangeKind.REMOVE, NodeId(node_id))


async def with_learner() -> tuple[Group, Process]:
    """Return a group of three, and a learner that has all they have."""
    group = await Group().start()
    await group.leader.propose(b"x")
    four = group.add(4)
    await four.start()
    await group.leader.change(add_learner(4), members=[member_of(4)])
    await group.until(lambda: four.machine.commands == [b"x"])
    return group, four


def identity(process: Process, directory_id: int) -> Identity:
    """Return what a member would say of itself with a data directory."""
    return Identity(
        cluster_id=CLUSTER,
        node_id=process.node_id,
        directory_id=directory_id,
        address=f"node{process.node_id}:2380",
    )


def knows_four(process: Process) -> bool:
    """Tell whether member 4 is known."""
    return FOUR in [member.node_id for member in process.node.members]


# ---- coming ------------------------------------------------------------------


@story
async def test_a_learner_is_added_with_its_address_and_hears_all() -> None:
    group, four = await with_learner()
    assert four.status.is_learner
    assert four.status.conf_state.learners == (4,)
    for process in group:
        await group.until(functools.partial(knows_four, process))


@story
async def test_a_learner_that_is_alone_elects_nobody_and_a_voter_does() -> None:
    group, four = await with_learner()
    dead = [p for p in group if p is not four][:2]
    for process in dead:
        process.kill()
    await group.sleep(2.0)
    assert not any(p.is_leader for p in group), "one voter of three is no majority"


@story
async def test_a_learner_is_promoted_and_counts_from_then_on() -> None:
    group, four = await with_learner()
    conf_state = await group.leader.change(add_voter(4))
    assert conf_state.voters == (1, 2, 3, 4)
    await group.until(lambda: not four.status.is_learner)
    dead = group.followers[0]
    if dead is four:
        dead = group.followers[1]
    dead.kill()
    assert await group.leader.propose(b"three of four") == 2


@story
async def test_a_proposal_and_a_read_at_a_learner_are_as_good_as_any() -> None:
    group, four = await with_learner()
    assert await four.propose(b"y") == 2
    assert await group.leader.propose(b"z") == 3
    await four.read()
    assert four.machine.commands == [b"x", b"y", b"z"]


@story
async def test_a_member_that_has_started_tells_of_itself_through_its_leader() -> None:
    group, four = await with_learner()
    await group.until(
        lambda: all(
            m.has_started for m in group.leader.node.members if m.node_id == FOUR
        )
    )
    (known,) = [m for m in group.leader.node.members if m.node_id == FOUR]
    assert (known.name, known.directory_id) == ("node4", four.directory_id)


@story
async def test_what_a_member_says_of_itself_is_said_until_it_is_applied() -> None:
    group = await Group().start()
    follower = group.followers[0]
    follower.kill()
    group.isolate(follower.node_id)
    # It has moved, and nobody hears it for longer than it waits for an answer.
    urls = ("http://moved:2379",)
    await follower.start(client_urls=urls, request_timeout_millis=500)
    await group.sleep(3.0)
    group.heal()

    def is_known() -> bool:
        known = [m for p in group for m in p.node.members]
        return all(
            m.client_urls == urls for m in known if m.node_id == follower.node_id
        )

    await group.until(is_known)


# ---- going -------------------------------------------------------------------


@story
async def test_a_member_is_removed_and_the_rest_goes_on_without_it() -> None:
    group = await Group().start()
    gone, stays = group.followers
    conf_state = await group.leader.change(remove(gone.node_id))
    assert gone.node_id not in conf_state.voters
    gone.kill()
    assert await group.leader.propose(b"two of two") == 1
    assert stays.is_up


@story
async def test_a_leader_that_is_removed_lets_the_others_choose_another() -> None:
    group = await Group().start()
    old = group.leader
    conf_state = await old.change(remove(old.node_id))
    assert old.node_id not in conf_state.voters
    others = [p for p in group if p is not old]
    await group.until_led([p.node_id for p in others])
    assert not old.is_leader
    term = group.leader.status.term
    await group.sleep(2.0)
    assert group.leader.status.term == term, "it disturbs nobody"


@story
async def test_the_id_of_a_removed_member_is_refused_with_what_helps() -> None:
    group = await Group().start()
    gone = group.followers[0]
    await group.leader.change(remove(gone.node_id))
    await group.sleep(0.1)
    refusal = group.leader.node.refusal(identity(gone, gone.directory_id))
    assert refusal is not None and refusal.is_removed
    assert f"member {gone.node_id:x} was removed from this cluster" in refusal.words
    assert "raftwerk member add" in refusal.words


def ends_as_removed(process: Process) -> Callable[[], bool]:
    """Return what tells whether a member has ended for it was removed."""
    ended = process.process.start(process.node.wait_ended())

    def is_over() -> bool:
        if not ended.done():
            return False
        with pytest.raises(MemberRemoved, match="raftwerk member add"):
            ended.result()
        return True

    return is_over


@story
async def test_a_follower_that_is_removed_ends_for_its_peers_refuse_it() -> None:
    group = await Group().start()
    gone = group.followers[0]
    is_over = ends_as_removed(gone)
    await group.leader.change(remove(gone.node_id))
    await group.until(is_over, 5.0)
    assert await group.leader.propose(b"two of two") == 1


@story
async def test_a_leader_that_is_removed_ends_once_its_last_words_are_said() -> None:
    group = await Group().start()
    old = group.leader
    is_over = ends_as_removed(old)
    others = [p for p in group if p is not old]
    await old.change(remove(old.node_id))
    assert not is_over(), "whoever asked for it has to hear that it is done"
    # Nobody can tell it but its own log.
    group.isolate(old.node_id)
    await group.until(is_over, 2.0)
    await group.until_led([p.node_id for p in others])
    assert await group.leader.propose(b"two of two") == 1


@story
async def test_who_was_removed_while_it_was_down_ends_when_it_comes_back() -> None:
    group = await Group().start()
    gone = group.followers[0]
    gone.kill()
    await group.leader.change(remove(gone.node_id))
    await gone.start()
    term = group.leader.status.term
    await group.until(ends_as_removed(gone), 5.0)
    assert group.leader.status.term == term, "it disturbed somebody"


@story
async def test_who_is_out_but_in_a_minority_s_view_stays_a_member() -> None:
    group = await Group().start()
    old = group.leader
    gone = group.followers[0]
    is_over = ends_as_removed(gone)
    # The change gets into the old leader's log, and no further.
    group.isolate(old.node_id)
    asked = old.change(remove(gone.node_id))
    await group.until_led([p.node_id for p in group if p is not old])
    group.heal()
    assert isinstance(await group.outcome(asked), NotProposed)
    await group.sleep(2.0)
    assert not is_over()
    assert await group.leader.propose(b"three of three") == 1


@story
async def test_a_removed_id_is_not_added_again() -> None:
    group = await Group().start()
    gone = group.followers[0]
    await group.leader.change(remove(gone.node_id))
    asked = group.leader.change(
        add_learner(gone.node_id), members=[member_of(gone.node_id)]
    )
    error = await group.outcome(asked)
    assert isinstance(error, InvalidChange)
    assert "never used again" in str(error)


# ---- replacing ---------------------------------------------------------------


@story
async def test_a_lost_member_is_replaced_in_one_joint_change() -> None:
    group, four = await with_learner()
    lost = [p for p in group.followers if p is not four][0]
    lost.kill()
    conf_state = await group.leader.change(remove(lost.node_id), add_voter(4))
    assert conf_state.voters_outgoing == (1, 2, 3)
    await group.until(lambda: not group.leader.status.conf_state.voters_outgoing)
    assert set(group.leader.status.conf_state.voters) == {1, 2, 3, 4} - {lost.node_id}
    assert lost.node_id not in [m.node_id for m in group.leader.node.members]
    assert await group.leader.propose(b"all three are there") == 2
    # The new one counts: with it and one more there is a majority.
    group.leader.kill()
    await group.until_led()
    assert await group.leader.propose(b"two of three") == 3


@story
async def test_a_joint_configuration_survives_the_end_of_its_leader() -> None:
    group, four = await with_learner()
    lost = [p for p in group.followers if p is not four][0]
    leader = group.leader
    asked = leader.change(remove(lost.node_id), add_voter(4))
    await group.until(lambda: bool(leader.status.conf_state.voters_outgoing))
    leader.kill()
    await group.until_led([p.node_id for p in group if p.is_up])
    # At first it may not even know that the joint one is committed.
    await group.until(lambda: FOUR in group.leader.status.conf_state.voters)
    await group.until(lambda: not group.leader.status.conf_state.voters_outgoing)
    assert not asked.done() or asked.result()


@story
async def test_an_explicit_joint_configuration_is_left_when_it_is_asked_for() -> None:
    group, four = await with_learner()
    lost = [p for p in group.followers if p is not four][0]
    change = ConfChange((remove(lost.node_id), add_voter(4)), Transition.JOINT_EXPLICIT)
    leader = group.leader
    joint = await leader.process.start(leader.node.change_members(change))
    assert joint.voters_outgoing == (1, 2, 3)
    await group.sleep(1.0)
    assert leader.status.conf_state.voters_outgoing == (1, 2, 3)
    left = await leader.process.start(leader.node.change_members(ConfChange()))
    assert not left.voters_outgoing


# ---- moving ------------------------------------------------------------------


@story
async def test_an_operator_moves_a_member_and_takes_back_nothing_else() -> None:
    group = await Group().start()
    follower = group.followers[0]
    update = Change(ChangeKind.UPDATE, follower.node_id)
    told = Member(node_id=follower.node_id, peer_urls=("http://elsewhere:1",))
    await group.leader.change(update, members=[told])
    (known,) = [m for m in group.leader.node.members if m.node_id == follower.node_id]
    assert known.peer_urls == ("http://elsewhere:1",)
    assert known.directory_id == follower.directory_id, "that, nobody else can say"


# ---- refused -----------------------------------------------------------------


@story
async def test_only_a_leader_changes_members_and_the_others_name_it() -> None:
    group = await Group().start()
    error = await group.outcome(
        group.followers[0].change(add_learner(4), members=[member_of(4)])
    )
    assert isinstance(error, NotLeader)
    assert f"the leader is {group.leader.node_id}" in str(error)


@story
async def test_a_second_change_is_refused_at_once_and_may_be_tried_again() -> None:
    group = await Group().start()
    first = group.leader.change(add_learner(4), members=[member_of(4)])
    second = group.leader.change(add_learner(5), members=[member_of(5)])
    begin = group.loop.time()
    error = await group.outcome(second)
    assert isinstance(error, ChangePending)
    assert group.loop.time() == begin
    await first
    # Until the empty entry that it left is applied, the next may have to wait.
    await group.sleep(0.05)
    again = group.leader.change(add_learner(5), members=[member_of(5)])
    assert (await again).learners == (4, 5)


@story
async def test_the_last_voter_can_t_be_removed() -> None:
    group = await Group(voters=1).start()
    error = await group.outcome(group[1].change(remove(1)))
    assert isinstance(error, InvalidChange)
    assert await group[1].propose(b"still here") == 1


@story
async def test_a_change_that_a_cut_off_leader_took_is_lost_and_that_is_said() -> None:
    group = await Group().start()
    old = group.leader
    group.isolate(old.node_id)
    asked = old.change(add_learner(4), members=[member_of(4)])
    await group.until_led([p.node_id for p in group if p is not old])
    group.heal()
    error = await group.outcome(asked)
    assert isinstance(error, NotProposed)
    assert "will not come to effect" in str(error)
    assert not group.leader.status.conf_state.learners


# ---- data directories --------------------------------------------------------


@story
async def test_who_comes_back_without_its_data_does_not_vote_and_is_told_why() -> None:
    group = await Group().start()
    await group.leader.propose(b"x")
    wiped = group.followers[0]
    wiped.kill()
    wiped.log = SpiedLog()
    wiped.directory_id += 0x1000
    # It is started with the same flags, and finds an empty directory.
    await wiped.start()
    refusal = group.leader.node.refusal(identity(wiped, wiped.directory_id))
    assert refusal is not None and not refusal.is_removed
    assert "has lost its data directory" in refusal.words
    assert f"raftwerk member replace {wiped.node_id:x}" in refusal.words
    other = [p for p in group.followers if p is not wiped][0]
    group.leader.kill()
    await group.sleep(3.0)
    assert not other.is_leader, "its vote would make a majority of what was promised"
    assert not wiped.sent(RequestVoteReply, RequestPreVoteReply)
    assert not wiped.machine.commands


@story
async def test_who_lost_its_data_comes_back_under_a_new_id_by_that_command() -> None:
    group = await Group().start()
    await group.leader.propose(b"x")
    wiped = group.followers[0]
    wiped.kill()
    four = group.add(4)
    await four.start()
    await group.leader.change(add_learner(4), members=[member_of(4)])
    await group.until(lambda: four.machine.commands == [b"x"])
    await group.leader.change(remove(wiped.node_id), add_voter(4))
    # Who does not know that the joint one is left can't elect without the wiped one.
    up = [process for process in group if process.is_up]
    await group.until(
        lambda: not any(each.status.conf_state.voters_outgoing for each in up)
    )
    group.leader.kill()
    await group.until_led()
    assert await group.leader.propose(b"y") == 2


@pytest.mark.parametrize("count", [5])
def test_changes_and_writes_go_on_side_by_side(count: int) -> None:
    @story
    async def body() -> None:
        group = await Group().start()
        leader = group.leader
        writes = []
        for node_id in range(4, 4 + count):
            await group.add(node_id).start()
            writes += [leader.propose(b"%d-%d" % (node_id, n)) for n in range(20)]
            await leader.change(add_learner(node_id), members=[member_of(node_id)])
            await leader.change(add_voter(node_id))
        assert set(await asyncio.gather(*writes)) == set(range(1, 20 * count + 1))
        await group.until_equal()
        assert len({tuple(p.machine.commands) for p in group}) == 1

    body()
