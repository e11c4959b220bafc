"""The face of a member: what a `Ready` has, when; equal calls do equal things."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import Campaign, Propose, ReadIndex, Tick
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    Proposal,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.ready import ReadState, SoftState
from raftwerk.core.records import ConfState, HardState, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .member import (
    S1,
    S2,
    S3,
    Member,
    append_entries,
    bootstrap,
    entries_of,
    heartbeat,
    of_kind,
    only,
    vote_request,
)

SNAPSHOT = Snapshot(LogIndex(9), Term(1), ConfState(voters=(S1, S2, S3)))


def test_nothing_is_to_be_done_at_first_but_what_was_committed_is_handed_out() -> None:
    store = MemoryLog(bootstrap([1, 2, 3]))
    fresh = Replica(
        CoreConfig(node_id=S1, applied_index=LogIndex(1)), store, lambda bound: 0
    )
    assert not fresh.has_ready()
    store.append(HardState(Term(1), None, LogIndex(2)), entries_of([1, 1], 2))
    again = Replica(
        CoreConfig(node_id=S1, applied_index=LogIndex(1)), store, lambda bound: 0
    )
    assert again.has_ready()
    ready = again.ready()
    assert tuple(ready.committed) == entries_of([1], 2)
    assert not (ready.entries or ready.messages or ready.hard_state)


def test_soft_state_is_there_only_when_it_changed() -> None:
    member = Member(1)
    member.step(heartbeat(2, 1, term=1))
    member.step(heartbeat(2, 1, term=1))
    changes = [ready.soft_state for ready in member.readies if ready.soft_state]
    assert changes == [SoftState(S2, Role.FOLLOWER)]


def test_changes_of_role_between_two_readies_may_go_unseen() -> None:
    """It is about what holds now; `take_events` has everything."""
    member = Member(1, voters=[1])
    member.campaign()
    assert member.readies[-1].soft_state in (None, SoftState(S1, Role.LEADER))
    member.replica.step(vote_request(2, 1, 9, (9, 9)))
    ready = member.replica.ready()
    assert ready.soft_state == SoftState(None, Role.FOLLOWER)


SYNCS = [
    # what is stepped  whether a sync is needed
    (vote_request(2, 1, 1, (0, 0)), True),
    (heartbeat(2, 1, term=1), True),
    (heartbeat(2, 1, term=0), False),
    (append_entries(2, 1, term=1, terms=[1]), True),
    (append_entries(2, 1, term=0), False),
]


@pytest.mark.parametrize(("message", "must_sync"), SYNCS)
def test_sync_is_needed_for_entries_term_and_vote_alone(
    message: RequestVote, must_sync: bool
) -> None:
    member = Member(1)
    member.replica.step(message)
    assert member.replica.ready().must_sync is must_sync


def test_snapshot_needs_no_sync_of_its_own_in_a_ready_but_in_an_order() -> None:
    """In synchronous mode the driver installs it as a whole; an order says all."""
    message = InstallSnapshot(sender=S2, receiver=S1, term=Term(1), snapshot=SNAPSHOT)
    member = Member(1, term=1)
    member.replica.step(message)
    ready = member.replica.ready()
    assert (ready.snapshot, ready.must_sync) == (SNAPSHOT, False)
    other = Member(1, term=1, asynchronous_storage=True)
    other.replica.step(message)
    order = other.replica.ready().append
    assert order is not None and order.must_sync


def test_promises_wait_for_the_write_and_all_else_does_not() -> None:
    member = Member(1)
    member.lead()
    member.acknowledge(2, 3)
    member.replica.step(Propose((Proposal(b"x"),)))
    member.replica.step(ReadIndex(7))
    ready = member.replica.ready()
    kinds = [type(one).__name__ for one in ready.messages]
    assert kinds == ["AppendEntries"] * 2 + ["Heartbeat"] * 2
    assert not ready.messages_after_sync, "its own word comes with advance"


def test_own_word_comes_with_advance() -> None:
    member = Member(1, voters=[1])
    member.replica.step(Campaign())
    ready = member.replica.ready()
    assert ready.hard_state == HardState(Term(1), S1, LogIndex(0))
    assert member.role is Role.CANDIDATE
    member.store.append(ready.hard_state, ready.entries)
    member.replica.advance()
    assert member.status.role is Role.LEADER


def test_entries_may_be_stored_and_applied_in_one_go() -> None:
    member = Member(1)
    member.step(append_entries(2, 1, term=1, terms=[1, 1], commit=2))
    ready = member.readies[-1]
    assert ready.entries == ready.committed


def test_asynchronous_orders_stand_in_for_the_rest() -> None:
    member = Member(1, asynchronous_storage=True)
    member.step(append_entries(2, 1, term=1, terms=[1], commit=1))
    ready = member.readies[0]
    assert ready.append is not None and ready.apply is None
    assert ready.append.entries == ready.entries
    assert [type(one) for one in ready.append.replies] == [AppendEntriesReply]
    assert not ready.messages_after_sync
    member.do_append()
    (order,) = member.apply_orders
    assert tuple(order.entries) == entries_of([1])


def test_order_has_the_hard_state_only_where_it_changed() -> None:
    member = Member(1, term=1, asynchronous_storage=True)
    member.step(append_entries(2, 1, term=1, terms=[1]))
    member.step(append_entries(2, 1, term=1, prev=(1, 1), terms=[1], commit=1))
    states = [order.hard_state for order in member.append_orders]
    assert states == [None, HardState(Term(1), None, LogIndex(1))]


def test_answered_reads_are_handed_out_once() -> None:
    member = Member(1, voters=[1])
    member.campaign()
    member.read_index(7)
    assert [ready.read_states for ready in member.readies if ready.read_states] == [
        (ReadState(LogIndex(1), 7),)
    ]


def test_what_was_handed_out_does_not_change_afterwards() -> None:
    """Messages and orders are values: they may be sent or stored much later."""
    member = Member(2, asynchronous_storage=True)
    member.step(append_entries(1, 2, term=1, terms=[1, 1, 1]))
    (order,) = member.append_orders
    before = msgspec.json.encode(order)
    member.step(append_entries(3, 2, term=2, prev=(1, 1), terms=[2]))
    member.step(append_entries(3, 2, term=2, prev=(2, 2), terms=[2, 2]))
    assert msgspec.json.encode(order) == before
    leader = Member(1)
    appends = of_kind(leader.lead(), AppendEntries)
    sent = msgspec.json.encode(appends)
    leader.propose(b"x")
    leader.step(heartbeat(2, 1, term=9))
    leader.step(append_entries(2, 1, term=9, prev=(0, 0), terms=[9]))
    assert msgspec.json.encode(appends) == sent


def test_only_leaders_know_of_progress() -> None:
    leader, follower = Member(1), Member(2)
    leader.lead()
    assert set(leader.status.progress) == {1, 2, 3}
    assert follower.status.progress == {}


@given(
    st.lists(
        st.sampled_from(
            [
                Tick(3),
                Campaign(),
                Propose((Proposal(b"x"), Proposal(b"y"))),
                ReadIndex(7),
                vote_request(2, 1, 3, (9, 9)),
                heartbeat(2, 1, term=4),
                append_entries(3, 1, term=4, terms=[4, 4], commit=1),
                append_entries(3, 1, term=5, prev=(1, 4), terms=[5]),
                RequestVoteReply(sender=S2, receiver=S1, term=Term(1), granted=True),
                RequestVoteReply(sender=S3, receiver=S1, term=Term(2), granted=True),
            ]
        ),
        max_size=30,
    )
)
def test_same_calls_give_the_same_answers_byte_for_byte(events: list[Tick]) -> None:
    transcripts = []
    for _ in range(2):
        member = Member(1)
        said: list[object] = []
        for event in events:
            try:
                said.append(member.step(event))
            except Exception as error:  # pylint: disable=broad-exception-caught  # told
                said.append(type(error).__name__)
        transcripts.append(
            msgspec.json.encode([said, member.readies, member.events, member.applied])
        )
    assert transcripts[0] == transcripts[1]


def test_vote_is_the_only_thing_that_a_crash_before_the_write_takes_back() -> None:
    member = Member(1)
    member.replica.step(vote_request(2, 1, 1, (0, 0)))
    member.replica.ready()
    member.restart()
    assert (member.status.term, member.status.vote) == (0, None)
    answer = only(member.step(vote_request(3, 1, 1, (0, 0))), RequestVoteReply)
    assert answer.granted, "nobody had been told of the first one"
    assert NodeId(3) == member.status.vote
