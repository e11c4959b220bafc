"""What storage and the state machine report, in time, late, and never."""

from raftwerk.core.events import AcknowledgementOutdated
from raftwerk.core.inputs import EntriesApplied, StorageAppended
from raftwerk.core.messages import AppendEntriesReply, InstallSnapshot
from raftwerk.core.records import ConfState, HardState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.sizes import ENTRY_OVERHEAD_BYTES
from raftwerk.types import LogIndex, Term

from .member import S1, S2, S3, Member, append_entries, heartbeat, only, vote_request

SNAPSHOT = Snapshot(LogIndex(9), Term(1), ConfState(voters=(S1, S2, S3)))


def follower() -> Member:
    """Return a member whose storage is asynchronous."""
    return Member(2, asynchronous_storage=True)


def test_order_says_what_its_acknowledgement_will_mean() -> None:
    member = follower()
    member.step(append_entries(1, 2, term=1, terms=[1, 1]))
    (order,) = member.append_orders
    assert order.done == StorageAppended(Term(1), LogIndex(2), Term(1))
    assert (order.hard_state, order.must_sync) == (
        HardState(Term(1), None, LogIndex(0)),
        True,
    )


def test_order_without_entries_asks_too_while_any_are_not_stable() -> None:
    """One that was acknowledged in a later term was ignored: this takes its place."""
    member = follower()
    member.step(append_entries(1, 2, term=1, terms=[1, 1]))
    member.step(vote_request(3, 2, term=2, last=(2, 1)))
    first, second = member.append_orders
    assert not second.entries
    assert second.done == StorageAppended(Term(2), LogIndex(2), Term(1))
    member.do_append()
    assert member.replica.state.log.unstable.entries, f"{first.done} is of term 1"
    assert any(isinstance(one, AcknowledgementOutdated) for one in member.events)
    member.do_append()
    assert not member.replica.state.log.unstable.entries


def test_order_asks_for_nothing_where_all_is_stable() -> None:
    member = follower()
    member.step(heartbeat(1, 2, term=1))
    (order,) = member.append_orders
    assert order.done is None and order.hard_state is not None


def test_snapshot_counts_in_whatever_term_it_is_acknowledged() -> None:
    member = follower()
    member.step(
        InstallSnapshot(sender=S1, receiver=S2, term=Term(1), snapshot=SNAPSHOT)
    )
    member.step(heartbeat(3, 2, term=5))
    sent = member.do_append()
    assert member.status.applied_index == 9
    assert only(sent, AppendEntriesReply).match_index == 9
    assert not member.replica.state.log.has_pending_snapshot


def test_applied_index_moves_with_the_acknowledgement_and_not_before() -> None:
    member = follower()
    member.step(append_entries(1, 2, term=1, terms=[1, 1], commit=2))
    member.do_append()
    (order,) = member.apply_orders
    assert member.status.applied_index == 0
    assert order.done == EntriesApplied(
        LogIndex(2), 2 * (ENTRY_OVERHEAD_BYTES + 3), 2 * 3
    )
    member.do_apply()
    assert member.status.applied_index == 2


def test_application_that_a_snapshot_overtook_takes_nothing_back() -> None:
    member = follower()
    member.step(append_entries(1, 2, term=1, terms=[1, 1], commit=2))
    member.do_append()
    member.step(
        InstallSnapshot(sender=S1, receiver=S2, term=Term(1), snapshot=SNAPSHOT)
    )
    member.do_append()
    assert member.status.applied_index == 9
    late = member.apply_orders.popleft()
    member.step(late.done)
    assert member.status.applied_index == 9


def test_pages_of_committed_entries_wait_for_one_another() -> None:
    one = ENTRY_OVERHEAD_BYTES + 3
    member = Member(2, asynchronous_storage=True, committed_bytes_max=2 * one)
    member.step(append_entries(1, 2, term=1, terms=[1, 1, 1], commit=3))
    member.do_append()
    assert [len(order.entries) for order in member.apply_orders] == [2]
    member.do_apply()
    assert [len(order.entries) for order in member.apply_orders] == [1]
    member.do_apply()
    assert member.applied == ["1.1", "1.2", "1.3"]


def test_entry_larger_than_a_page_is_a_page() -> None:
    member = Member(2, asynchronous_storage=True, committed_bytes_max=1)
    member.step(append_entries(1, 2, term=1, terms=[1, 1], commit=2))
    member.do_append()
    member.do_apply()
    member.do_apply()
    assert member.applied == ["1.1", "1.2"]


def test_several_pages_may_be_in_application_within_the_bound() -> None:
    member = Member(2, asynchronous_storage=True)
    for index in (1, 2):
        prev = (index - 1, 1 if index > 1 else 0)
        member.step(append_entries(1, 2, 1, prev, [1], commit=index))
        member.do_append()
    assert [len(order.entries) for order in member.apply_orders] == [1, 1]
    member.do_orders()
    assert member.status.applied_index == 2


def test_leaders_word_to_itself_comes_before_the_acknowledgement() -> None:
    """So the entry counts for the commit index in the same go."""
    leader = Member(1, voters=[1], asynchronous_storage=True)
    leader.campaign()
    leader.do_append()
    assert leader.role is Role.LEADER
    (order,) = leader.append_orders
    assert [type(one) for one in order.replies] == [AppendEntriesReply]
    leader.do_append()
    assert leader.status.commit_index == 1
