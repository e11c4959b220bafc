"""Members come, go and are replaced, whichever member is asked; on virtual time."""

from collections.abc import Coroutine
from typing import Any

import pytest

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.runtime import Node
from raftwerk.service import cluster_calls as calls
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_errors import (
    BadTransferee,
    LearnerLags,
    MemberNotFound,
    MemberUrlsInvalid,
    NotALearner,
    PeerUrlsTaken,
    TooFewMembers,
    TransferFailed,
    UnhealthyCluster,
)
from raftwerk.service.cluster_node import ClusterNode
from raftwerk.types import NodeId
from tests.runtime.group import Group, Process, SpiedLog, story

FOUR_URL = "http://node4:2380"


def as_cluster_node(node: Node) -> ClusterNode:
    """Have the type checker look whether it is one."""
    return node


class Served:
    """A group whose members all have the service."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.services: dict[int, ClusterService] = {}
        for process in group:
            self.serve(process)

    def serve(self, process: Process) -> None:
        """Give a member the service, in its own process."""
        service = ClusterService(
            as_cluster_node(process.node), process.host.timers, process.host.draw
        )
        self.services[process.node_id] = service
        process.process.start(service.run())

    async def on(self, process: Process, call: Coroutine[Any, Any, Any]) -> Any:
        """Return what a call in a member's process ended with, be it an error."""
        return await self.group.outcome(process.process.start(call))

    async def ask(self, process: Process, request: calls.ClusterRequest) -> Any:
        """Ask one member."""
        return await self.on(process, self.services[process.node_id].request(request))

    async def follower(self, request: calls.ClusterRequest) -> Any:
        """Ask a member that does not lead."""
        return await self.ask(self.group.followers[0], request)

    async def join(self, node_id: NodeId, address: int) -> Process:
        """Start the member that was added with this id."""
        process = self.group.add(node_id, f"node{address}")
        await process.start()
        self.serve(process)
        return process


async def served(voters: int = 3) -> Served:
    return Served(await Group(voters).start())


def ids(view: calls.ClusterView) -> list[int]:
    return [member.node_id for member in view.members]


# ---- adding and promoting ----------------------------------------------------


@story
async def test_a_learner_added_through_a_follower_is_seen_by_all() -> None:
    cluster = await served()
    view = await cluster.follower(calls.AddMember((FOUR_URL,), is_learner=True))
    (added,) = [m for m in view.members if m.node_id == view.subject]
    assert added.is_learner
    assert not added.has_started
    assert (added.name, added.peer_urls) == ("", (FOUR_URL,))
    for process in cluster.group:
        listed = await cluster.on(process, cluster.services[process.node_id].members())
        assert ids(listed) == ids(view)


@story
async def test_ids_are_drawn_and_never_those_of_members_past_or_present() -> None:
    cluster = await served()
    seen: set[int] = set()
    for _ in range(5):
        view = await cluster.follower(calls.AddMember((FOUR_URL,), is_learner=True))
        assert view.subject not in seen | {1, 2, 3}
        seen.add(view.subject)
        gone = await cluster.follower(calls.RemoveMember(view.subject))
        assert ids(gone) == [1, 2, 3]


@story
async def test_a_learner_is_promoted_once_it_has_caught_up() -> None:
    cluster = await served()
    view = await cluster.follower(calls.AddMember((FOUR_URL,), is_learner=True))
    new = view.subject
    assert isinstance(await cluster.follower(calls.PromoteMember(new)), LearnerLags)
    process = await cluster.join(new, 4)
    await cluster.group.until(
        lambda: process.status.applied_index == cluster.group.leader.status.commit_index
    )
    promoted = None
    for _ in range(100):
        promoted = await cluster.follower(calls.PromoteMember(new))
        if isinstance(promoted, calls.ClusterView):
            break
        await cluster.group.sleep(0.02)
    assert isinstance(promoted, calls.ClusterView)
    assert not any(member.is_learner for member in promoted.members)
    again = await cluster.follower(calls.PromoteMember(new))
    assert isinstance(again, NotALearner)


REFUSED_URLS = [(), ("nonsense",), ("ftp://node4:2380",), ("http://node4",)]


@pytest.mark.parametrize("urls", REFUSED_URLS)
def test_a_member_needs_urls_that_can_be_read(urls: tuple[str, ...]) -> None:
    @story
    async def tell() -> None:
        cluster = await served(1)
        error = await cluster.ask(cluster.group[1], calls.AddMember(urls))
        assert isinstance(error, MemberUrlsInvalid)

    tell()


@story
async def test_two_members_have_no_address_in_common() -> None:
    cluster = await served()
    error = await cluster.follower(calls.AddMember(("http://node1:2380",)))
    assert isinstance(error, PeerUrlsTaken)
    error = await cluster.follower(
        calls.UpdateMember(NodeId(2), ("http://node1:2380",))
    )
    assert isinstance(error, PeerUrlsTaken)


