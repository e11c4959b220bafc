"""Raft paper §5.3: log replication, the log check, the repair of logs that differ."""

import pytest

from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    Heartbeat,
)

from ..cluster import Cluster
from ..member import Member, append_entries, entries_of, of_kind, only

FIGURE_7 = {
    # Fig. 7: the leader of term 8, and possible followers.
    "leader": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
    "a": [1, 1, 1, 4, 4, 5, 5, 6, 6],
    "b": [1, 1, 1, 4],
    "c": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    "e": [1, 1, 1, 4, 4, 4, 4],
    "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
}


def settled_leader(voters: int = 3) -> Member:
    """Return a leader of term 1 whose first entry all others store and know of."""
    leader = Member(1, voters=range(1, voters + 1))
    leader.lead()
    leader.acknowledge(*range(2, voters + 1))
    return leader


# ---- the usual case ---------------------------------------------------------


def test_leader_appends_a_command_and_sends_it_to_all_others_in_parallel() -> None:
    """§5.3: "The leader appends the command to its log as a new entry, then issues
    AppendEntries RPCs in parallel to each of the other servers"."""
    leader = settled_leader()
    sent = of_kind(leader.propose(b"x"), AppendEntries)
    assert [one.receiver for one in sent] == [2, 3]
    for append in sent:
        assert (append.prev_log_index, append.prev_log_term) == (1, 1)
        (entry,) = append.entries
        assert (entry.term, entry.index, entry.data) == (1, 2, b"x")
    assert leader.log == [1, 1]


COMMITS = [
    # voters  others that store the entry  whether it is committed
    (1, 0, True),
    (2, 0, False),
    (2, 1, True),
    (3, 0, False),
    (3, 1, True),
    (4, 1, False),
    (4, 2, True),
    (5, 1, False),
    (5, 2, True),
]


@pytest.mark.parametrize(("voters", "holders", "is_committed"), COMMITS)
def test_entry_is_committed_once_a_majority_stores_it(
    voters: int, holders: int, is_committed: bool
) -> None:
    """§5.3: "A log entry is committed once the leader that created the entry has
    replicated it on a majority of the servers"."""
    leader = settled_leader(voters)
    leader.propose(b"x")
    leader.acknowledge(*range(2, 2 + holders))
    assert (leader.status.commit_index == 2) is is_committed
    assert leader.applied == ["x"] * is_committed


def test_commit_takes_all_earlier_entries_along() -> None:
    """§5.3: "This also commits all preceding entries in the leader's log, including
    entries created by previous leaders"."""
    leader = Member(1, log=[1, 2, 2], term=2)
    leader.lead()
    assert leader.status.commit_index == 0
    leader.acknowledge(3)
    assert leader.status.commit_index == 4
    assert leader.applied == ["1.1", "2.2", "2.3"]


def test_followers_learn_what_is_committed_and_apply_it_in_log_order() -> None:
    """§5.3: the leader "includes that index in future AppendEntries RPCs [...] so that
    the other servers eventually find out. Once a follower learns that a log entry is
    committed, it applies the entry to its local state machine (in log order)"."""
    cluster = Cluster()
    cluster.elect(1)
    for data in (b"x", b"y", b"z"):
        cluster.propose(1, data)
    assert [one.applied for one in cluster] == [["x", "y", "z"]] * 3


def test_nothing_is_applied_before_it_is_committed() -> None:
    """§5.3: "The leader decides when it is safe to apply a log entry"."""
    follower = Member(2)
    follower.step(append_entries(1, 2, term=1, terms=[1, 1, 1], commit=0))
    assert not follower.applied
    follower.step(append_entries(1, 2, term=1, prev=(3, 1), commit=2))
    assert follower.applied == ["1.1", "1.2"]


def test_follower_commits_no_more_than_the_message_vouches_for() -> None:
    """Fig. 2, AppendEntries 5: commit index = "min(leaderCommit, index of last new
    entry)". What lies behind may be another leader's, and be overwritten still."""
    follower = Member(2, log=[1, 2, 2], term=3)
    follower.step(append_entries(1, 2, term=4, prev=(1, 1), commit=3))
    assert follower.applied == ["1.1"]


