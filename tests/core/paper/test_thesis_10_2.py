"""Thesis §10.2: performance. Writing in parallel (§10.2.1), batching and pipelining
(§10.2.2), without promising anything that is not durable."""

from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.types import NodeId, Term

from ..cluster import Cluster
from ..member import S1, S2, S3, Member, append_entries, of_kind, only, vote_request


def asynchronous_leader(voters: int = 3) -> Member:
    """Return a leader whose first entry all others store, and nothing is unwritten."""
    leader = Member(1, voters=range(1, voters + 1), asynchronous_storage=True)
    leader.campaign()
    leader.do_orders()
    for voter in range(2, voters + 1):
        if leader.role is Role.CANDIDATE:
            leader.step(
                RequestVoteReply(
                    sender=NodeId(voter), receiver=S1, term=Term(1), granted=True
                )
            )
    leader.do_orders()
    leader.acknowledge(*range(2, voters + 1))
    leader.do_orders()
    return leader


# ---- 10.2.1 -----------------------------------------------------------------


def test_leader_sends_entries_before_it_has_written_them() -> None:
    """§10.2.1: "the leader can write to its disk in parallel with replicating to the
    followers and them writing to their disks"."""
    leader = asynchronous_leader()
    sent = leader.propose(b"x")
    assert [one.receiver for one in of_kind(sent, AppendEntries)] == [S2, S3]
    assert leader.append_orders and leader.store.last_index() == 1
    # In synchronous mode too: messages may leave before the sync.
    member = Member(1)
    member.lead()
    member.acknowledge(2, 3)
    member.propose(b"x")
    ready = member.readies[-1]
    assert ready.must_sync and of_kind(ready.messages, AppendEntries)


def test_leaders_own_entry_counts_once_it_is_durable_and_not_before() -> None:
    """§10.2.1: "the leader may even commit an entry before it has been written to its
    own disk, if a majority of followers have written it to their disks"."""
    leader = asynchronous_leader()
    leader.propose(b"x")
    leader.acknowledge(2)
    assert leader.status.commit_index == 1, "of three, one stores it"
    leader.do_append()
    assert leader.status.commit_index == 2


def test_followers_may_commit_what_the_leader_has_not_written() -> None:
    """§10.2.1: a majority is a majority; but the leader itself applies only what it has
    stored."""
    leader = asynchronous_leader()
    leader.propose(b"x")
    leader.acknowledge(2, 3)
    assert leader.status.commit_index == 2
    assert not leader.apply_orders
    leader.do_append()
    assert len(leader.apply_orders) == 1
    leader.do_apply()
    assert leader.applied == ["x"]


def test_new_leaders_first_entry_waits_for_its_disk_too() -> None:
    """§10.2.1; openraft #1125 counted it before it was flushed."""
    leader = Member(1, voters=[1, 2], asynchronous_storage=True)
    leader.campaign()
    leader.do_orders()
    leader.step(RequestVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True))
    leader.acknowledge(2)
    assert leader.status.commit_index == 0
    leader.do_append()
    assert leader.status.commit_index == 1


def test_candidate_counts_its_own_vote_once_it_is_durable() -> None:
    """§10.2.1 with §5.2: after a crash it might vote for another in the same term."""
    candidate = Member(1, asynchronous_storage=True)
    candidate.campaign()
    candidate.step(RequestVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True))
    assert candidate.role is Role.CANDIDATE
    candidate.do_append()
    assert candidate.status.role is Role.LEADER


def test_answers_that_promise_something_wait_for_the_write() -> None:
    """§10.2.1 with Fig. 2: acknowledgements and votes, and refusals, for they speak of
    the same log; in the order of the writes."""
    follower = Member(2, asynchronous_storage=True)
    assert not follower.step(append_entries(1, 2, term=1, terms=[1]))
    assert not follower.step(append_entries(1, 2, term=1, prev=(7, 1)))
    assert not follower.step(vote_request(3, 2, term=2, last=(1, 1)))
    released = [[type(m).__name__ for m in follower.do_append()] for _ in range(3)]
    assert released == [
        ["AppendEntriesReply"],
        ["AppendEntriesRefusal"],
        ["RequestVoteReply"],
    ]


