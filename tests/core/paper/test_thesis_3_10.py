"""Thesis §3.10: the leader hands leadership over to a member of its choice."""

from typing import Any

import pytest

from raftwerk.core.events import TransferBlockedProposal
from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.messages import (
    AppendEntries,
    ForwardTransfer,
    Heartbeat,
    HeartbeatReply,
    RequestPreVote,
    RequestVote,
    TimeoutNow,
)
from raftwerk.core.roles import Role
from raftwerk.errors import NotProposed
from raftwerk.types import NodeId, Term

from ..cluster import Cluster
from ..member import ELECTION_TICKS, S1, S2, S3, Member, of_kind, only


def settled_leader(**settings: Any) -> Member:
    """Return a leader of three whose first entry all store."""
    leader = Member(1, **settings)
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def order(receiver: int, term: int = 1) -> TimeoutNow:
    """Return the order of leader 1 to stand."""
    return TimeoutNow(sender=S1, receiver=NodeId(receiver), term=Term(term))


def keep_following(leader: Member, ticks: int) -> None:
    """Let time pass with both followers alive."""
    for _ in range(ticks):
        for beat in of_kind(leader.tick(), Heartbeat):
            leader.step(
                HeartbeatReply(sender=beat.receiver, receiver=S1, term=beat.term)
            )


def test_target_with_the_whole_log_is_told_to_stand_at_once() -> None:
    """Step 3: the leader sends TimeoutNow as soon as the logs are equal."""
    leader = settled_leader()
    (sent,) = leader.step(TransferLeadership(S3))
    assert sent == order(3)
    assert leader.role is Role.LEADER, "until a higher term is heard of"


def test_target_that_lags_is_brought_up_first() -> None:
    """Step 2: the leader fully updates the target's log before that."""
    leader = settled_leader()
    leader.propose(b"x", b"y")
    leader.acknowledge(2)
    assert not of_kind(leader.step(TransferLeadership(S3)), TimeoutNow)
    assert not of_kind(leader.acknowledge(3, match=2), TimeoutNow)
    assert only(leader.acknowledge(3, match=3), TimeoutNow).receiver == S3


def test_no_proposal_is_taken_while_it_lasts() -> None:
    """Step 1: the leader stops accepting requests; else the target never has all."""
    leader = settled_leader()
    leader.step(TransferLeadership(S3))
    with pytest.raises(NotProposed, match="handing leadership over to 3"):
        leader.propose(b"x")
    assert leader.log == [1]
    leader.step(HeartbeatReply(sender=S2, receiver=S1, term=Term(1)))
    assert any(isinstance(one, TransferBlockedProposal) for one in leader.events)


def test_target_stands_without_waiting_and_without_asking_before() -> None:
    """Step 3: "has the same effect as the target server's election timer firing". A
    pre-vote would fail, for all others hear of the leader still."""
    target = Member(3, term=1, pre_vote=True, check_quorum=True)
    target.step(Heartbeat(sender=S1, receiver=S3, term=Term(1)))
    sent = target.step(order(3))
    assert not of_kind(sent, RequestPreVote)
    requests = of_kind(sent, RequestVote)
    assert {(one.term, one.is_transfer) for one in requests} == {(2, True)}


def test_ordered_election_overrides_the_lease_of_a_live_leader() -> None:
    """§3.10 with §4.2.3: followers that heard of the leader a moment ago vote for the
    one that it chose."""
    cluster = Cluster(pre_vote=True, check_quorum=True)
    leader = cluster.elect(1)
    cluster.heartbeat(1)
    cluster.send(leader.step(TransferLeadership(S3)))
    cluster.deliver()
    assert cluster.leader is cluster[3]
    assert [one.status.leader for one in cluster] == [3, 3, 3]
    cluster.propose(1, b"x")
    assert cluster[2].applied == ["x"]


