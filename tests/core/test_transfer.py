"""Handing leadership over: what is told, what ends it; the rules are in `paper/`."""

from raftwerk.core.events import (
    ProgressMissing,
    TimeoutNowSent,
    TransferAborted,
    TransferBlockedProposal,
    TransferDropped,
    TransferStarted,
)
from raftwerk.core.inputs import (
    ReportUnreachable,
    StepDown,
    Tick,
    TransferLeadership,
)
from raftwerk.core.messages import ForwardTransfer, TimeoutNow
from raftwerk.core.roles import Role
from raftwerk.errors import NotProposed
from raftwerk.types import NodeId, Term

from .cluster import Cluster
from .member import S1, S2, S3, Member, heartbeat, of_kind, only


def settled_leader() -> Member:
    """Return a leader of three whose first entry all store."""
    leader = Member(1)
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def test_order_tells_whether_it_was_given_at_once() -> None:
    for lags in (False, True):
        leader = settled_leader()
        if lags:
            leader.propose(b"x")
        leader.step(TransferLeadership(S2))
        leader.acknowledge(2)
        started = [one for one in leader.events if isinstance(one, TransferStarted)]
        ordered = [one for one in leader.events if isinstance(one, TimeoutNowSent)]
        assert [one.transferee for one in started] == [S2]
        assert [one.at_once for one in ordered] == [not lags]


def test_order_is_given_once_for_each_time_that_the_target_is_found_complete() -> None:
    """A lost order is not repeated by itself: the transfer is given up then."""
    leader = settled_leader()
    leader.propose(b"x")
    leader.step(TransferLeadership(S2))
    assert of_kind(leader.acknowledge(2), TimeoutNow)
    assert not of_kind(leader.acknowledge(2), TimeoutNow)


def test_transfer_that_is_given_up_is_told() -> None:
    leader = settled_leader()
    leader.step(TransferLeadership(S2))
    leader.step(Tick(10))
    assert leader.status.transferee is None
    aborted = [one for one in leader.events if isinstance(one, TransferAborted)]
    assert [one.transferee for one in aborted] == [S2]


def test_newer_wish_gives_up_the_older_one_and_that_is_told() -> None:
    leader = settled_leader()
    leader.step(TransferLeadership(S2))
    leader.step(TransferLeadership(S3))
    aborted = [one for one in leader.events if isinstance(one, TransferAborted)]
    assert [one.transferee for one in aborted] == [S2]
    assert leader.status.transferee == S3


def test_wish_of_one_who_knows_no_leader_is_dropped_and_that_is_told() -> None:
    member = Member(2)
    assert not member.step(TransferLeadership(S3))
    assert isinstance(member.events[-1], TransferDropped)


def test_stranger_is_no_target_and_that_is_told() -> None:
    leader = settled_leader()
    assert not leader.step(TransferLeadership(NodeId(9)))
    assert isinstance(leader.events[-1], ProgressMissing)
    assert leader.status.transferee is None


def test_refused_proposal_tells_to_whom_leadership_goes() -> None:
    leader = settled_leader()
    leader.step(TransferLeadership(S2))
    try:
        leader.propose(b"x")
    except NotProposed:
        leader.run()
    event = leader.events[-1]
    assert isinstance(event, TransferBlockedProposal)
    assert event.transferee == S2


def test_wish_that_a_follower_hands_on_names_whom_it_is_about() -> None:
    follower = Member(2)
    follower.step(heartbeat(1, 2, term=4))
    wish = only(follower.step(TransferLeadership(S3)), ForwardTransfer)
    assert (wish.receiver, wish.term, wish.transferee) == (S1, 4, S3)


def test_wish_of_an_older_term_is_not_followed() -> None:
    leader = settled_leader()
    stale = ForwardTransfer(sender=S2, receiver=S1, term=Term(0), transferee=S3)
    leader.step(stale)
    assert leader.status.transferee is None


def test_candidate_has_nothing_to_hand_over() -> None:
    candidate = Member(1)
    candidate.campaign()
    assert not candidate.step(TransferLeadership(S2))


def test_stepping_down_ends_a_transfer() -> None:
    leader = settled_leader()
    leader.step(TransferLeadership(S2))
    leader.step(heartbeat(3, 1, term=9))
    assert leader.status.transferee is None


def test_target_is_brought_up_even_if_it_was_unreachable() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x", cut=[3])
    leader.step(ReportUnreachable(S3))
    cluster.send(leader.step(TransferLeadership(S3)))
    cluster.deliver()
    assert cluster.leader is cluster[3]
    assert cluster[3].applied == ["x"]


def test_a_leader_that_is_told_to_steps_down_in_its_term_and_keeps_its_vote() -> None:
    leader = settled_leader()
    term = leader.status.term
    leader.step(StepDown())
    status = leader.status
    assert (status.role, status.term, status.leader) == (Role.FOLLOWER, term, None)
    assert status.vote == S1, "so that nobody else can lead in this term"


def test_nobody_else_cares_for_an_order_to_step_down() -> None:
    follower = Member(1)
    before = follower.status
    follower.step(StepDown())
    assert follower.status == before