@story
async def test_a_voter_is_not_added_while_one_is_away() -> None:
    cluster = await served()
    group = cluster.group
    group.followers[0].kill()
    await group.until(
        lambda: not all(
            view.is_connected for view in group.leader.node.peers().values()
        )
    )
    error = await cluster.ask(group.leader, calls.AddMember((FOUR_URL,)))
    assert isinstance(error, UnhealthyCluster)
    assert "add it as a learner" in str(error)


@story
async def test_a_group_of_one_can_become_one_of_two() -> None:
    cluster = await served(1)
    view = await cluster.ask(cluster.group[1], calls.AddMember((FOUR_URL,)))
    process = await cluster.join(view.subject, 4)
    await cluster.group.until(
        lambda: process.status.leader == 1 and len(process.node.members) == 2
    )


# ---- moving and removing -----------------------------------------------------


@story
async def test_a_member_is_moved_by_its_new_address() -> None:
    cluster = await served()
    # Who is moved itself may lose the connection on which it would be told.
    moving = cluster.group.followers[1].node_id
    view = await cluster.follower(
        calls.UpdateMember(moving, ("http://elsewhere:2380",))
    )
    (moved,) = [member for member in view.members if member.node_id == moving]
    assert moved.peer_urls == ("http://elsewhere:2380",)


@story
async def test_what_is_no_member_is_not_found() -> None:
    cluster = await served()
    nine = NodeId(9)
    for request in (
        calls.RemoveMember(nine),
        calls.UpdateMember(nine, (FOUR_URL,)),
        calls.PromoteMember(nine),
        calls.ReplaceMember(nine),
    ):
        assert isinstance(await cluster.follower(request), MemberNotFound)


@story
async def test_a_leader_hands_over_before_it_is_removed() -> None:
    cluster = await served()
    group = cluster.group
    leader, asked = group.leader, group.followers[0]
    view = await cluster.ask(asked, calls.RemoveMember(leader.node_id))
    assert leader.node_id not in ids(view)
    assert view.leader not in (None, leader.node_id)
    left = [process for process in group if process is not leader]
    await group.until(lambda: len(left[0].node.members) == 2)
    del group.members[leader.node_id]
    assert await group.outcome(left[0].propose(b"x")) is not None


@story
async def test_a_leader_that_is_asked_itself_goes_all_the_same() -> None:
    cluster = await served()
    group = cluster.group
    leader, other = group.leader, group.followers[0]
    end = await cluster.ask(leader, calls.ReplaceMember(leader.node_id))
    # Those who have heard of it cut it off, and with it the answer.
    assert isinstance(end, OutcomeUnknown)
    await group.until(
        lambda: leader.node_id not in [each.node_id for each in other.node.members]
    )
    assert len(other.node.members) == 3


@story
async def test_the_last_voter_stays() -> None:
    cluster = await served(1)
    error = await cluster.ask(cluster.group[1], calls.RemoveMember(NodeId(1)))
    assert isinstance(error, TooFewMembers)
    error = await cluster.ask(cluster.group[1], calls.ReplaceMember(NodeId(1)))
    assert isinstance(error, TooFewMembers)


@story
async def test_who_is_needed_is_not_removed() -> None:
    cluster = await served()
    group = cluster.group
    dead, needed = group.followers
    dead.kill()
    await group.until(lambda: not group.leader.node.peers()[dead.node_id].is_connected)
    error = await cluster.ask(group.leader, calls.RemoveMember(needed.node_id))
    assert isinstance(error, UnhealthyCluster)
    view = await cluster.ask(group.leader, calls.RemoveMember(dead.node_id))
    assert len(view.members) == 2


@story
async def test_changes_that_come_together_are_made_one_after_the_other() -> None:
    cluster = await served()
    group = cluster.group
    asked = [
        process.process.start(
            cluster.services[process.node_id].request(
                calls.AddMember((f"http://node{10 + process.node_id}:2380",), True)
            )
        )
        for process in group
    ]
    views = [await group.outcome(each) for each in asked]
    assert all(isinstance(view, calls.ClusterView) for view in views), views
    assert len(group.leader.node.members) == 6


# ---- replacing ---------------------------------------------------------------


@story
async def test_a_lost_member_is_replaced_in_one_change_and_votes_again() -> None:
    cluster = await served()
    group = cluster.group
    lost = group.followers[0]
    lost.kill()
    del group.members[lost.node_id]
    view = await cluster.ask(group.leader, calls.ReplaceMember(lost.node_id))
    new = view.subject
    assert lost.node_id not in ids(view)
    assert not view.is_joint
    (learner,) = [member for member in view.members if member.node_id == new]
    assert learner.is_learner
    assert learner.peer_urls == (f"http://node{lost.node_id}:2380",)
    await cluster.join(new, int(lost.node_id))
    await group.until(lambda: new in group.leader.status.conf_state.voters)
    assert len(group.leader.status.conf_state.voters) == 3
    assert group.leader.node.removed == {lost.node_id}