def test_each_entry_is_applied_once() -> None:
    """§5.3: whatever is repeated, delayed or lost on the way."""
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    for _ in range(3):
        cluster.send([append_entries(1, 2, 1, (0, 0), [], 2)])
        cluster.heartbeat(1)
    assert [one.applied for one in cluster] == [["x"]] * 3
    assert leader.status.applied_index == 2


def test_leader_asks_again_until_a_follower_stores_everything() -> None:
    """§5.3: if followers crash or run slowly, or packets are lost, "the leader retries
    AppendEntries RPCs indefinitely (even after it has responded to the client)"."""
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x", b"y", cut=[3])
    assert leader.applied == ["x", "y"]
    for _ in range(20):
        cluster.heartbeat(1, cut=[3])
    assert not cluster[3].applied
    cluster.heartbeat(1)
    assert cluster[3].log == leader.log
    assert cluster[3].applied == ["x", "y"]


# ---- the log check ----------------------------------------------------------

CHECKS = [
    # the follower's log  prev of the message  whether it passes
    ([], (0, 0), True),
    ([1, 2], (0, 0), True),
    ([1, 2], (1, 1), True),
    ([1, 2], (2, 2), True),
    ([1, 2], (1, 2), False),
    ([1, 2], (2, 1), False),
    ([1, 2], (3, 2), False),
    ([], (1, 1), False),
]


@pytest.mark.parametrize(("log", "prev", "passes"), CHECKS)
def test_follower_refuses_entries_that_do_not_fit_on_its_log(
    log: list[int], prev: tuple[int, int], passes: bool
) -> None:
    """§5.3: "If the follower does not find an entry in its log with the same index and
    term, then it refuses the new entries"."""
    follower = Member(2, log=log)
    sent = follower.step(append_entries(1, 2, term=3, prev=prev, terms=[3]))
    if passes:
        assert only(sent, AppendEntriesReply).match_index == prev[0] + 1
        assert follower.log == [*log[: prev[0]], 3]
    else:
        assert only(sent, AppendEntriesRefusal).refused_index == prev[0]
        assert follower.log == log


OVERWRITES = [
    # the follower's log  prev  new terms  the log after that
    ([1, 2, 2], (1, 1), [3], [1, 3]),
    ([1, 2, 2], (1, 1), [3, 3, 3], [1, 3, 3, 3]),
    ([1, 2, 2], (0, 0), [1, 2, 3], [1, 2, 3]),
    # What is there already stays, and all behind it: a message may be late.
    ([1, 2, 2], (0, 0), [1], [1, 2, 2]),
    ([1, 2, 2], (1, 1), [2], [1, 2, 2]),
    ([1, 2, 2], (0, 0), [1, 2, 2, 2], [1, 2, 2, 2]),
    ([1, 2, 2], (3, 2), [], [1, 2, 2]),
]


@pytest.mark.parametrize(("before", "prev", "new", "after"), OVERWRITES)
def test_conflicting_entries_are_overwritten_and_no_others(
    before: list[int], prev: tuple[int, int], new: list[int], after: list[int]
) -> None:
    """§5.3: "conflicting entries in follower logs will be overwritten with entries from
    the leader's log". Fig. 2, AppendEntries 3: "If an existing entry conflicts with a
    new one [...] delete the existing entry and all that follow it"."""
    follower = Member(2, log=before, term=3)
    sent = follower.step(append_entries(1, 2, term=3, prev=prev, terms=new))
    assert only(sent, AppendEntriesReply).match_index == prev[0] + len(new)
    assert follower.log == after
    assert follower.store.last_index() == len(after)


def test_entries_are_durable_before_they_are_acknowledged() -> None:
    """Fig. 2: the log is persistent state, "updated on stable storage before responding
    to RPCs"."""
    follower = Member(2)
    follower.replica.step(append_entries(1, 2, term=1, terms=[1, 1]))
    ready = follower.replica.ready()
    assert not ready.messages
    assert only(ready.messages_after_sync, AppendEntriesReply).match_index == 2
    assert tuple(ready.entries) == entries_of([1, 1])
    assert ready.must_sync


