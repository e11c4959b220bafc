"""Raft paper §5.5: crashes of followers and candidates; requests that come twice."""

from raftwerk.core.messages import AppendEntriesReply, RequestVoteReply
from raftwerk.core.roles import Role

from ..cluster import Cluster
from ..member import Member, append_entries, of_kind, only


def test_append_that_comes_twice_is_answered_alike_and_changes_nothing() -> None:
    """§5.5: "if a follower receives an AppendEntries request that includes log entries
    already present in its log, it ignores those entries in the new request"."""
    follower = Member(2)
    append = append_entries(1, 2, term=1, terms=[1, 1])
    first = only(follower.step(append), AppendEntriesReply)
    after_first = follower.status
    again = follower.step(append)
    assert only(again, AppendEntriesReply) == first
    assert follower.status == after_first
    assert not [entry for ready in follower.readies[1:] for entry in ready.entries]


def test_member_comes_back_with_term_vote_and_log() -> None:
    """§5.5 with Fig. 2: what is persistent is there after a crash, the rest is not."""
    member = Member(1)
    member.lead()
    member.propose(b"x")
    before = member.status
    member.restart()
    after = member.status
    assert (after.term, after.vote) == (before.term, 1)
    assert after.last_log_index == before.last_log_index
    assert (after.role, after.leader) == (Role.FOLLOWER, None)


def test_what_was_not_synced_is_gone_and_was_never_acknowledged() -> None:
    """§5.5 with Fig. 2: "persistent state [...] updated on stable storage before
    responding to RPCs"."""
    member = Member(2)
    member.replica.step(append_entries(1, 2, term=1, terms=[1, 1]))
    ready = member.replica.ready()
    member.store.append(ready.hard_state, ready.entries)  # and no sync: the power fails
    assert not ready.messages, "so far nothing has left that promises anything"
    member.restart()
    assert (member.log, member.status.term) == ([], 0)


def test_follower_that_crashed_is_brought_up_again() -> None:
    """§5.5: "if the crashed server restarts, then the RPC will complete
    successfully"."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    cluster[3].restart()
    cluster.propose(1, b"y", cut=[3])
    for _ in range(2):
        cluster.heartbeat(1)
    assert cluster[3].applied == ["x", "y"]


def test_crash_of_a_candidate_leaves_the_election_to_another() -> None:
    """§5.5: "Follower and candidate crashes are much simpler to handle"."""
    cluster = Cluster()
    requests = cluster[1].campaign()
    cluster[1].restart()
    cluster.send(requests)
    cluster.deliver()
    # It voted for itself; the votes that come now count no more.
    assert cluster[1].role is Role.FOLLOWER
    cluster.elect(2)
    assert of_kind(cluster.lost, RequestVoteReply) == []


def test_restart_of_everyone_loses_nothing_that_was_acknowledged() -> None:
    """§5.5: with durable state, even a crash of all at once."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    for member in cluster:
        member.restart()
    cluster.elect(3)
    cluster.propose(3, b"y")
    assert [one.applied for one in cluster] == [["x", "y"]] * 3
