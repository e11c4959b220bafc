"""Raft paper §6: cluster membership changes through joint consensus."""

import pytest

from raftwerk.core.events import VoteIgnored
from raftwerk.core.messages import (
    AppendEntries,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.records import ConfState, EntryKind, Snapshot, Transition
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId, Term

from ..cluster import Cluster
from ..member import ELECTION_TICKS, Member, bootstrap, heartbeat, of_kind, vote_request

EXPLICIT = Transition.JOINT_EXPLICIT


def ids(*numbers: int) -> tuple[NodeId, ...]:
    """Return numbers as ids."""
    return tuple(map(NodeId, numbers))


OLD_AND_NEW = Snapshot(
    LogIndex(1),
    Term(1),
    ConfState(voters=ids(1, 4, 5), voters_outgoing=ids(1, 2, 3)),
)
"""From 1, 2, 3 to 1, 4, 5."""


def joint_member() -> Member:
    """Return a member that is in the middle of a change from 1, 2, 3 to 1, 4, 5."""
    return Member(1, snapshot=OLD_AND_NEW, term=1)


ELECTIONS = [
    # who votes for member 1, besides itself, and whether that is enough
    ([2, 3], False),
    ([4, 5], False),
    ([2, 4], True),
    ([3, 5], True),
    ([2, 3, 4], True),
]


@pytest.mark.parametrize(("voters", "wins"), ELECTIONS)
def test_election_in_a_joint_configuration_needs_both_majorities(
    voters: list[int], wins: bool
) -> None:
    """§6: "Agreement (for elections and entry commitment) requires separate majorities
    from both the old and new configurations"."""
    member = joint_member()
    requests = of_kind(member.campaign(), RequestVote)
    assert [request.receiver for request in requests] == [2, 3, 4, 5]
    for voter in voters:
        member.step(
            RequestVoteReply(
                sender=NodeId(voter),
                receiver=NodeId(1),
                term=member.status.term,
                granted=True,
            )
        )
    assert (member.role is Role.LEADER) is wins


COMMITS = [
    # who stores the entry, besides the leader, and whether that is enough
    ([2, 3], False),
    ([4, 5], False),
    ([2, 5], True),
    ([3, 4], True),
]


@pytest.mark.parametrize(("holders", "is_committed"), COMMITS)
def test_commit_in_a_joint_configuration_needs_both_majorities(
    holders: list[int], is_committed: bool
) -> None:
    """§6: the same for entries."""
    leader = joint_member()
    leader.lead()
    leader.acknowledge(*holders)
    assert (leader.status.commit_index > 1) is is_committed


def test_entries_go_to_the_members_of_both_configurations() -> None:
    """§6: "Log entries are replicated to all servers in both configurations"."""
    leader = joint_member()
    leader.lead()
    leader.acknowledge(2, 3, 4, 5)
    sent = of_kind(leader.propose(b"x"), AppendEntries)
    assert [one.receiver for one in sent if one.entries] == [2, 3, 4, 5]


def test_server_of_either_configuration_may_lead() -> None:
    """§6: "Any server from either configuration may serve as leader"."""
    for node_id in (2, 4):
        member = Member(node_id, snapshot=OLD_AND_NEW, term=1)
        member.lead()
        assert member.role is Role.LEADER


def test_change_goes_through_a_joint_configuration_that_is_left_by_itself() -> None:
    """§6, Fig. 11: first C-old,new is an entry, then, once that is committed, C-new."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.add_blank(4, 5)
    leader = cluster.elect(1)
    cluster.change(1, "v4 v5 r2 r3")
    cluster.heartbeat(1)
    kinds = [entry.kind for entry in leader.store.read(LogIndex(2), LogIndex(5), 2**62)]
    assert kinds == [EntryKind.COMMAND, EntryKind.CONF_CHANGE, EntryKind.CONF_CHANGE]
    assert leader.status.conf_state == ConfState(voters=ids(1, 4, 5))
    cluster.propose(1, b"x", cut=[2, 3])
    assert cluster[4].applied == cluster[5].applied == ["x"]


def test_joint_configuration_lasts_until_it_is_left_where_that_is_asked_for() -> None:
    """§6: between C-old,new and C-new any number of entries may be agreed upon."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.add_blank(4)
    leader = cluster.elect(1)
    cluster.change(1, "v4 r3", transition=EXPLICIT)
    cluster.propose(1, b"x")
    assert leader.status.conf_state == ConfState(
        voters=ids(1, 2, 4), voters_outgoing=ids(1, 2, 3)
    )
    cluster.change(1, "")
    assert leader.status.conf_state == ConfState(voters=ids(1, 2, 4))


def test_no_second_change_begins_before_the_first_is_applied() -> None:
    """§6 (thesis §4.1): changes that overlap could give two disjoint majorities. What
    is refused goes into the log without effect."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose_change("v4")
    leader.propose_change("v5")
    leader.acknowledge(2, 3)
    assert leader.status.conf_state == ConfState(voters=ids(1, 2, 3, 4))
    leader.propose_change("v5")
    leader.acknowledge(2, 3)
    assert leader.status.conf_state == ConfState(voters=ids(1, 2, 3, 4, 5))


def test_new_leader_takes_no_change_before_it_has_applied_its_whole_log() -> None:
    """§6: an entry that it has but does not know as committed may be a change."""
    leader = Member(1, log=[1, 1], term=1)
    leader.lead()
    leader.propose_change("v4")
    leader.acknowledge(2, 3)
    assert leader.status.applied_index == 4
    assert leader.status.conf_state == ConfState(voters=ids(1, 2, 3)), "no effect"
    leader.propose_change("v4")
    leader.acknowledge(2, 3)
    assert leader.status.conf_state == ConfState(voters=ids(1, 2, 3, 4))


def test_new_servers_receive_the_log_before_they_vote() -> None:
    """§6: "new servers join the cluster as non-voting members (the leader replicates
    log entries to them, but they are not considered for majorities)"."""
    leader = Member(1, voters=[1, 2, 3], learners=[4, 5])
    sent = of_kind(leader.lead(), AppendEntries)
    assert [one.receiver for one in sent] == [2, 3, 4, 5]
    leader.acknowledge(4, 5)
    assert leader.status.commit_index == 0
    leader.acknowledge(2)
    assert leader.status.commit_index == 1