def test_leader_never_overwrites_or_deletes_entries_of_its_own() -> None:
    """§5.3, Fig. 3 (leader append-only): it "never overwrites or deletes entries in its
    own log", whatever followers say of theirs."""
    cluster = Cluster(members=[1])
    leader = cluster.add(Member(1, log=FIGURE_7["leader"], term=7))
    for name, node_id in (("c", 2), ("f", 3)):
        cluster.add(Member(node_id, log=FIGURE_7[name], term=7))
    cluster.elect(1)
    assert leader.log == [*FIGURE_7["leader"], 8]


# ---- repair -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e", "f"])
def test_leader_brings_every_follower_of_figure_7_to_its_own_log(name: str) -> None:
    """§5.3 and Fig. 7: a follower may lack entries, have extra uncommitted ones, or
    both; "the leader handles inconsistencies by forcing the followers' logs to
    duplicate its own"."""
    cluster = Cluster(members=[])
    cluster.add(Member(1, log=FIGURE_7["leader"], term=7))
    cluster.add(Member(2, log=FIGURE_7[name], term=7))
    cluster.add(Member(3, log=FIGURE_7["b"], term=7))
    cluster.elect(1, cut=[2])
    cluster.heartbeat(1)
    assert cluster[2].log == [*FIGURE_7["leader"], 8]
    assert cluster[2].applied == cluster[1].applied
    assert len(cluster[1].applied) == 10


def test_new_leader_begins_just_behind_its_last_entry() -> None:
    """§5.3: "When a leader first comes to power, it initializes all nextIndex values to
    the index just after the last one in its log"."""
    leader = Member(1, log=[1, 1, 2], term=2)
    for append in of_kind(leader.lead(), AppendEntries):
        assert (append.prev_log_index, append.prev_log_term) == (3, 2)
        assert [entry.term for entry in append.entries] == [3]


def test_a_refusal_costs_one_message_for_each_term_that_differs() -> None:
    """§5.3: "the follower can include the term of the conflicting entry and the first
    index it stores for that term [...]; one AppendEntries RPC will be required for
    each term with conflicting entries, rather than one RPC per entry"."""
    # 300 entries differ, in two terms on the one side and in two on the other.
    cluster = Cluster(members=[])
    cluster.add(Member(1, log=[1] * 10 + [4] * 300 + [5] * 10, term=6))
    cluster.add(Member(2, log=[1] * 10 + [2] * 150 + [3] * 150, term=6))
    cluster.send(cluster[1].lead())
    refusals = 0
    while cluster.bag:
        cluster.deliver(rounds=1)
        refusals += len(of_kind(cluster.bag, AppendEntriesRefusal))
    assert refusals <= 3
    assert cluster[2].log == cluster[1].log


def test_hint_is_the_last_place_where_the_leaders_term_may_stand() -> None:
    """§5.3: the follower skips what can't agree, for the leader's terms only fall as
    one goes down."""
    follower = Member(2, log=[1, 1, 1, 5, 5, 5], term=6)
    refusal = only(
        follower.step(append_entries(1, 2, term=6, prev=(6, 3))), AppendEntriesRefusal
    )
    assert (refusal.refused_index, refusal.hint_index, refusal.hint_term) == (6, 3, 1)


def test_late_answers_do_not_move_the_match_index_back() -> None:
    """§5.3 with §5.5: RPCs may be answered twice and out of order."""
    leader = settled_leader()
    leader.propose(b"x", b"y")
    leader.acknowledge(2, match=3)
    leader.acknowledge(2, match=2)
    assert leader.status.progress[leader.status.conf_state.voters[1]].match_index == 3
    assert leader.status.commit_index == 3


def test_heartbeat_names_no_commit_that_its_receiver_may_not_have() -> None:
    """§5.3: a heartbeat carries no log check here, so it may only name what is known to
    be equal at the follower."""
    leader = settled_leader()
    leader.propose(b"x", b"y")
    leader.acknowledge(2)
    beats = {
        one.receiver: one.commit_index for one in of_kind(leader.tick(), Heartbeat)
    }
    assert beats == {2: 3, 3: 1}
