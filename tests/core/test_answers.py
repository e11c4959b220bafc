"""What followers' answers and reports mean to the leader, state by state."""

from typing import Any

import pytest

from raftwerk.core.events import ProgressDecreased, ProgressMissing
from raftwerk.core.inputs import ReportSnapshot, ReportUnreachable
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    HeartbeatReply,
    Message,
)
from raftwerk.core.progress_view import ProgressState, ProgressView
from raftwerk.types import LogIndex, NodeId, Term

from .member import S1, S2, S3, Member, of_kind, only

PROBE, REPLICATE = ProgressState.PROBE, ProgressState.REPLICATE


def leader_of(log: list[int], **settings: Any) -> Member:
    """Return a leader with these entries before its first one; nobody has answered."""
    leader = Member(1, log=log, **settings)
    leader.lead()
    return leader


def settled_leader(**settings: Any) -> Member:
    """Return a leader whose first entry all store."""
    leader = leader_of([], **settings)
    leader.acknowledge(2, 3)
    return leader


def refusal(
    leader: Member, refused: int, hint: tuple[int, int], sender: int = 2
) -> AppendEntriesRefusal:
    """Return a refusal of the leader's term."""
    return AppendEntriesRefusal(
        sender=NodeId(sender),
        receiver=S1,
        term=leader.status.term,
        refused_index=LogIndex(refused),
        hint_index=LogIndex(hint[0]),
        hint_term=Term(hint[1]),
    )


def beat(leader: Member, sender: int = 2) -> HeartbeatReply:
    """Return an answer to a heartbeat."""
    return HeartbeatReply(sender=NodeId(sender), receiver=S1, term=leader.status.term)


def view(leader: Member, peer: NodeId = S2) -> ProgressView:
    """Return what the leader knows of a peer."""
    return leader.status.progress[peer]


# ---- refusals ---------------------------------------------------------------


def test_leader_improves_the_hint_by_its_own_log() -> None:
    """The follower stands at a term that the leader has only far below: one probe."""
    leader = leader_of([1, 1, 1, 5, 5, 5, 5])
    sent = only(leader.step(refusal(leader, 7, (6, 2))), AppendEntries)
    assert (sent.prev_log_index, sent.prev_log_term) == (3, 1)


def test_hint_without_a_term_is_taken_as_it_is() -> None:
    """The follower does not know the term there any more."""
    leader = leader_of([1, 1, 1, 5, 5])
    sent = only(leader.step(refusal(leader, 5, (4, 0))), AppendEntries)
    assert sent.prev_log_index == 4


def test_hint_of_a_follower_with_newer_terms_goes_one_step_down_at_most() -> None:
    leader = leader_of([1, 1, 1])
    sent = only(leader.step(refusal(leader, 3, (3, 9))), AppendEntries)
    assert sent.prev_log_index == 2, "never at the refused place again"


def test_probe_takes_the_refusal_of_what_it_sent_last_and_no_other() -> None:
    leader = leader_of([1, 1, 1, 1])
    assert not leader.step(refusal(leader, 2, (1, 1))), "that was not the last one"
    assert leader.step(refusal(leader, 4, (2, 1)))
    assert not leader.step(refusal(leader, 4, (2, 1))), "it comes twice"
    assert view(leader).next_index == 3


def test_refusal_of_one_in_flight_sends_all_again_from_what_is_known() -> None:
    leader = settled_leader()
    for data in (b"x", b"y", b"z"):
        leader.propose(data)
    leader.acknowledge(2, match=2)
    sent = only(leader.step(refusal(leader, 3, (2, 1))), AppendEntries)
    assert (sent.prev_log_index, len(sent.entries)) == (2, 2)
    assert view(leader).state is PROBE
    decreased = [one for one in leader.events if isinstance(one, ProgressDecreased)]
    assert decreased[-1].progress.state is REPLICATE, "as it was before that"


def test_refusal_of_what_is_known_to_match_is_late_and_ignored() -> None:
    leader = settled_leader()
    leader.propose(b"x")
    leader.acknowledge(2)
    before = view(leader)
    assert not leader.step(refusal(leader, 2, (1, 1)))
    assert view(leader) == before


# ---- acknowledgements -------------------------------------------------------


