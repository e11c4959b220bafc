"""What a leader sends to whom: order, bounds, heartbeats, and shared commit indexes."""

from typing import Any

from raftwerk.core.inputs import ReportUnreachable
from raftwerk.core.messages import AppendEntries, Heartbeat
from raftwerk.core.sizes import ENTRY_OVERHEAD_BYTES

from .member import S2, S3, Member, bootstrap, of_kind


def settled_leader(voters: int = 3, **settings: Any) -> Member:
    """Return a leader whose first entry all store."""
    leader = Member(1, voters=range(1, voters + 1), **settings)
    leader.lead()
    leader.acknowledge(*range(2, voters + 1))
    return leader


def test_messages_go_out_in_ascending_order_of_members() -> None:
    leader = Member(5, voters=[1, 3, 5, 7, 9])
    assert [one.receiver for one in leader.lead()] == [1, 3, 7, 9]
    assert [one.receiver for one in leader.tick()] == [1, 3, 7, 9]


def test_messages_of_one_step_keep_their_order() -> None:
    leader = settled_leader()
    sent = [*leader.propose(b"x"), *leader.tick(), *leader.propose(b"y")]
    to_2 = [type(one).__name__ for one in sent if one.receiver == S2]
    assert to_2 == ["AppendEntries", "Heartbeat", "AppendEntries"]


def test_one_message_carries_what_fits_and_at_least_one_entry() -> None:
    three = 3 * (ENTRY_OVERHEAD_BYTES + 10)
    leader = settled_leader(append_bytes_max=three, inflight_messages_max=1)
    leader.propose(bytes(10))
    for _ in range(4):
        leader.propose(bytes(10))
    (sent,) = of_kind(leader.acknowledge(2, match=2), AppendEntries)
    assert len(sent.entries) == 3
    leader.propose(bytes(1000))
    (sent,) = of_kind(leader.acknowledge(2, match=5), AppendEntries)
    assert len(sent.entries) == 1, "the next one is larger than the bound"
    (sent,) = of_kind(leader.acknowledge(2, match=6), AppendEntries)
    assert len(sent.entries[0].data) == 1000, "and goes out alone"


def test_bytes_in_flight_are_bounded_and_the_last_message_may_exceed_that() -> None:
    leader = settled_leader(inflight_bytes_max=10)
    counts = []
    for data in (b"1234", b"1234", b"123456789", b"waits"):
        counts.append(len(of_kind(leader.propose(data), AppendEntries)))
    assert counts == [2, 2, 2, 0]
    assert leader.status.progress[S2].is_inflight_full
    leader.acknowledge(2, match=3)
    assert leader.status.progress[S2].inflight_count == 2, "9 bytes are still out"


def test_heartbeats_go_to_everyone_in_every_state() -> None:
    """Learners, who is probed, and who waits for a snapshot."""
    snapshot = bootstrap([1, 2, 3], [4])
    leader = Member(1, snapshot=snapshot)
    leader.lead()
    leader.acknowledge(2)
    leader.compact()
    leader.step(ReportUnreachable(S2))
    assert [beat.receiver for beat in of_kind(leader.tick(), Heartbeat)] == [2, 3, 4]


def test_heartbeat_names_the_commit_index_as_far_as_its_receiver_stores_it() -> None:
    leader = settled_leader(5)
    leader.propose(b"x", b"y")
    leader.acknowledge(2, 3, match=3)
    leader.acknowledge(4, match=2)
    named = [beat.commit_index for beat in of_kind(leader.tick(), Heartbeat)]
    assert named == [3, 3, 2, 1]


def test_commit_index_goes_out_at_once_to_all_who_can_use_it() -> None:
    leader = settled_leader()
    leader.propose(b"x")
    told = of_kind(leader.acknowledge(2), AppendEntries)
    assert [(one.receiver, one.commit_index, one.entries) for one in told] == [
        (S2, 2, ()),
        (S3, 2, ()),
    ]


def test_new_member_is_probed_as_soon_as_the_change_is_applied() -> None:
    leader = settled_leader()
    leader.propose_change("l4")
    sent = leader.acknowledge(2)
    probe = [one for one in of_kind(sent, AppendEntries) if one.receiver == 4]
    assert len(probe) == 1 and len(probe[0].entries) == 1
    assert probe[0].prev_log_index == 1, "with the last entry"


def test_removed_member_is_sent_nothing_more() -> None:
    leader = settled_leader()
    leader.propose_change("r3")
    leader.acknowledge(2)
    sent = [*leader.propose(b"x"), *leader.tick()]
    assert {one.receiver for one in sent} == {S2}
