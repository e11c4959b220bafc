"""What mature implementations got wrong, each as a test with its reference.

Most have brothers in `paper/`; here they stand together under the names by which the
field knows them.

=======================================================  =========================
trap                                                     test, ``test_`` before it
=======================================================  =========================
a transfer must skip the pre-vote                        leader_transfer_skips_…
a pre-vote neither records a vote nor resets a clock     pre_vote_records_no_…
answers to a pre-vote are no votes                       answers_to_a_pre_vote_…
a new leader's own entry counts once it is durable       new_leader_does_not_…
votes and appends are written in their order             vote_and_the_entries_…
what is known of the log is never ahead of it            hard_state_is_never_…
a removed leader steps down, after the joint phase       removed_leader_steps_…
a shared ReadIndex does not outlive a step-down          read_index_does_not_…
the read of a learner is answered                        read_of_a_learner_is_…
a lost snapshot report pauses nobody for ever            lost_report_and_lost_…
a snapshot keeps the configuration of its own index      snapshot_keeps_the_…
=======================================================  =========================

The others here are of the same kind. What belongs to the store (a watch that begins at
the revision of a compaction) is tested there.
"""

from typing import Any

import pytest

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import (
    Campaign,
    ReadIndex,
    ReportSnapshot,
    ReportUnreachable,
    TransferLeadership,
)
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    ForwardReadIndex,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    ReadIndexReply,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.records import ConfState, HardState, Transition
from raftwerk.core.roles import Role
from raftwerk.errors import ConfigError
from raftwerk.types import LogIndex, NodeId, Term

from .cluster import Cluster
from .member import (
    ELECTION_TICKS,
    S1,
    S2,
    S3,
    Member,
    append_entries,
    bootstrap,
    heartbeat,
    of_kind,
    only,
    pre_vote_request,
    vote_request,
)


def settled_leader(voters: int = 3) -> Member:
    """Return a leader whose first entry all store."""
    leader = Member(1, voters=range(1, voters + 1))
    leader.lead()
    leader.acknowledge(*range(2, voters + 1))
    return leader


def beat_answer(sender: int, term: int = 1, read_round: int = 0) -> HeartbeatReply:
    """Return an answer to a heartbeat of member 1."""
    return HeartbeatReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), read_round=read_round
    )


# ---- elections --------------------------------------------------------------


def test_leader_transfer_skips_the_pre_vote() -> None:
    """dragonboat #223 ("LeaderTransfer does't work due to prevote"), canonical/raft
    #203: all others hear of the leader still, and would refuse."""
    cluster = Cluster(pre_vote=True, check_quorum=True)
    leader = cluster.elect(1)
    cluster.heartbeat(1)
    cluster.send(leader.step(TransferLeadership(S2)))
    cluster.deliver(until=RequestVote)
    assert not of_kind([*cluster.bag, *cluster.lost], RequestPreVote)
    cluster.deliver()
    assert cluster.leader is cluster[2]


def test_pre_vote_records_no_vote_and_starts_no_clock_again() -> None:
    """canonical/raft #196: an opinion binds nobody."""
    member = Member(2, pre_vote=True)
    member.tick(ELECTION_TICKS - 1)
    member.step(pre_vote_request(3, 2, 1, (0, 0)))
    assert not [ready for ready in member.readies if ready.hard_state]
    assert only(member.step(vote_request(1, 2, 1, (0, 0))), RequestVoteReply).granted
    other = Member(2, pre_vote=True)
    other.tick(ELECTION_TICKS - 1)
    other.step(pre_vote_request(3, 2, 1, (0, 0)))
    assert of_kind(other.tick(), RequestPreVote)


def test_answers_to_a_pre_vote_are_not_counted_as_votes() -> None:
    """canonical/raft #196: late opinions reach a candidate in the very term that they
    were given for."""
    member = Member(1, voters=[1, 2, 3, 4, 5], pre_vote=True)
    member.campaign()
    opinions = [
        RequestPreVoteReply(
            sender=NodeId(sender), receiver=S1, term=Term(1), granted=True
        )
        for sender in (2, 3, 4, 5)
    ]
    for opinion in opinions:
        member.step(opinion)
    assert (member.role, member.status.term) == (Role.CANDIDATE, 1)


def test_leader_without_pre_vote_is_no_trap_for_those_with_it() -> None:
    """openraft #1770, "term churn without pre-vote": where it is on, a member that
    hears nobody raises no term."""
    member = Member(3, pre_vote=True, check_quorum=True)
    member.step(heartbeat(1, 3, term=4))
    member.tick(20 * ELECTION_TICKS)
    assert member.status.term == 4