def test_first_answer_ends_the_probing() -> None:
    leader = leader_of([1, 1])
    assert (view(leader).state, view(leader).is_paused) == (PROBE, True)
    leader.acknowledge(2)
    assert (view(leader).state, view(leader).next_index) == (REPLICATE, 4)


def test_answer_that_brings_nothing_new_ends_the_probing_too() -> None:
    """It was marked unreachable, and has everything already."""
    leader = settled_leader()
    leader.step(ReportUnreachable(S2))
    assert view(leader).state is PROBE
    leader.acknowledge(2, match=0)
    assert view(leader).state is PROBE, "that says nothing of what it has"
    leader.acknowledge(2, match=1)
    assert view(leader).state is REPLICATE


def test_answer_makes_room_for_what_waits_in_the_log() -> None:
    leader = settled_leader(inflight_messages_max=1, append_bytes_max=0)
    for data in (b"w", b"x", b"y", b"z"):
        leader.propose(data)
    sent = [
        len(of_kind(leader.acknowledge(2, match=index), AppendEntries))
        for index in (2, 3, 4)
    ]
    # One with an entry each; the commit index went out in it.
    assert sent == [1, 1, 1]
    assert view(leader).inflight_count == 1


def test_follower_is_told_of_a_commit_that_it_does_not_know() -> None:
    leader = settled_leader()
    leader.propose(b"x")
    told = of_kind(leader.acknowledge(2), AppendEntries)
    assert [(one.receiver, one.commit_index) for one in told] == [(S2, 2), (S3, 2)]
    assert not leader.acknowledge(3), "it was told already"


def test_answer_from_who_is_not_tracked_is_told_and_nothing_more() -> None:
    leader = settled_leader()
    for report in (ReportUnreachable(NodeId(9)), ReportSnapshot(NodeId(9), True)):
        assert not leader.step(report)
    missing = [one.peer for one in leader.events if isinstance(one, ProgressMissing)]
    assert missing == [9, 9]


def test_followers_take_no_notice_of_answers_and_reports() -> None:
    follower = Member(1, term=1)
    before = follower.status
    events: list[Any] = [
        refusal(follower, 1, (0, 0)),
        beat(follower),
        ReportUnreachable(S2),
        ReportSnapshot(S2, True),
    ]
    for event in events:
        assert not follower.step(event)
    follower.acknowledge(2)
    assert follower.status == before


# ---- heartbeats' answers ----------------------------------------------------


def test_answer_of_who_lacks_something_is_followed_by_one_append() -> None:
    leader = settled_leader(inflight_messages_max=1)
    leader.propose(b"x")
    (empty,) = leader.step(beat(leader))
    assert isinstance(empty, AppendEntries) and not empty.entries, "the window is full"
    assert not leader.propose(b"y"), "and closed again by that"
    assert len(leader.step(beat(leader))) == 1


def test_answer_of_who_has_everything_is_followed_by_nothing() -> None:
    leader = settled_leader()
    assert not leader.step(beat(leader))


def test_answer_ends_the_pause_of_a_probe() -> None:
    leader = leader_of([1])
    assert view(leader).is_paused
    sent = only(leader.step(beat(leader)), AppendEntries)
    assert len(sent.entries) == 1, "its first append was lost, perhaps"


# ---- reports ----------------------------------------------------------------


def test_unreachable_member_is_probed_from_what_it_is_known_to_have() -> None:
    leader = settled_leader()
    leader.propose(b"x")
    leader.step(ReportUnreachable(S2))
    assert (view(leader).state, view(leader).next_index) == (PROBE, 2)
    assert view(leader).inflight_count == 0
    again = only(leader.step(beat(leader)), AppendEntries)
    assert [entry.data for entry in again.entries] == [b"x"]


def test_report_changes_nothing_for_who_is_being_probed() -> None:
    leader = leader_of([1])
    before = view(leader)
    leader.step(ReportUnreachable(S2))
    assert view(leader) == before


@pytest.mark.parametrize("make", [beat, lambda leader: refusal(leader, 9, (0, 0))])
def test_any_answer_marks_a_member_as_heard_of(make: Any) -> None:
    leader = leader_of([1])
    assert not view(leader).is_recently_active
    message: Message = make(leader)
    leader.step(message)
    assert view(leader).is_recently_active