def test_leader_goes_on_when_the_target_does_not_make_it_within_a_timeout() -> None:
    """§3.10: "If leadership transfer does not complete after about an election timeout,
    the prior leader aborts the transfer and resumes accepting client requests"."""
    leader = settled_leader(check_quorum=True)
    leader.step(TransferLeadership(S3))
    keep_following(leader, ELECTION_TICKS - 1)
    with pytest.raises(NotProposed):
        leader.propose(b"x")
    keep_following(leader, 1)
    assert leader.status.transferee is None
    leader.propose(b"x")
    assert leader.log == [1, 1]


def test_time_for_a_transfer_begins_with_it() -> None:
    """§3.10: however long the leader has been one."""
    leader = settled_leader()
    keep_following(leader, ELECTION_TICKS - 1)
    leader.step(TransferLeadership(S3))
    keep_following(leader, ELECTION_TICKS - 1)
    assert leader.status.transferee == S3


def test_newest_wish_counts_and_the_same_one_again_changes_nothing() -> None:
    """Not in the thesis; as etcd."""
    leader = settled_leader()
    leader.propose(b"x")
    leader.step(TransferLeadership(S2))
    assert not leader.step(TransferLeadership(S2))
    leader.step(TransferLeadership(S3))
    assert leader.status.transferee == S3
    assert not of_kind(leader.acknowledge(2), TimeoutNow)
    assert only(leader.acknowledge(3), TimeoutNow).receiver == S3


def test_wish_for_the_leader_itself_ends_a_transfer() -> None:
    """Not in the thesis; as etcd."""
    leader = settled_leader()
    leader.propose(b"x")
    leader.step(TransferLeadership(S2))
    leader.step(TransferLeadership(S1))
    assert leader.status.transferee is None
    leader.propose(b"y")
    assert not of_kind(leader.acknowledge(2), TimeoutNow)


def test_learners_and_strangers_are_no_targets() -> None:
    """Who is no voter can't win."""
    leader = Member(1, voters=[1, 2, 3], learners=[4])
    leader.lead()
    leader.acknowledge(2, 3, 4)
    for nobody in (4, 9):
        assert not leader.step(TransferLeadership(NodeId(nobody)))
        assert leader.status.transferee is None


def test_follower_hands_the_wish_on_to_its_leader() -> None:
    """Any member may be asked; only the leader can act."""
    cluster = Cluster()
    cluster.elect(1)
    (wish,) = cluster[2].step(TransferLeadership(S3))
    assert isinstance(wish, ForwardTransfer)
    cluster.send([wish])
    cluster.deliver()
    assert cluster.leader is cluster[3]
    assert not Member(1).step(TransferLeadership(S3)), "without a leader it is dropped"


def test_transfer_ends_with_the_removal_of_its_target() -> None:
    """§3.10 with §4: a configuration change that was under way may take it out."""
    leader = settled_leader()
    leader.propose_change("r3")
    leader.step(TransferLeadership(S3))
    leader.acknowledge(2)
    assert leader.status.transferee is None
    leader.propose(b"x")


def test_order_that_comes_late_is_not_obeyed() -> None:
    """§3.10 with §5.1: an order of an older term says nothing any more."""
    target = Member(3, term=2)
    assert not target.step(order(3, term=1))
    assert target.role is Role.FOLLOWER


def test_member_that_may_not_stand_does_not_obey() -> None:
    """§3.10 with §4.2.1: a learner, or one who stands already."""
    learner = Member(4, voters=[1, 2, 3], learners=[4], term=1)
    assert not learner.step(order(4))
    candidate = Member(3)
    candidate.campaign()
    assert not candidate.step(order(3))


def test_empty_append_brings_the_news_to_a_target_that_has_all_but_the_answer() -> None:
    """Step 2 where only the acknowledgement was lost: the leader asks again."""
    leader = settled_leader()
    leader.propose(b"x")
    asked = only(leader.step(TransferLeadership(S3)), AppendEntries)
    assert (asked.receiver, asked.prev_log_index) == (S3, 2)