def test_vote_and_the_entries_behind_it_are_written_in_that_order() -> None:
    """openraft docs/protocol/io_ordering.md: an append of term 2 that becomes durable
    without the vote of term 2 would let a crash give that vote a second time."""
    member = Member(2, asynchronous_storage=True)
    member.step(vote_request(1, 2, 2, (0, 0)))
    member.step(append_entries(1, 2, term=2, terms=[2], commit=1))
    first, second = member.append_orders
    assert first.hard_state == HardState(Term(2), S1, LogIndex(0))
    assert not first.entries
    assert [entry.term for entry in second.entries] == [2]
    # Each order releases its own answer, and says what it means of its own accord.
    assert [type(one) for one in first.replies] == [RequestVoteReply]
    assert [type(one) for one in second.replies] == [AppendEntriesReply]
    # In synchronous mode both are in one write, or the vote in an earlier one.
    member = Member(2)
    member.replica.step(vote_request(1, 2, 2, (0, 0)))
    member.replica.step(append_entries(1, 2, term=2, terms=[2]))
    ready = member.replica.ready()
    assert ready.hard_state is not None and ready.hard_state.vote == 1
    assert [entry.term for entry in ready.entries] == [2]


def test_hard_state_is_never_ahead_of_the_log() -> None:
    """PySyncObj PR #197: a commit index that names what is not in the log yet (or was
    lost with a torn write) let no member start again. `test_misuse` has what happens
    where storage says so all the same."""
    follower = Member(2, asynchronous_storage=True)
    follower.step(append_entries(1, 2, term=1, terms=[1, 1, 1], commit=2))
    follower.step(append_entries(1, 2, term=1, prev=(3, 1), terms=[1], commit=4))
    stored = 0
    for order in follower.append_orders:
        stored = max([stored, *(entry.index for entry in order.entries)])
        assert order.hard_state is not None
        assert order.hard_state.commit_index <= stored


def test_simultaneous_restart_overwrites_nothing_that_was_committed() -> None:
    """PySyncObj PR #202, "fix data divergence on simultaneous restart": a member with
    an older log must not win just because all forgot the same."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    for member in cluster:
        member.restart()
    cluster.send(cluster[3].campaign())
    cluster.deliver()
    assert cluster[3].role is not Role.LEADER
    cluster.elect(2)
    cluster.heartbeat(2)
    assert [one.applied for one in cluster] == [["x"]] * 3


# ---- writing in parallel ----------------------------------------------------


def test_new_leader_does_not_count_its_first_entry_before_it_is_durable() -> None:
    """openraft PR #1125: with the network faster than the disk, one of three would have
    been a majority of two."""
    leader = Member(1, asynchronous_storage=True)
    leader.campaign()
    leader.do_orders()
    leader.step(RequestVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True))
    assert leader.role is Role.LEADER and leader.append_orders
    leader.acknowledge(2)
    assert leader.status.commit_index == 0
    leader.do_append()
    assert leader.status.commit_index == 1


def test_acknowledged_write_that_was_overwritten_meanwhile_counts_for_nothing() -> None:
    """etcd-io/raft #234, "Possible split brain problem caused by async storage write?":
    the guard is the term of the acknowledgement."""
    follower = Member(3, asynchronous_storage=True)
    follower.step(append_entries(1, 3, term=1, terms=[1, 1]))
    follower.step(append_entries(2, 3, term=2, terms=[2]))
    follower.do_append()
    unstable = follower.replica.state.log.unstable
    assert [entry.term for entry in unstable.entries] == [2]
    follower.do_append()
    assert (follower.store.last_index(), follower.store.term(LogIndex(1))) == (1, 2)
    assert not follower.replica.state.log.unstable.entries


def test_leader_sends_before_its_own_disk_has_written() -> None:
    """hashicorp/raft #578, #414: the leader's disk first and then the network costs a
    sync on every write."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    leader.propose(b"x")
    ready = leader.readies[-1]
    assert ready.must_sync
    assert len(of_kind(ready.messages, AppendEntries)) == 2
    assert not ready.messages_after_sync


# ---- membership -------------------------------------------------------------


def test_removed_leader_steps_down_but_not_before_the_joint_phase_is_left() -> None:
    """raft-rs PR #584 (never stepped down, and kept suppressing elections), cockroach
    PR #105578 (stepped down while the joint configuration still needed it)."""
    leader = settled_leader()
    leader.propose_change("r1 v4", Transition.JOINT_EXPLICIT)
    leader.acknowledge(2)
    assert leader.status.conf_state.voters_outgoing == (S1, S2, S3)
    assert leader.role is Role.LEADER
    leader.propose_change("")
    leader.acknowledge(2, 4)
    assert leader.status.role is Role.FOLLOWER
    assert not leader.tick(5 * ELECTION_TICKS), "nor does it hold off or begin anything"


