"""Raft paper §7: log compaction and snapshots."""

import pytest

from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
)
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.types import LogIndex, NodeId, Term

from ..cluster import Cluster
from ..member import S2, S3, Member, append_entries, of_kind, only

THREE = ConfState(voters=(NodeId(1), NodeId(2), NodeId(3)))


def snapshot_at(
    index: int, term: int, conf_state: ConfState = THREE, data: bytes = b"s"
) -> Snapshot:
    """Return a snapshot."""
    return Snapshot(LogIndex(index), Term(term), conf_state, data)


def install(snapshot: Snapshot, term: int = 5) -> InstallSnapshot:
    """Return a snapshot on its way from member 1 to member 2."""
    return InstallSnapshot(
        sender=NodeId(1), receiver=S2, term=Term(term), snapshot=snapshot
    )


def test_follower_that_lacks_what_is_gone_gets_the_snapshot() -> None:
    """§7: "the leader must occasionally send snapshots to followers that lag behind.
    [...] when the leader has already discarded the next log entry that it needs"."""
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x", b"y", cut=[3])
    snapshot = leader.compact()
    cluster.send(leader.tick())
    cluster.deliver(until=InstallSnapshot)
    assert only(cluster.bag, InstallSnapshot).snapshot == snapshot
    cluster.deliver()
    assert cluster[3].applied == ["x", "y"]
    # From there on it is replicated to as any other.
    cluster.propose(1, b"z")
    assert cluster[3].applied == ["x", "y", "z"]


def test_place_before_the_log_keeps_its_term_for_the_log_check() -> None:
    """§7: the snapshot keeps "the last included index" and "the last included term
    [...] to support the AppendEntries consistency check"."""
    leader = Member(1, log=[1, 1], term=1, commit=2)
    leader.compact()
    for append in of_kind(leader.lead(), AppendEntries):
        assert (append.prev_log_index, append.prev_log_term) == (2, 1)
    follower = Member(2, snapshot=snapshot_at(7, 3), term=3)
    sent = follower.step(append_entries(1, 2, term=3, prev=(7, 3), terms=[3]))
    assert only(sent, AppendEntriesReply).match_index == 8


def test_snapshot_of_more_than_the_log_takes_its_place() -> None:
    """§7: "the follower discards its entire log; it is all superseded by the snapshot
    and may possibly have uncommitted entries that conflict with the snapshot"."""
    follower = Member(2, log=[1, 2, 2, 2], term=2)
    sent = follower.step(install(snapshot_at(9, 4, data=b"a b")))
    assert only(sent, AppendEntriesReply).match_index == 9
    assert (follower.log, follower.applied) == ([], ["a", "b"])
    assert follower.status.commit_index == 9
    # Also where the log is longer than the snapshot but differs at its end.
    other = Member(2, log=[1, 2, 2, 2], term=2)
    other.step(install(snapshot_at(3, 4)))
    assert (other.log, other.status.last_log_index) == ([], 3)


def test_snapshot_of_a_part_of_the_log_leaves_what_follows() -> None:
    """§7: "if instead the follower receives a snapshot that describes a prefix of its
    log [...] entries following the snapshot are still valid and must be retained"."""
    follower = Member(2, log=[1, 1, 2, 2], term=2)
    sent = follower.step(install(snapshot_at(3, 2)))
    assert only(sent, AppendEntriesReply).match_index == 3
    assert follower.log == [1, 1, 2, 2]
    assert follower.status.commit_index == 3
    assert follower.applied == ["1.1", "1.2", "2.3"], "by its own entries"


@pytest.mark.parametrize("index", [1, 3])
def test_snapshot_never_goes_back(index: int) -> None:
    """§7 with Fig. 3: what is committed is not undone by a message that comes late; the
    answer tells how far the follower is."""
    follower = Member(2, log=[1, 1, 1], term=1, commit=3)
    sent = follower.step(install(snapshot_at(index, 1)))
    assert only(sent, AppendEntriesReply).match_index == 3
    assert follower.applied == ["1.1", "1.2", "1.3"]
    assert not [ready for ready in follower.readies if ready.snapshot]


def test_snapshot_brings_the_configuration() -> None:
    """§7: "the snapshot also includes the latest configuration in the log as of last
    included index"; all of it, as it is in the middle of a change too."""
    conf_state = ConfState(
        voters=(S2, S3),
        voters_outgoing=(NodeId(1), S2),
        learners=(NodeId(7),),
        learners_next=(NodeId(1),),
        auto_leave=True,
    )
    follower = Member(2, voters=[])
    follower.step(install(snapshot_at(9, 4, conf_state)))
    assert follower.status.conf_state == conf_state
    follower.restart()
    assert follower.status.conf_state == conf_state


def test_snapshot_of_a_group_without_the_receiver_is_ignored() -> None:
    """§7: it would make it a member of nothing. Not in the paper; as etcd."""
    follower = Member(2)
    without = ConfState(voters=(NodeId(1), S3))
    sent = follower.step(install(snapshot_at(9, 4, without)))
    assert only(sent, AppendEntriesReply).match_index == 0
    assert follower.status.conf_state == THREE


def test_snapshot_is_durable_before_it_is_acknowledged() -> None:
    """§7 with Fig. 2: else the leader would count what a crash takes away."""
    follower = Member(2)
    follower.replica.step(install(snapshot_at(9, 4)))
    ready = follower.replica.ready()
    assert ready.snapshot == snapshot_at(9, 4)
    assert not ready.messages
    assert only(ready.messages_after_sync, AppendEntriesReply).match_index == 9


def test_nothing_is_sent_on_top_of_a_snapshot_before_it_is_dealt_with() -> None:
    """§7: a follower that waits for a snapshot can't take entries."""
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    leader.compact()
    cluster.send(leader.tick())
    cluster.deliver(until=InstallSnapshot)
    assert leader.status.progress[S3].is_paused
    sent = of_kind(leader.propose(b"y"), AppendEntries)
    assert [one.receiver for one in sent] == [2]
    cluster.deliver()
    assert not leader.status.progress[S3].is_paused


def test_member_starts_again_from_its_snapshot() -> None:
    """§7: what the snapshot covers is not applied again."""
    member = Member(1, log=[1, 1, 1], term=1, commit=3)
    member.compact(2)
    member.restart()
    assert member.applied == ["1.1", "1.2", "1.3"]
    assert member.status.applied_index == 3