def test_leader_that_is_not_in_the_new_configuration_does_not_count_itself() -> None:
    """§6: "there will be a period of time [...] when the leader is managing a cluster
    that does not include itself; it replicates log entries but does not count itself
    in majorities"."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose_change("r1 v4", EXPLICIT)
    leader.acknowledge(2, 3)
    assert leader.status.conf_state.voters == (2, 3, 4)
    # Joint: its own word counts in the old half only.
    leader.propose(b"x")
    leader.acknowledge(2)
    assert (
        leader.applied == []
    ), "2 and 1 are the old half's majority, 2 is not the new's"
    leader.acknowledge(4)
    assert leader.applied == ["x"]


def test_leader_steps_down_when_a_configuration_without_it_is_in_force() -> None:
    """§6: "the leader steps down (returns to follower state) once it has committed the
    C-new log entry"; before that it may be the only one who can win an election."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose_change("r1 v4")
    leader.acknowledge(2, 3)
    assert leader.role is Role.LEADER, "the joint configuration has it still"
    leader.acknowledge(2, 3, 4)
    assert leader.status.conf_state.voters == (2, 3, 4)
    assert leader.status.role is not Role.LEADER


def test_removed_server_does_not_stand() -> None:
    """§6: a server that is no voter in its own view starts no election."""
    cluster = Cluster([1, 2, 3])
    cluster.elect(1)
    cluster.change(1, "r3")
    cluster.heartbeat(1)
    assert cluster[3].status.conf_state.voters == (1, 2)
    assert not cluster[3].tick(5 * ELECTION_TICKS)


def test_removed_servers_do_not_disrupt_the_others() -> None:
    """§6: "servers disregard RequestVote RPCs when they believe a current leader
    exists", that is within the least election timeout of hearing from it."""
    member = Member(2, check_quorum=True)
    member.step(heartbeat(1, 2, term=1))
    member.tick(ELECTION_TICKS - 1)
    # Not even its term is taken; no answer.
    assert not member.step(vote_request(9, 2, term=7, last=(9, 9)))
    assert member.status.term == 1
    assert any(isinstance(event, VoteIgnored) for event in member.events)
    # After that an election may be needed.
    member.step(heartbeat(1, 2, term=1))
    member.replica.set_election_timeout(2 * ELECTION_TICKS)
    member.tick(ELECTION_TICKS)
    assert member.step(vote_request(9, 2, term=7, last=(9, 9)))
    assert member.status.term == 7