def test_demoted_leader_steps_down_too() -> None:
    """hashicorp/raft #524, "Unstable leadership when running server is demoted/removed
    without its participation"."""
    leader = settled_leader()
    leader.propose_change("l1")
    leader.acknowledge(2)
    assert leader.status.conf_state.learners == (S1,)
    assert leader.status.role is Role.FOLLOWER
    assert not leader.tick(5 * ELECTION_TICKS)


def test_snapshot_keeps_the_configuration_of_its_own_index() -> None:
    """matrixone #24966: an imported snapshot carried a wrong membership epoch. Changes
    behind it in the log are applied again, on top of what it says."""
    member = Member(1)
    member.lead()
    member.acknowledge(2, 3)
    member.propose_change("v4")
    member.acknowledge(2, 3)
    of_change = member.compact().conf_state
    member.propose_change("r3")
    member.acknowledge(2, 4)
    assert member.status.conf_state == ConfState(voters=(S1, S2, NodeId(4)))
    member.restart()
    assert of_change == ConfState(voters=(S1, S2, S3, NodeId(4)))
    assert member.status.conf_state == of_change
    member.step(heartbeat(2, 1, term=2, commit=3))
    assert member.status.conf_state == ConfState(voters=(S1, S2, NodeId(4)))


def test_learner_that_joins_behind_a_compacted_log_is_brought_up() -> None:
    """openstack-experimental/keystone #1329 (openraft): the leader never resumed
    replicating to it; here the stored snapshot is even older than the learner."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    leader.compact()
    cluster.add_blank(4)
    cluster.change(1, "l4")
    cluster.propose(1, b"y")
    assert cluster[4].applied == ["x", "y"]


def test_learners_do_not_vanish_from_the_view_of_the_group() -> None:
    """openraft #608, #1192; etcd #21694 ("MemberUpdate forgets that the member is a
    learner")."""
    leader = settled_leader()
    leader.propose_change("l4")
    leader.acknowledge(2)
    leader.propose_change("u4")
    leader.acknowledge(2)
    assert leader.status.conf_state.learners == (NodeId(4),)
    assert leader.status.progress[NodeId(4)].is_learner


def test_configuration_that_takes_effect_late_splits_no_group() -> None:
    """etcd #7625: that a change takes effect when it is applied was called undesirable,
    if not unsound. A member whose configuration is behind by two could be a majority of
    its own; but it does not win."""
    cluster = Cluster([1], snapshot=bootstrap([1]))
    cluster.add_blank(2, 3)
    cluster.elect(1)
    for text in ("v2", "v3"):
        cluster.change(1, text)
        cluster.heartbeat(1)
    assert cluster[2].status.conf_state.voters == (S1, S2, S3)
    # What was known as committed is only a hint, and is gone with the power. But it is
    # written with each entry: whoever stores the second change knows the first one.
    cluster[1].restart()
    assert cluster[1].status.conf_state.voters == (S1, S2)
    cluster[1].campaign()
    assert cluster[1].role is Role.CANDIDATE


# ---- reads ------------------------------------------------------------------


def test_read_index_does_not_outlive_a_step_down() -> None:
    """tikv #10376, PR #10392: a read shared the index of a round that began before the
    leader stepped down and was elected again."""
    leader = settled_leader()
    beats = of_kind(leader.read_index(7), Heartbeat)
    leader.step(heartbeat(2, 1, term=2))
    leader.lead()
    leader.acknowledge(2, 3)
    term = leader.status.term
    for sender in (2, 3):
        leader.step(beat_answer(sender, term, beats[0].read_round))
    assert not leader.read_states
    # A new read begins a round of its own, and no number is used twice.
    anew = of_kind(leader.read_index(8), Heartbeat)
    assert anew[0].read_round > beats[0].read_round
    leader.step(beat_answer(2, term, anew[0].read_round))
    assert [one.context for one in leader.read_states] == [8]


def test_read_of_a_learner_is_answered() -> None:
    """etcd #10589: the leader dropped it, for a learner is in no quorum."""
    cluster = Cluster([1, 2, 3], learners=[4])
    cluster.elect(1)
    (question,) = cluster[4].step(ReadIndex(7))
    assert isinstance(question, ForwardReadIndex)
    cluster.send([question])
    cluster.deliver(until=ReadIndexReply)
    assert only(cluster.bag, ReadIndexReply).receiver == 4
    cluster.deliver()
    assert [one.context for one in cluster[4].read_states] == [7]