@story
async def test_a_member_that_is_there_votes_until_its_successor_has_caught_up() -> None:
    cluster = await served()
    group = cluster.group
    old = group.followers[0]
    request = calls.ReplaceMember(old.node_id, (FOUR_URL,))
    view = await cluster.ask(group.leader, request)
    assert old.node_id in group.leader.status.conf_state.voters
    await cluster.join(view.subject, 4)
    await group.until(lambda: view.subject in group.leader.status.conf_state.voters)
    await group.until(lambda: not group.leader.status.conf_state.voters_outgoing)
    assert old.node_id not in group.leader.status.conf_state.voters
    assert len(group.leader.status.conf_state.voters) == 3


@story
async def test_a_new_leader_goes_on_with_a_replacement() -> None:
    cluster = await served()
    group = cluster.group
    old = group.followers[0]
    request = calls.ReplaceMember(old.node_id, (FOUR_URL,))
    view = await cluster.ask(group.leader, request)
    other = group.followers[1]
    await cluster.ask(group.leader, calls.TransferLeadership(other.node_id))
    await group.until(lambda: other.is_leader)
    await cluster.join(view.subject, 4)
    await group.until(lambda: view.subject in other.status.conf_state.voters)


@story
async def test_the_successor_of_a_learner_is_a_learner() -> None:
    cluster = await served()
    group = cluster.group
    view = await cluster.follower(calls.AddMember((FOUR_URL,), is_learner=True))
    view = await cluster.follower(calls.ReplaceMember(view.subject))
    process = await cluster.join(view.subject, 4)
    await group.until(lambda: process.status.applied_index > 1)
    await group.sleep(2.0)
    assert view.subject in group.leader.status.conf_state.learners


# ---- leading -----------------------------------------------------------------


@story
async def test_leadership_goes_to_whom_it_is_given() -> None:
    cluster = await served()
    group = cluster.group
    target, asked = group.followers
    view = await cluster.ask(asked, calls.TransferLeadership(target.node_id))
    assert view.subject == target.node_id
    await group.until(lambda: target.is_leader)


@story
async def test_leadership_goes_to_whoever_lacks_least_if_nobody_is_named() -> None:
    cluster = await served()
    group = cluster.group
    old = group.leader
    view = await cluster.follower(calls.TransferLeadership())
    await group.until(lambda: group[view.subject].is_leader)
    assert view.subject != old.node_id


@story
async def test_only_a_voter_can_lead() -> None:
    cluster = await served()
    error = await cluster.follower(calls.TransferLeadership(NodeId(12345)))
    assert isinstance(error, BadTransferee)


@story
async def test_a_transfer_to_a_dead_member_fails_and_the_leader_goes_on() -> None:
    cluster = await served()
    group = cluster.group
    dead = group.followers[0]
    dead.kill()
    error = await cluster.ask(group.leader, calls.TransferLeadership(dead.node_id))
    assert isinstance(error, TransferFailed)
    assert await group.outcome(group.leader.propose(b"x")) is not None


# ---- looking -----------------------------------------------------------------


@story
async def test_any_member_tells_how_far_all_are() -> None:
    cluster = await served()
    group = cluster.group
    await group.until_equal()
    view = await cluster.on(
        group.followers[0], cluster.services[group.followers[0].node_id].overview()
    )
    assert view.leader == group.leader.node_id
    assert {m.match_index for m in view.members} == {view.last_log_index}
    assert all(member.is_connected for member in view.members)


@story
async def test_a_member_that_is_cut_off_tells_what_it_knows() -> None:
    cluster = await served()
    group = cluster.group
    alone = group.followers[0]
    service = cluster.services[alone.node_id]
    group.isolate(alone.node_id)
    begin = group.loop.time()
    view = await cluster.on(alone, service.overview())
    assert group.loop.time() - begin < 1.5
    assert ids(view) == [1, 2, 3]
    await group.until(lambda: alone.status.leader is None)
    view = await cluster.on(alone, service.members(is_linearizable=False))
    assert view.leader is None
    assert isinstance(await cluster.on(alone, service.members()), NotProposed)


@story
async def test_a_snapshot_is_taken_when_it_is_asked_for() -> None:
    cluster = await served()
    group = cluster.group
    await group.outcome(group.leader.propose(b"x"))
    service = cluster.services[group.leader.node_id]
    applied = group.leader.status.applied_index
    taken = await cluster.on(group.leader, service.take_snapshot())
    assert taken.index >= applied
    assert not taken.is_under_way
    again = await cluster.on(group.leader, service.take_snapshot())
    assert again == taken


def test_a_refusal_keeps_its_kind_on_its_way_between_members() -> None:
    refused = calls.encode(calls.refusal_of(LearnerLags("behind")))
    with pytest.raises(LearnerLags, match="behind"):
        calls.decode_reply(refused)


def test_logs_of_members_that_join_begin_empty() -> None:
    assert SpiedLog().snapshot().is_empty