def test_many_writes_may_be_under_way_and_each_entry_is_in_one() -> None:
    """§10.2.1: the next order does not wait for the last one."""
    leader = asynchronous_leader()
    for data in (b"x", b"y", b"z"):
        leader.propose(data)
    written = [[e.data for e in order.entries] for order in leader.append_orders]
    assert written == [[b"x"], [b"y"], [b"z"]]


# ---- 10.2.2 -----------------------------------------------------------------


def test_requests_that_come_together_are_one_message_to_each_follower() -> None:
    """§10.2.2: batching."""
    leader = asynchronous_leader()
    sent = of_kind(leader.propose(b"x", b"y", b"z"), AppendEntries)
    assert [len(one.entries) for one in sent] == [3, 3]


def test_leader_does_not_wait_for_an_answer_before_it_sends_more() -> None:
    """§10.2.2: pipelining; nextIndex moves on as entries are sent."""
    leader = asynchronous_leader()
    prevs = [
        of_kind(leader.propose(data), AppendEntries)[0].prev_log_index
        for data in (b"x", b"y", b"z")
    ]
    assert prevs == [1, 2, 3]
    assert leader.status.progress[S2].next_index == 5


def test_pipeline_that_broke_is_mended_from_what_is_known() -> None:
    """§10.2.2: if entries are lost on the way, "the leader must decrement nextIndex"
    and send them again."""
    cluster = Cluster()
    leader = cluster.elect(1)
    for data in (b"x", b"y", b"z"):
        sent = leader.propose(data)
        # The middle one is lost, and the others arrive.
        cluster.send(m for m in sent if data != b"y" or m.receiver != S3)
    cluster.deliver()
    cluster.heartbeat(1)
    assert cluster[3].applied == ["x", "y", "z"]


def test_pipeline_is_bounded() -> None:
    """§10.2.2: what is in flight is memory somewhere."""
    leader = Member(1, inflight_messages_max=2)
    leader.lead()
    leader.acknowledge(2, 3)
    counts = [
        len(of_kind(leader.propose(data), AppendEntries)) for data in (b"x", b"y", b"z")
    ]
    assert counts == [2, 2, 0]
    resumed = of_kind(leader.acknowledge(2, match=2), AppendEntries)
    assert [e.data for m in resumed for e in m.entries] == [b"z"]


def test_each_answer_tells_of_all_entries_up_to_there() -> None:
    """§10.2.2: one acknowledgement may stand for many messages."""
    leader = asynchronous_leader()
    for data in (b"x", b"y", b"z"):
        leader.propose(data)
    leader.do_orders()
    leader.acknowledge(2)
    assert leader.status.commit_index == 4
    assert leader.status.progress[S2].inflight_count == 0


def test_acknowledgement_of_an_older_term_says_nothing_of_entries() -> None:
    """§10.2.1, with writes of two leaders under way at once: the same place may have
    been written twice, and only the last word counts (etcd's A-B-A race)."""
    follower = Member(3, asynchronous_storage=True)
    follower.step(append_entries(1, 3, term=1, terms=[1]))
    # Another leader overwrites the entry, and then one like the first comes back.
    follower.step(append_entries(2, 3, term=2, terms=[2]))
    follower.step(append_entries(1, 3, term=3, terms=[1]))
    assert [order.entries[0].term for order in follower.append_orders] == [1, 2, 1]
    follower.do_append()
    assert follower.replica.state.log.unstable.entries, "the second write is to come"
    follower.do_append()
    released = follower.do_append()
    assert not follower.replica.state.log.unstable.entries
    assert only(released, AppendEntriesReply).term == 3