def test_lease_does_not_survive_the_order_to_hand_over() -> None:
    """etcd-io/raft #99, #166: "lease + leader transfer may serve stale reads"."""
    cluster = Cluster(check_quorum=True, lease_read=True)
    old = cluster.elect(1)
    cluster.heartbeat(1)
    cluster.send(old.step(TransferLeadership(S3)))
    cluster.deliver(cut=[1], only=TimeoutNow)
    order = only(cluster.lost, TimeoutNow)
    cluster.send(cluster[3].step(order))
    cluster.deliver(cut=[1])
    cluster.propose(3, b"newer", cut=[1])
    assert old.role is Role.LEADER and cluster[2].applied == ["newer"]
    old.read_index(7)
    assert not old.read_states


def test_lease_needs_a_leader_that_steps_down() -> None:
    """NebulaGraph #5352, old leader keeps serving reads: lease without check-quorum."""
    with pytest.raises(ConfigError, match="lease_read is on but check_quorum is off"):
        CoreConfig(node_id=S1, lease_read=True, check_quorum=False)


def test_read_after_a_restart_sees_what_was_acknowledged_before_it() -> None:
    """tikv #6596 is about the opposite (no answer at all); a single voter that has lost
    its hint of the commit index must not answer from before the crash."""
    member = Member(1, voters=[1])
    member.campaign()
    member.propose(b"x")
    assert member.applied == ["x"]
    member.restart()
    assert member.status.commit_index < 2, "the hint was not synced"
    member.replica.step(Campaign())
    while member.role is not Role.LEADER:
        member.do_ready()
    member.read_index(7)
    assert member.read_states[0].read_index >= 2


# ---- flow -------------------------------------------------------------------


def waiting_for_a_snapshot(**settings: Any) -> Member:
    """Return a leader that has just sent a snapshot to member 3."""
    leader = Member(1, log=[1, 1, 1], term=1, commit=3, **settings)
    leader.lead()
    leader.acknowledge(2)
    leader.compact()
    only(leader.step(beat_answer(3, term=2)), InstallSnapshot)
    return leader


def test_lost_answer_to_a_snapshot_pauses_nobody_where_a_report_comes() -> None:
    """etcd #10225, cockroach #16268 ("if ReportSnapshot is lost the group gets stuck"):
    each of report and answer is enough without the other."""
    leader = waiting_for_a_snapshot()
    leader.step(ReportSnapshot(S3, succeeded=True))
    leader.propose(b"x")
    append = only(leader.step(beat_answer(3, term=2)), AppendEntries)
    assert append.prev_log_index == 4
    leader = waiting_for_a_snapshot()
    leader.propose(b"x")
    append = only(leader.acknowledge(3, match=4), AppendEntries)
    assert append.prev_log_index == 4


def test_lost_report_and_lost_answer_pause_nobody_for_ever() -> None:
    """etcd #10225, cockroach #16268: nor does it where both are lost."""
    leader = waiting_for_a_snapshot(snapshot_ticks_max=3 * ELECTION_TICKS)
    snapshots = []
    for _ in range(3 * ELECTION_TICKS):
        assert leader.status.progress[S3].state is ProgressState.SNAPSHOT
        for beat in of_kind(leader.tick(), Heartbeat):
            answer = beat_answer(beat.receiver, term=2)
            snapshots += of_kind(leader.step(answer), InstallSnapshot)
    assert [one.receiver for one in snapshots] == [S3]


def test_report_that_a_member_is_unreachable_does_not_stop_its_snapshot() -> None:
    """cockroach #16268: what was lost was something else, perhaps."""
    leader = waiting_for_a_snapshot()
    leader.step(ReportUnreachable(S3))
    assert leader.status.progress[S3].state is ProgressState.SNAPSHOT


def test_member_that_was_unreachable_and_has_everything_is_replicated_to_again() -> (
    None
):
    """etcd (recovery from probing by a heartbeat's answer): nothing it could store is
    missing, so no append with entries would ever end the probing."""
    leader = settled_leader()
    leader.step(ReportUnreachable(S3))
    assert leader.status.progress[S3].state is ProgressState.PROBE
    probe = only(leader.step(beat_answer(3)), AppendEntries)
    assert not probe.entries
    leader.acknowledge(3)
    assert leader.status.progress[S3].state is ProgressState.REPLICATE
