"""The follower's side of replication, beside what `paper/` says of it."""

import msgspec
import pytest

from raftwerk.core.events import AppendRefused
from raftwerk.core.messages import (
    AppendEntriesRefusal,
    AppendEntriesReply,
    HeartbeatReply,
)
from raftwerk.core.roles import Role
from raftwerk.errors import InvariantViolation

from .member import ELECTION_TICKS, S3, Member, append_entries, heartbeat, only

HINTS = [
    # our log  the message's prev  refused index, hint index and term
    ([], (4, 2), (4, 0, 0)),
    ([1, 1], (4, 2), (4, 2, 1)),
    ([1, 1, 3, 3], (4, 2), (4, 2, 1)),
    ([3, 3, 3, 3], (4, 2), (4, 0, 0)),
    ([1, 2, 3, 3, 3], (3, 2), (3, 2, 2)),
]


@pytest.mark.parametrize(("log", "prev", "answer"), HINTS)
def test_refusal_says_where_the_logs_may_agree(
    log: list[int], prev: tuple[int, int], answer: tuple[int, int, int]
) -> None:
    follower = Member(2, log=log)
    sent = follower.step(append_entries(1, 2, term=5, prev=prev, terms=[5]))
    refusal = only(sent, AppendEntriesRefusal)
    assert (refusal.refused_index, refusal.hint_index, refusal.hint_term) == answer
    (event,) = [one for one in follower.events if isinstance(one, AppendRefused)]
    assert (event.prev_log_index, event.prev_log_term) == prev


def test_hint_below_a_snapshot_counts_as_a_place_that_may_agree() -> None:
    """Its term is not known there any more, and it is committed anyway."""
    follower = Member(2, log=[1, 2, 2, 2], term=5, commit=3)
    follower.compact()
    sent = follower.step(append_entries(1, 2, term=5, prev=(4, 1)))
    refusal = only(sent, AppendEntriesRefusal)
    assert (refusal.hint_index, refusal.hint_term) == (2, 0)


def test_append_below_the_commit_index_is_answered_with_that() -> None:
    follower = Member(2, log=[1, 1, 1], term=1, commit=2)
    sent = follower.step(append_entries(1, 2, term=1, prev=(1, 1), terms=[1, 1, 1]))
    assert only(sent, AppendEntriesReply).match_index == 2
    assert follower.log == [1, 1, 1], "its entries are not even looked at"


def test_commit_index_of_an_append_never_goes_beyond_what_it_vouches_for() -> None:
    follower = Member(2, log=[1, 1, 1], term=1)
    follower.step(append_entries(1, 2, term=2, prev=(1, 1), terms=[1], commit=9))
    assert follower.status.commit_index == 2


def test_heartbeat_that_names_what_is_not_there_stops_the_member() -> None:
    """A leader names what it knows to be stored here: so it was, and is lost."""
    follower = Member(2, log=[1], term=1)
    with pytest.raises(InvariantViolation, match="raftwerk member replace 2`"):
        follower.replica.step(heartbeat(1, 2, term=1, commit=2))


def test_heartbeat_is_answered_with_its_round_at_once() -> None:
    """It promises nothing that has to be durable."""
    follower = Member(2)
    beat = msgspec.structs.replace(heartbeat(1, 2, term=1), read_round=7)
    follower.replica.step(beat)
    ready = follower.replica.ready()
    assert only(ready.messages, HeartbeatReply).read_round == 7


@pytest.mark.parametrize("role", [Role.PRE_CANDIDATE, Role.CANDIDATE])
def test_who_stands_gives_up_for_a_leader_of_its_term_and_stores_what_it_says(
    role: Role,
) -> None:
    member = Member(1, pre_vote=role is Role.PRE_CANDIDATE, term=4)
    member.campaign()
    assert member.role is role
    term = member.status.term
    sent = member.step(append_entries(3, 1, term=term, terms=[1], commit=1))
    assert only(sent, AppendEntriesReply).match_index == 1
    assert (member.status.role, member.status.leader) == (Role.FOLLOWER, S3)
    assert member.applied == ["1.1"]


def test_learner_stores_and_applies_like_any_follower() -> None:
    learner = Member(4, voters=[1, 2, 3], learners=[4])
    learner.step(append_entries(1, 4, term=1, terms=[1, 1], commit=2))
    assert learner.applied == ["1.1", "1.2"]


def test_appends_put_off_an_election() -> None:
    follower = Member(2, log=[1], term=1)
    for prev in ((1, 1), (9, 1)):  # refused ones too: the leader lives
        follower.tick(ELECTION_TICKS - 1)
        follower.step(append_entries(1, 2, term=1, prev=prev))
    assert follower.role is Role.FOLLOWER
