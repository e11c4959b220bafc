"""Snapshots between leader and follower: when one goes out, what it does there."""

import pytest

from raftwerk.core.events import SnapshotNotSent, SnapshotSent
from raftwerk.core.inputs import Campaign, ReportSnapshot, ReportUnreachable
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    HeartbeatReply,
    InstallSnapshot,
)
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.errors import PeerError, SnapshotUnavailable
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .cluster import Cluster
from .member import S1, S2, S3, Member, bootstrap, of_kind, only


def leader_without_beginning() -> Member:
    """Return a leader whose log begins behind entry 4, which member 3 lacks."""
    leader = Member(1, log=[1, 1, 1], term=1, commit=3)
    leader.lead()
    leader.acknowledge(2)
    assert leader.status.applied_index == 4
    leader.compact()
    return leader


def beat_answer(sender: int, term: int) -> HeartbeatReply:
    """Return an answer to a heartbeat."""
    return HeartbeatReply(sender=NodeId(sender), receiver=S1, term=Term(term))


# ---- sending ----------------------------------------------------------------


def test_snapshot_goes_only_to_who_was_heard_of_lately() -> None:
    """It is large, and whoever is down would lose it."""
    leader = Member(1, log=[1, 1], term=1, commit=2)
    leader.compact()
    leader.lead()
    leader.acknowledge(2)
    leader.compact()
    # 3 was sent one append, and never answered; a report opens the flow to it again.
    leader.step(ReportUnreachable(S3))
    leader.replica.state.tracker.progress[S3].become_probe()
    assert not of_kind(leader.propose(b"x"), InstallSnapshot)
    assert any(isinstance(event, SnapshotNotSent) for event in leader.events)
    only(leader.step(beat_answer(3, term=2)), InstallSnapshot)


def test_snapshot_that_is_being_made_is_asked_for_again() -> None:
    leader = leader_without_beginning()

    class Making(MemoryLog):
        """A log whose snapshot is not ready yet."""

        def snapshot(self) -> Snapshot:
            raise SnapshotUnavailable("it is being made")

    ready, leader.store.__class__ = leader.store.__class__, Making
    assert not of_kind(leader.step(beat_answer(3, term=2)), InstallSnapshot)
    assert leader.status.progress[S3].state is ProgressState.PROBE
    leader.store.__class__ = ready
    only(leader.step(beat_answer(3, term=2)), InstallSnapshot)


def test_follower_that_waits_for_a_snapshot_gets_heartbeats_and_nothing_else() -> None:
    leader = leader_without_beginning()
    only(leader.step(beat_answer(3, term=2)), InstallSnapshot)
    assert leader.status.progress[S3].pending_snapshot_index == 4
    to_3 = [m for m in leader.propose(b"x") if m.receiver == S3]
    assert not to_3
    assert [m.receiver for m in leader.tick()] == [2, 3]
    assert not leader.step(beat_answer(3, term=2))


# ---- reports ----------------------------------------------------------------


def test_snapshot_that_arrived_is_followed_by_what_comes_behind_it() -> None:
    leader = leader_without_beginning()
    leader.step(beat_answer(3, term=2))
    leader.propose(b"x")
    assert not leader.step(ReportSnapshot(S3, succeeded=True)), "its answer is awaited"
    append = only(leader.step(beat_answer(3, term=2)), AppendEntries)
    assert (append.prev_log_index, [e.data for e in append.entries]) == (4, [b"x"])


def test_snapshot_that_was_lost_is_sent_again_after_the_next_sign_of_life() -> None:
    leader = leader_without_beginning()
    leader.step(beat_answer(3, term=2))
    assert not leader.step(ReportSnapshot(S3, succeeded=False))
    again = only(leader.step(beat_answer(3, term=2)), InstallSnapshot)
    assert again.snapshot.index == 4


def test_report_about_a_member_that_waits_for_none_changes_nothing() -> None:
    leader = leader_without_beginning()
    before = leader.status
    for succeeded in (True, False):
        leader.step(ReportSnapshot(S2, succeeded))
        leader.step(ReportSnapshot(NodeId(9), succeeded))
    assert leader.status == before


def test_any_answer_from_where_the_log_begins_ends_the_wait() -> None:
    """It may have come by the data in another way; what it lacks is in the log."""
    leader = leader_without_beginning()
    leader.step(beat_answer(3, term=2))
    leader.propose(b"x")
    append = only(leader.acknowledge(3, match=4), AppendEntries)
    assert (append.prev_log_index, [e.data for e in append.entries]) == (4, [b"x"])
    assert leader.status.progress[S3].state is ProgressState.REPLICATE


def test_answer_from_below_the_log_does_not_end_the_wait() -> None:
    leader = leader_without_beginning()
    leader.step(beat_answer(3, term=2))
    assert not leader.acknowledge(3, match=3)
    assert leader.status.progress[S3].state is ProgressState.SNAPSHOT


