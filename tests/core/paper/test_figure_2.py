"""Raft paper Fig. 2: the state, what of it is durable, the rules for all servers."""

from raftwerk.core.inputs import Propose
from raftwerk.core.messages import AppendEntries, Message, Proposal, RequestVoteReply
from raftwerk.core.ready import Ready
from raftwerk.core.records import HardState
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId, Term

from ..cluster import Cluster
from ..member import (
    S1,
    S2,
    S3,
    Member,
    append_entries,
    bootstrap,
    heartbeat,
    of_kind,
    vote_request,
)


def one_ready(member: Member, message: Message) -> Ready:
    """Return what one message makes a member ask for, before any of it is done."""
    member.replica.step(message)
    return member.replica.ready()


def test_new_server_begins_with_term_0_no_vote_and_an_empty_log() -> None:
    """ "currentTerm [...] initialized to 0 on first boot, increases monotonically";
    votedFor null; log[] first index 1."""
    member = Member(1)
    status = member.status
    assert (status.term, status.vote, status.first_index) == (0, None, 1)
    assert (status.commit_index, status.applied_index) == (0, 0)


def test_term_vote_and_log_are_synced_before_an_answer() -> None:
    """Persistent state: "updated on stable storage before responding to RPCs"."""
    voting = one_ready(Member(2), vote_request(1, 2, 1, (0, 0)))
    assert (voting.hard_state, voting.must_sync) == (
        HardState(Term(1), S1, LogIndex(0)),
        True,
    )
    storing = one_ready(Member(2, term=1), append_entries(1, 2, term=1, terms=[1]))
    assert (storing.hard_state, storing.must_sync) == (None, True)
    assert not voting.messages and not storing.messages


def test_commit_index_alone_needs_no_sync() -> None:
    """Volatile state: it is found again. It is stored as a hint, when that suits."""
    member = Member(2, log=[1, 1], term=1)
    ready = one_ready(member, heartbeat(1, 2, term=1, commit=2))
    assert ready.hard_state == HardState(Term(1), None, LogIndex(2))
    assert not ready.must_sync


def test_what_did_not_change_is_not_handed_out_again() -> None:
    """Each `Ready` has the effects since the last one."""
    member = Member(2)
    member.step(heartbeat(1, 2, term=1))
    ready = one_ready(member, heartbeat(1, 2, term=1))
    assert (ready.hard_state, ready.soft_state) == (None, None)
    assert len(ready.messages) == 1
    member.replica.advance()
    assert not member.replica.has_ready()


def test_entries_are_applied_as_soon_as_they_are_known_as_committed() -> None:
    """All servers: "If commitIndex > lastApplied: increment lastApplied, apply
    log[lastApplied] to state machine"; they may be stored in the same go."""
    ready = one_ready(
        Member(2), append_entries(1, 2, term=1, terms=[1, 1, 1], commit=2)
    )
    assert [entry.index for entry in ready.entries] == [1, 2, 3]
    assert [entry.index for entry in ready.committed] == [1, 2]


def test_single_voters_own_entry_is_applied_after_it_is_durable() -> None:
    """With one server the majority is its own disk."""
    member = Member(1, voters=[1])
    member.campaign()
    member.replica.step(Propose((Proposal(b"x"),)))
    ready = member.replica.ready()
    assert ready.entries and not ready.committed
    member.store.append(ready.hard_state, ready.entries)
    member.replica.advance()
    assert [entry.data for entry in member.replica.ready().committed] == [b"x"]


def test_commit_index_never_goes_back() -> None:
    """commitIndex "increases monotonically", whatever comes late."""
    member = Member(2, log=[1, 1, 1], term=1)
    member.step(heartbeat(1, 2, term=1, commit=3))
    member.step(heartbeat(1, 2, term=1, commit=1))
    member.step(append_entries(1, 2, term=1, prev=(3, 1), commit=0))
    assert member.status.commit_index == 3


def test_leader_starts_with_match_index_0_and_next_index_behind_its_log() -> None:
    """Volatile state on leaders, "Reinitialized after election"."""
    leader = Member(1, log=[1, 1], term=1)
    appends = of_kind(leader.lead(), AppendEntries)
    assert {append.prev_log_index for append in appends} == {2}
    assert {leader.status.progress[one].match_index for one in (S2, S3)} == {0}
    leader.acknowledge(2, 3)
    leader.step(heartbeat(2, 1, term=9))
    leader.lead()
    assert {leader.status.progress[one].match_index for one in (S2, S3)} == {0}


def test_votes_of_one_election_are_forgotten_in_the_next() -> None:
    """ "votedFor: candidateId that received vote in current term": nothing is carried
    from term to term."""
    member = Member(1, voters=[1, 2, 3, 4, 5])
    for term, voter in ((1, 2), (2, 3)):
        member.campaign()
        member.step(
            RequestVoteReply(
                sender=NodeId(voter), receiver=S1, term=Term(term), granted=True
            )
        )
    assert member.role is Role.CANDIDATE


def test_messages_may_overtake_one_another_in_any_way() -> None:
    """Nothing in Fig. 2 counts on the order of messages, nor on each coming once."""
    cluster = Cluster([1, 2, 3])
    leader = cluster.elect(1)
    sent = [m for data in (b"x", b"y", b"z") for m in leader.propose(data)]
    cluster.send([*reversed(sent), *sent])
    cluster.deliver()
    cluster.heartbeat(1)
    assert [one.applied for one in cluster] == [["x", "y", "z"]] * 3


def test_group_may_begin_behind_a_snapshot() -> None:
    """Not in the paper: how members come to their first configuration (thesis §4.4)."""
    cluster = Cluster(snapshot=bootstrap([1, 2, 3]))
    cluster.elect(1)
    cluster.propose(1, b"x")
    assert [one.applied for one in cluster] == [["x"]] * 3
    assert {one.status.first_index for one in cluster} == {2}
