"""Raft paper §5.4: safety. Who may lead, what may be committed, why that suffices."""

import pytest

from raftwerk.core.messages import (
    AppendEntriesReply,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.roles import Role

from ..cluster import Cluster
from ..member import S3, Member, append_entries, of_kind, only, vote_request

COMPLETENESS = [
    # our log  the candidate's last (index, term)  whether it gets our vote
    ([1], (1, 1), True),
    ([1], (2, 1), True),
    ([1, 1], (1, 1), False),
    ([1], (1, 2), True),
    ([1, 1, 1], (1, 2), True),
    ([2], (1, 1), False),
    ([2], (5, 1), False),
    ([], (0, 0), True),
    ([1], (0, 0), False),
]


@pytest.mark.parametrize(("log", "last", "granted"), COMPLETENESS)
def test_vote_goes_to_no_candidate_with_a_less_complete_log(
    log: list[int], last: tuple[int, int], granted: bool
) -> None:
    """§5.4.1: "the voter denies its vote if its own log is more up-to-date than that of
    the candidate". The later last term wins; with equal ones the longer log."""
    member = Member(1, log=log)
    answer = only(member.step(vote_request(2, 1, term=9, last=last)), RequestVoteReply)
    assert answer.granted is granted
    assert member.store.initial_state()[0].vote == (2 if granted else None)


def test_entries_not_yet_stored_count_as_the_voters_log() -> None:
    """§5.4.1: what a voter is about to acknowledge may be committed with its word."""
    member = Member(1, asynchronous_storage=True)
    member.step(append_entries(2, 1, term=1, terms=[1]))
    assert member.append_orders and member.store.last_index() == 0
    member.step(vote_request(3, 1, term=2, last=(0, 0)))
    refusals = [reply for order in member.append_orders for reply in order.replies]
    assert not only(refusals, RequestVoteReply).granted


def test_candidate_shows_the_end_of_its_log() -> None:
    """§5.4.1: "the RPC includes information about the candidate's log"."""
    requests = of_kind(Member(1, log=[1, 1, 3], term=5).campaign(), RequestVote)
    assert {(r.last_log_index, r.last_log_term) for r in requests} == {(3, 3)}


def test_entry_of_an_older_term_is_not_committed_by_counting() -> None:
    """§5.4.2: "Only log entries from the leader's current term are committed by
    counting replicas"."""
    leader = Member(1, log=[1, 2], term=2)
    leader.lead()
    leader.acknowledge(2, match=2)
    leader.acknowledge(3, match=2)
    assert leader.status.commit_index == 0, "all three store it, and yet"
    leader.acknowledge(2, match=3)
    assert leader.status.commit_index == 3, "prior entries are committed indirectly"


# ---- Fig. 8 -----------------------------------------------------------------


def figure_8_up_to_c() -> Cluster:
    """Play Fig. 8, (a) to (c): in term 4 a majority stores an entry of term 2."""
    cluster = Cluster(members=[])
    for node_id in range(1, 6):
        # One entry a message, so that the pictures can be played one by one.
        cluster.add(Member(node_id, range(1, 6), log=[1], commit=1, append_bytes_max=1))

    # (a) S1 leads in term 2, and its entry reaches S2 alone.
    cluster.win(1, cut=[4, 5])
    cluster.deliver(cut=[3, 4, 5])
    assert [one.log for one in cluster] == [[1, 2], [1, 2], [1], [1], [1]]

    # (b) S1 crashes. S5 leads in term 3 by S3 and S4, and its entry reaches nobody.
    cluster[1].restart()
    cluster[5].campaign()  # In term 2: it loses, for S3 has voted for S1.
    cluster.win(5, cut=[1, 2])
    cluster.drop()
    assert cluster[5].log == [1, 3]

    # (c) S5 crashes. S1 leads in term 4; now S3 stores its entry of term 2 as well.
    cluster[5].restart()
    cluster[1].campaign()  # In term 3: it loses, for S3 and S4 have voted for S5.
    leader = cluster.win(1, cut=[5])
    leader.acknowledge(2, match=2)
    cluster.deliver(cut=[2, 4, 5], rounds=4)
    assert (leader.status.term, leader.log) == (4, [1, 2, 4])
    assert cluster[3].log == [1, 2]
    assert leader.status.progress[S3].match_index == 2
    return cluster


def test_entry_of_an_older_term_on_a_majority_may_still_be_overwritten() -> None:
    """§5.4.2, Fig. 8 (c) and (d): so S1 must not commit the entry of term 2."""
    cluster = figure_8_up_to_c()
    assert {one.status.commit_index for one in cluster} == {1}

    # (d) S1 crashes. S5 leads with the votes of S2, S3 and S4, and overwrites it.
    cluster.drop()
    cluster[5].campaign()
    cluster.elect(5, cut=[1])
    assert [one.log for one in cluster][1:] == [[1, 3, 5]] * 4
    assert {one.status.commit_index for one in cluster} == {1, 3}


def test_entry_of_the_own_term_on_a_majority_is_safe_and_all_before_it() -> None:
    """§5.4.2, Fig. 8 (e): with S1's entry of term 4 on a majority S5 can't win."""
    cluster = figure_8_up_to_c()
    cluster.heartbeat(1, cut=[4, 5])
    assert cluster[1].status.commit_index == 3

    for _ in range(3):
        cluster.send(cluster[5].campaign())
        cluster.deliver(cut=[1])
        assert cluster[5].role is not Role.LEADER
    assert cluster[2].log[:3] == cluster[3].log[:3] == [1, 2, 4]


# ---- 5.4.3 ------------------------------------------------------------------


def test_committed_entries_are_in_the_log_of_every_later_leader() -> None:
    """§5.4.3, Fig. 3 (leader completeness): a majority stored the entry and a majority
    voted, so one voter has it, and votes for nobody without it."""
    for absent, heir in ((2, 3), (3, 2)):
        cluster = Cluster()
        cluster.elect(1)
        cluster.propose(1, b"x", cut=[absent])
        assert cluster[1].applied == ["x"]
        # The leader crashes; of the two others only the one with the entry can win.
        cluster.send(cluster[absent].campaign())
        cluster.deliver(cut=[1])
        assert cluster[absent].role is Role.CANDIDATE
        cluster.elect(heir, cut=[1])
        cluster.heartbeat(heir, cut=[1])
        assert cluster[absent].applied == cluster[heir].applied == ["x"]


def test_what_is_committed_needs_no_log_check() -> None:
    """§5.4.3: committed entries never differ. An append below the commit index is
    answered with that, without a look at entries that may be compacted by now."""
    follower = Member(2, log=[1, 1, 1], term=3, commit=3)
    follower.compact()
    sent = follower.step(append_entries(1, 2, term=3, prev=(1, 1), terms=[1]))
    assert only(sent, AppendEntriesReply).match_index == 3


def test_applied_entries_are_the_same_everywhere_for_ever() -> None:
    """Fig. 3 (state machine safety): "no other server will ever apply a different log
    entry for the same index", through five leaders with a member cut off each time."""
    cluster = Cluster([1, 2, 3, 4, 5])
    for turn in range(1, 6):
        cut = [turn % 5 + 1]
        while cluster[turn].role is not Role.LEADER:
            cluster.send(cluster[turn].campaign())
            cluster.deliver(cut=cut)
        cluster.propose(turn, f"{turn}".encode(), cut=cut)
        cluster.heartbeat(turn)
    assert all(one.applied == ["1", "2", "3", "4", "5"] for one in cluster)
