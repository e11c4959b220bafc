"""Raft paper §8: clients find the leader, and reads that are not stale."""

import pytest

from raftwerk.core.inputs import Propose
from raftwerk.core.messages import (
    AppendEntries,
    ForwardProposal,
    Heartbeat,
    HeartbeatReply,
    Proposal,
)
from raftwerk.errors import NotLeader
from raftwerk.types import NodeId

from ..cluster import Cluster
from ..member import S1, Member, heartbeat, of_kind, only


def answer(sender: int, beat: Heartbeat) -> HeartbeatReply:
    """Return what a follower answers to a heartbeat."""
    return HeartbeatReply(
        sender=NodeId(sender), receiver=S1, term=beat.term, read_round=beat.read_round
    )


def test_request_to_a_follower_reaches_the_leader() -> None:
    """§8: a server that is not the leader rejects the request and names the leader, or
    hands it on."""
    follower = Member(2)
    follower.step(heartbeat(1, 2, term=1))
    forwarded = only(follower.propose(b"x"), ForwardProposal)
    assert (forwarded.receiver, forwarded.proposals) == (1, (Proposal(b"x"),))

    strict = Member(2, forward_proposals=False)
    strict.step(heartbeat(1, 2, term=1))
    with pytest.raises(NotLeader, match="member 1 leads term 1"):
        strict.propose(b"x")


def test_request_without_a_known_leader_is_refused() -> None:
    """§8: the client has to try another server, or later."""
    with pytest.raises(NotLeader, match="knows no leader"):
        Member(2).propose(b"x")
    candidate = Member(2)
    candidate.campaign()
    with pytest.raises(NotLeader, match="knows no leader"):
        candidate.propose(b"x")


def test_forwarded_command_is_agreed_upon_like_any_other() -> None:
    """§8: whoever takes the request, the leader orders it."""
    cluster = Cluster()
    cluster.elect(1)
    for node_id in (1, 2, 3):
        cluster.propose(node_id, b"from-%d" % node_id)
    expected = ["from-1", "from-2", "from-3"]
    assert [one.applied for one in cluster] == [expected] * 3


def test_leader_begins_its_term_with_an_empty_entry() -> None:
    """§8: "a leader must have the latest information on which entries are committed.
    [...] Raft handles this by having each leader commit a blank no-op entry into the
    log at the start of its term"."""
    leader = Member(1, log=[1], term=1)
    sent = of_kind(leader.lead(), AppendEntries)
    assert [(e.term, e.data) for m in sent for e in m.entries] == [(2, b"")] * 2
    leader.acknowledge(2)
    assert leader.status.commit_index == 2
    assert leader.applied == ["1.1"], "an empty entry is nothing to the state machine"


def test_read_is_served_only_after_a_majority_says_that_we_still_lead() -> None:
    """§8: "Raft handles this by having the leader exchange heartbeat messages with a
    majority of the cluster before responding to read-only requests"."""
    leader = Member(1, voters=[1, 2, 3, 4, 5])
    leader.lead()
    leader.acknowledge(2, 3)
    beats = of_kind(leader.read_index(7), Heartbeat)
    assert [beat.receiver for beat in beats] == [2, 3, 4, 5]
    leader.step(answer(2, beats[0]))
    assert not leader.read_states
    leader.step(answer(3, beats[1]))
    assert [(one.context, one.read_index) for one in leader.read_states] == [(7, 1)]


def test_read_waits_for_the_first_commit_of_the_term() -> None:
    """§8: until then the leader may not know what is committed."""
    leader = Member(1, log=[1, 1], term=1)
    leader.lead()
    assert leader.status.commit_index == 0
    assert not of_kind(leader.read_index(7), Heartbeat)
    sent = leader.acknowledge(2)
    beats = of_kind(sent, Heartbeat)
    assert len(beats) == 2, "now the round begins"
    leader.step(answer(2, beats[0]))
    assert [(one.context, one.read_index) for one in leader.read_states] == [(7, 3)]


def test_deposed_leader_serves_no_read() -> None:
    """§8: "a leader must check whether it has been deposed before processing a
    read-only request"."""
    cluster = Cluster()
    old = cluster.elect(1)
    new = cluster.elect(2, cut=[1])
    cluster.propose(2, b"newer", cut=[1])
    cluster.send(old.read_index(7))
    cluster.deliver()
    assert not old.read_states, "though nobody has told it yet"
    assert new.applied == ["newer"]


def test_answers_of_before_the_read_do_not_confirm_it() -> None:
    """§8: who followed us a moment ago may follow another now."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    old_beats = of_kind(leader.tick(), Heartbeat)
    leader.read_index(7)
    leader.step(answer(2, old_beats[0]))
    assert not leader.read_states


def test_repeated_answer_of_one_member_is_no_majority() -> None:
    """§8: a majority of the cluster."""
    leader = Member(1, voters=[1, 2, 3, 4, 5])
    leader.lead()
    leader.acknowledge(2, 3)
    beats = of_kind(leader.read_index(7), Heartbeat)
    for _ in range(3):
        leader.step(answer(2, beats[0]))
    assert not leader.read_states


def test_batch_is_appended_as_a_whole_or_not_at_all() -> None:
    """§8, for who retries: a refusal means that nothing happened."""
    follower = Member(2)
    with pytest.raises(NotLeader):
        follower.step(Propose((Proposal(b"x"), Proposal(b"y"))))
    assert follower.log == []
    leader = Member(1)
    leader.lead()
    leader.propose(b"x", b"y")
    assert leader.log == [1, 1, 1]


def test_reads_need_no_log_entry() -> None:
    """§8: "Read-only operations can be handled without writing anything into the
    log"."""
    cluster = Cluster()
    leader = cluster.elect(1)
    before = leader.log
    cluster.send(leader.read_index(1))
    cluster.send(cluster[2].read_index(2))
    cluster.deliver()
    assert leader.log == before
    assert [one.context for one in leader.read_states] == [1]
    assert [one.context for one in cluster[2].read_states] == [2]
