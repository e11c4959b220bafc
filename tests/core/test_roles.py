"""The table of roles against what members do: no arrow is missing, and none is idle."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raftwerk.core import become
from raftwerk.core.inputs import (
    Campaign,
    ForgetLeader,
    Input,
    ReadIndex,
    ReportSnapshot,
    ReportUnreachable,
    StepDown,
    Tick,
    TransferLeadership,
)
from raftwerk.core.messages import (
    AppendEntriesRefusal,
    AppendEntriesReply,
    ForwardProposal,
    ForwardReadIndex,
    ForwardTransfer,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    Proposal,
    ReadIndexReply,
    RequestPreVoteReply,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.core.roles import TRANSITIONS, Cause, Role, next_role
from raftwerk.errors import InvariantViolation, NotProposed, PeerError
from raftwerk.types import LogIndex, NodeId, Term

from .member import (
    ELECTION_TICKS,
    S1,
    S2,
    S3,
    Member,
    append_entries,
    changes,
    heartbeat,
    pre_vote_request,
    vote_request,
)

FOLLOWER, PRE, CANDIDATE, LEADER = Role
TERM = 5
"""The term of each member when something happens to it."""

IDLE = {
    # A follower that hears of its leader stays what it is, and nothing is reset.
    (FOLLOWER, Cause.LEADER_SEEN),
}
"""Arrows that stand in the table for the diagram alone."""

Arrow = tuple[Role, Cause]


def member_in(role: Role, **settings: Any) -> Member:
    """Return a member in a role, in term 5."""
    before = TERM if role in (FOLLOWER, PRE) else TERM - 1
    member = Member(1, log=[1, 1], term=before, **settings)
    if role is PRE:
        member.campaign()
    elif role is CANDIDATE:
        stand(member)
    elif role is LEADER:
        stand(member)
        member.step(vote_of(2))
    assert (member.role, member.status.term) == (role, TERM)
    return member


def stand(member: Member) -> None:
    """Have a member stand, by way of a pre-vote where that is on."""
    member.campaign()
    if member.role is PRE:
        for sender in (2, 3):
            member.step(opinion_of(sender))


def vote_of(sender: int, term: int = TERM, granted: bool = True) -> RequestVoteReply:
    """Return a vote."""
    return RequestVoteReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), granted=granted
    )


def opinion_of(
    sender: int, term: int = TERM, granted: bool = True
) -> RequestPreVoteReply:
    """Return an opinion."""
    return RequestPreVoteReply(
        sender=NodeId(sender), receiver=S1, term=Term(term), granted=granted
    )


def messages_of(term: int) -> Iterator[Message]:
    """Yield one message of each kind, and those that may go either way both ways."""
    ends: dict[str, Any] = {"sender": S2, "receiver": S1, "term": Term(term)}
    three = ConfState(voters=(S1, S2, S3))
    for granted in (True, False):
        yield vote_of(2, term, granted)
        yield opinion_of(2, term, granted)
    yield vote_request(2, 1, term, (9, 9))
    yield vote_request(2, 1, term, (0, 0))
    yield vote_request(2, 1, term, (9, 9), is_transfer=True)
    yield pre_vote_request(2, 1, term, (9, 9))
    yield pre_vote_request(2, 1, term, (0, 0))
    yield append_entries(2, 1, term, (2, 1), [term], commit=1)
    yield append_entries(2, 1, term, (9, 1))
    yield heartbeat(2, 1, term)
    yield InstallSnapshot(**ends, snapshot=Snapshot(LogIndex(9), Term(2), three))
    yield TimeoutNow(**ends)
    yield AppendEntriesReply(**ends, match_index=LogIndex(2))
    yield AppendEntriesRefusal(
        **ends,
        refused_index=LogIndex(2),
        hint_index=LogIndex(1),
        hint_term=Term(1),
    )
    yield HeartbeatReply(**ends, read_round=1)
    yield ReadIndexReply(**ends, read_index=LogIndex(1), context=1)
    yield ForwardTransfer(**ends, transferee=S3)
    yield ForwardProposal(sender=S2, receiver=S1, proposals=(Proposal(b"x"),))
    yield ForwardReadIndex(sender=S2, receiver=S1, context=1)


def everything() -> Iterator[Input]:
    """Yield all that can happen to a member in term 5."""
    for term in (TERM - 1, TERM, TERM + 1, TERM + 9):
        yield from messages_of(term)  # type: ignore[misc]  # each is an input
    yield Campaign()
    yield ForgetLeader()
    yield StepDown()
    yield ReadIndex(1)
    yield ReportSnapshot(S2, True)
    yield ReportUnreachable(S2)
    yield TransferLeadership(S2)
    for ticks in (1, ELECTION_TICKS, 5 * ELECTION_TICKS):
        yield Tick(ticks)


SETTINGS = [
    {"pre_vote": pre_vote, "check_quorum": check_quorum}
    for pre_vote in (False, True)
    for check_quorum in (False, True)
]


CASES = [
    (role, settings)
    for settings in SETTINGS
    for role in Role
    if role is not PRE or settings["pre_vote"]
]


def live(role: Role, settings: dict[str, bool]) -> None:
    """Have everything happen to members in a role, each one thing after another."""
    for event in everything():
        member = member_in(role, **settings)
        for again in (event, event, Tick(2 * ELECTION_TICKS), event):
            try:
                member.step(again)
            except (NotProposed, PeerError):
                pass  # A second leader of the term, or nobody to take a proposal.


def end_of_leadership(**settings: Any) -> None:
    """Have a leader removed."""
    leader = member_in(LEADER, **settings)
    leader.replica.apply_conf_change(changes("r1"))


@pytest.mark.parametrize(("role", "settings"), CASES)
def test_nothing_leads_where_the_table_has_no_arrow(
    role: Role, settings: dict[str, bool]
) -> None:
    """A missing arrow raises `InvariantViolation`, and that would end the member."""
    live(role, settings)


def test_each_arrow_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody takes would be a wrong picture of the algorithm."""
    taken: set[Arrow] = set()

    def take(role: Role, cause: Cause) -> Role:
        taken.add((role, cause))
        return next_role(role, cause)

    monkeypatch.setattr(become, "next_role", take)
    for role, settings in CASES:
        live(role, settings)
    for settings in SETTINGS:
        end_of_leadership(**settings)
    # A lost election: two refusals.
    for make, role in ((vote_of, CANDIDATE), (opinion_of, PRE)):
        member = member_in(role, pre_vote=role is PRE)
        refuse: Callable[..., Message] = make
        for sender in (2, 3):
            member.step(refuse(sender, TERM, granted=False))
        assert member.role is FOLLOWER
    arrows = {(role, cause) for role, causes in TRANSITIONS.items() for cause in causes}
    assert taken == arrows - IDLE


def test_missing_arrow_says_what_cannot_happen_to_whom() -> None:
    with pytest.raises(InvariantViolation, match="VOTE_WON cannot happen to a FOLLOW"):
        next_role(FOLLOWER, Cause.VOTE_WON)
    with pytest.raises(InvariantViolation, match="LEADER_SEEN cannot happen to a LEAD"):
        next_role(LEADER, Cause.LEADER_SEEN)


def test_only_candidates_become_leaders() -> None:
    """Fig. 4: there is one way to leadership, and it leads through an election."""
    ways = [
        (role, cause)
        for role, causes in TRANSITIONS.items()
        for cause, after in causes.items()
        if after is LEADER
    ]
    assert ways == [(CANDIDATE, Cause.VOTE_WON)]


def test_every_role_can_be_entered_and_left() -> None:
    after = {role for causes in TRANSITIONS.values() for role in causes.values()}
    assert after == set(Role) == set(TRANSITIONS)