# ---- receiving --------------------------------------------------------------


def snapshot_for(
    receiver: int, index: int, term: int, conf_state: ConfState
) -> InstallSnapshot:
    """Return a snapshot from member 1."""
    return InstallSnapshot(
        sender=S1,
        receiver=NodeId(receiver),
        term=Term(9),
        snapshot=Snapshot(LogIndex(index), Term(term), conf_state, b"s"),
    )


def test_new_member_takes_a_snapshot_that_is_older_than_the_change_that_adds_it() -> (
    None
):
    """openstack-experimental/keystone #1329 (openraft): the leader never resumes
    replicating to a newly added learner once its log has been purged."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    leader.compact()
    cluster.add_blank(4)
    cluster.change(1, "l4")
    assert cluster[4].applied == ["x"]
    assert cluster[4].status.conf_state == leader.status.conf_state
    cluster.propose(1, b"y")
    assert cluster[4].applied == ["x", "y"]


def test_new_member_that_lags_takes_any_number_of_such_snapshots() -> None:
    """Until the change that adds it is applied there, it is a member of nothing."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    old = leader.compact()
    stray = Member(4, voters=[])
    stray.step(
        InstallSnapshot(sender=S1, receiver=NodeId(4), term=Term(2), snapshot=old)
    )
    cluster.propose(1, b"y")
    newer = leader.compact()
    stray.step(
        InstallSnapshot(sender=S1, receiver=NodeId(4), term=Term(2), snapshot=newer)
    )
    assert stray.applied == ["x", "y"]
    assert not stray.campaign(), "a member of nothing stands for nothing"


def test_new_member_may_be_told_to_wait_for_a_snapshot_that_has_it() -> None:
    """As etcd does, whose drivers make one for each new member."""
    stray = Member(4, voters=[], join_by_older_snapshot=False)
    sent = stray.step(snapshot_for(4, 9, 1, ConfState(voters=(S1, S2, S3))))
    assert only(sent, AppendEntriesReply).match_index == 0
    sent = stray.step(snapshot_for(4, 9, 1, ConfState((S1, S2, S3, NodeId(4)))))
    assert only(sent, AppendEntriesReply).match_index == 9


@pytest.mark.parametrize("term", [0, 7])
def test_snapshot_of_a_term_that_its_sender_cannot_know_is_refused(term: int) -> None:
    member = Member(2, log=[1], term=1)
    snapshot = Snapshot(LogIndex(9), Term(term), ConfState(voters=(S1, S2, S3)))
    message = InstallSnapshot(sender=S1, receiver=S2, term=Term(4), snapshot=snapshot)
    with pytest.raises(PeerError, match=f"its term is {term}, in a message of term 4"):
        member.step(message)
    assert member.log == [1] and member.status.term == 1


def test_member_takes_no_snapshot_of_a_group_without_it() -> None:
    member = Member(2, log=[1], term=1)
    others = ConfState(voters=(S1, S3))
    sent = member.step(snapshot_for(2, 9, 4, others))
    assert only(sent, AppendEntriesReply).match_index == 0
    assert member.log == [1]


def test_member_that_only_the_old_half_has_takes_the_snapshot() -> None:
    member = Member(2, log=[1], term=1)
    leaving = ConfState(voters=(S1, S3), voters_outgoing=(S1, S2))
    sent = member.step(snapshot_for(2, 9, 4, leaving))
    assert only(sent, AppendEntriesReply).match_index == 9


def test_nobody_stands_and_nothing_is_applied_before_a_snapshot_is_installed() -> None:
    member = Member(2, asynchronous_storage=True)
    three = ConfState(voters=(S1, S2, S3))
    member.step(snapshot_for(2, 9, 4, three))
    assert len(member.append_orders) == 1
    member.step(Campaign())
    assert member.role is Role.FOLLOWER
    assert not member.apply_orders
    member.do_append()
    member.step(Campaign())
    assert member.status.role is Role.CANDIDATE


def test_newer_snapshot_takes_the_place_of_one_that_is_being_installed() -> None:
    member = Member(2, asynchronous_storage=True)
    three = ConfState(voters=(S1, S2, S3))
    member.step(snapshot_for(2, 9, 4, three))
    member.step(snapshot_for(2, 12, 5, three))
    replies = [of_kind(member.do_append(), AppendEntriesReply) for _ in range(2)]
    assert [[reply.match_index for reply in each] for each in replies] == [[9], [12]]
    assert member.status.applied_index == 12
    assert not member.replica.state.log.has_pending_snapshot


def test_events_tell_of_a_snapshot_that_is_sent() -> None:
    leader = leader_without_beginning()
    leader.step(beat_answer(3, term=2))
    (sent,) = [one for one in leader.events if isinstance(one, SnapshotSent)]
    assert (sent.peer, sent.first_index, sent.snapshot_index) == (S3, 5, 4)
