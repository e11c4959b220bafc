"""What can't be meant is refused by name, with the reason, and changes nothing at all.

"Nothing" is checked on a dump of all that a replica remembers, events included.
"""

import functools
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from raftwerk.core.inputs import EntriesApplied, Propose, Tick
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    ForwardProposal,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    Proposal,
    ReadIndexReply,
    RequestPreVoteReply,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
    Transition,
)
from raftwerk.core.roles import Role
from raftwerk.errors import (
    InconsistentState,
    InvalidChange,
    MisuseError,
    NotLeader,
    PeerError,
    QueueFull,
    RaftwerkError,
    UnknownPeer,
)
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .member import (
    S1,
    S2,
    S3,
    Member,
    changes,
    entries_of,
    heartbeat,
    pre_vote_request,
    vote_request,
)

STRANGER = NodeId(9)


def dump(thing: Any) -> Any:
    """Return all that an object remembers, down to plain values, as a copy."""
    if isinstance(thing, msgspec.Struct):
        return msgspec.structs.astuple(thing)
    if isinstance(thing, Mapping):
        return {key: dump(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, deque)):
        return [dump(one) for one in thing]
    names = getattr(type(thing), "__slots__", None)
    if names is None or isinstance(thing, MemoryLog):
        return thing
    return {name: dump(getattr(thing, name)) for name in names if hasattr(thing, name)}


def assert_refused(
    member: Member, act: Callable[[], Any], kind: type[RaftwerkError], why: str
) -> None:
    """Check that an act raises just this, and that nothing changed."""
    before = dump(member.replica)
    with pytest.raises(kind, match=why) as refusal:
        act()
    assert refusal.type is kind, "and nothing more special"
    assert dump(member.replica) == before


def settled_leader(**settings: Any) -> Member:
    """Return a leader of three whose first entry is committed."""
    leader = Member(1, **settings)
    leader.lead()
    leader.acknowledge(2, 3)
    return leader


def test_dump_sees_what_changes() -> None:
    """A dump that saw nothing would make all of the following worthless."""
    leader = settled_leader()
    dumps = [dump(leader.replica)]
    for act in (
        lambda: leader.replica.step(Tick()),
        lambda: leader.propose(b"x"),
        lambda: leader.read_index(7),
        lambda: leader.acknowledge(2, match=2),
        lambda: leader.acknowledge(3),
    ):
        act()
        dumps.append(dump(leader.replica))
    assert all(one != other for one, other in zip(dumps, dumps[1:], strict=False))


# ---- messages of the wrong people -------------------------------------------


def answers_of(sender: NodeId) -> list[Message]:
    """Return all that only a member that was asked can say."""
    term = Term(1)
    return [
        AppendEntriesReply(
            sender=sender, receiver=S1, term=term, match_index=LogIndex(1)
        ),
        AppendEntriesRefusal(
            sender=sender,
            receiver=S1,
            term=term,
            refused_index=LogIndex(1),
            hint_index=LogIndex(0),
            hint_term=Term(0),
        ),
        HeartbeatReply(sender=sender, receiver=S1, term=term, read_round=1),
        RequestVoteReply(sender=sender, receiver=S1, term=term, granted=True),
        RequestPreVoteReply(sender=sender, receiver=S1, term=term, granted=True),
        ReadIndexReply(
            sender=sender, receiver=S1, term=term, read_index=LogIndex(1), context=1
        ),
    ]


@pytest.mark.parametrize("answer", answers_of(STRANGER), ids=lambda m: type(m).__name__)
def test_answer_of_a_stranger_is_refused(answer: Message) -> None:
    leader = settled_leader()
    assert_refused(
        leader,
        lambda: leader.step(answer),
        UnknownPeer,
        "came from member 9, which is not in the configuration of member 1",
    )


@pytest.mark.parametrize("answer", answers_of(STRANGER), ids=lambda m: type(m).__name__)
def test_answer_of_a_stranger_does_not_even_move_the_term(answer: Message) -> None:
    leader = settled_leader()
    newer = msgspec.structs.replace(answer, term=Term(7))
    assert_refused(leader, lambda: leader.step(newer), UnknownPeer, "member 9")


def test_message_for_another_member_is_refused() -> None:
    leader = settled_leader()
    for message in (
        *(msgspec.structs.replace(one, receiver=S2) for one in answers_of(S3)),
        vote_request(3, 2, 9, (9, 9)),
        ForwardProposal(sender=S3, receiver=S2, proposals=(Proposal(b"x"),)),
    ):
        assert_refused(
            leader,
            functools.partial(leader.step, message),
            MisuseError,
            "for member 2 was given to member 1",
        )


def leaders_words(sender: NodeId) -> list[Message]:
    """Return all that leaders and candidates say to member 1."""
    snapshot = Snapshot(LogIndex(9), Term(1), ConfState(voters=(S1, S2, S3)))
    return [
        AppendEntries(
            sender=sender,
            receiver=S1,
            term=Term(9),
            prev_log_index=LogIndex(0),
            prev_log_term=Term(0),
            commit_index=LogIndex(0),
        ),
        Heartbeat(sender=sender, receiver=S1, term=Term(9)),
        InstallSnapshot(sender=sender, receiver=S1, term=Term(9), snapshot=snapshot),
        TimeoutNow(sender=sender, receiver=S1, term=Term(9)),
        vote_request(sender, 1, 9, (9, 9)),
        pre_vote_request(sender, 1, 9, (9, 9)),
    ]


@pytest.mark.parametrize("sender", [0, 1])
def test_nobody_and_ourselves_ask_nothing_of_us(sender: int) -> None:
    member = Member(1)
    for message in leaders_words(NodeId(sender)):
        assert_refused(
            member,
            functools.partial(member.step, message),
            MisuseError,
            f"came from member {sender}; it must be another one",
        )


# ---- messages that the protocol forbids -------------------------------------


def raw_append(
    prev: tuple[int, int], entries: tuple[Entry, ...], term: int = 2
) -> AppendEntries:
    """Return an append of member 2 to member 1, however wrong."""
    return AppendEntries(
        sender=S2,
        receiver=S1,
        term=Term(term),
        prev_log_index=LogIndex(prev[0]),
        prev_log_term=Term(prev[1]),
        commit_index=LogIndex(0),
        entries=entries,
    )


FORBIDDEN = {
    "a gap before them": ((0, 0), entries_of([1], start=2)),
    "a gap among them": ((0, 0), (*entries_of([1]), *entries_of([1], start=3))),
    "a gap and one too often, so that both ends fit": (
        (0, 0),
        (*entries_of([1]), *entries_of([1], start=3), *entries_of([1], start=3)),
    ),
    "terms go back in between": ((0, 0), entries_of([1, 2, 1, 2])),
    "they begin too early": ((1, 1), entries_of([1], start=1)),
    "terms go back": ((0, 0), entries_of([2, 1])),
    "terms go back at their beginning": ((1, 2), entries_of([1], start=2)),
    "they are newer than their leader": ((0, 0), entries_of([3])),
}


@pytest.mark.parametrize(("prev", "entries"), FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_append_of_entries_that_are_no_log_is_blamed_on_its_sender(
    prev: tuple[int, int], entries: tuple[Entry, ...]
) -> None:
    member = Member(1, log=[1], term=1)
    assert_refused(
        member,
        lambda: member.step(raw_append(prev, entries)),
        PeerError,
        "member 2 sent entry . .* where entry . must follow, .*: indexes follow",
    )


IMPOSSIBLE = [
    # the configuration of a snapshot  at index  what is wrong with it
    (ConfState(voters=(S1, S2), learners=(S2,)), 9, "no learner is a voter"),
    (ConfState(voters=(S2, S1)), 9, "ascending"),
    (ConfState(), 9, "a group has voters"),
    (ConfState(voters=(S1, S2)), 0, "it must cover an entry"),
]


@pytest.mark.parametrize(("conf_state", "index", "why"), IMPOSSIBLE)
def test_snapshot_that_cannot_be_one_is_blamed_on_its_sender(
    conf_state: ConfState, index: int, why: str
) -> None:
    member = Member(1, log=[1], term=1)
    message = InstallSnapshot(
        sender=S2,
        receiver=S1,
        term=Term(2),
        snapshot=Snapshot(LogIndex(index), Term(1), conf_state),
    )
    assert_refused(member, lambda: member.step(message), PeerError, why)


def test_acknowledgement_of_what_the_leader_does_not_have_is_blamed() -> None:
    leader = settled_leader()
    status = leader.status

    def acknowledge() -> None:
        leader.acknowledge(2, match=status.last_log_index + 1)

    assert_refused(
        leader,
        acknowledge,
        PeerError,
        f"member 2 acknowledged entry {status.last_log_index + 1} to member 1, which",
    )


@pytest.mark.parametrize("kind", [Heartbeat, AppendEntries, InstallSnapshot])
def test_second_leader_of_a_term_is_blamed(kind: type[Message]) -> None:
    leader = settled_leader()
    (word,) = [one for one in leaders_words(S2) if isinstance(one, kind)]
    word = msgspec.structs.replace(word, term=leader.status.term)
    assert_refused(
        leader, lambda: leader.step(word), PeerError, "a term has one leader"
    )


# ---- proposals --------------------------------------------------------------


def test_empty_proposal_is_refused_by_every_role() -> None:
    follower, candidate = Member(1), Member(1)
    candidate.campaign()
    for member in (settled_leader(), follower, candidate):
        assert_refused(
            member,
            functools.partial(member.step, Propose(())),
            MisuseError,
            "a proposal of no entries was made; propose at least one",
        )
        forwarded = ForwardProposal(sender=S2, receiver=S1, proposals=())
        assert_refused(
            member, functools.partial(member.step, forwarded), MisuseError, "no entries"
        )


@pytest.mark.parametrize("kind", [EntryKind.CONF_CHANGE, EntryKind.SIMPLE_CHANGE])
@pytest.mark.parametrize(
    "data", [b"\xff", b"junk", b"\x93\x91\x92\x07\x04\x00\xc4\x00"]
)
def test_change_that_cannot_be_read_is_refused_before_anything_of_its_batch(
    kind: EntryKind, data: bytes
) -> None:
    """An entry like that, once committed, would stop every member for ever."""
    follower = Member(2)
    follower.step(heartbeat(3, 2, term=1))
    for member in (settled_leader(), follower):
        batch = (Proposal(b"x"), Proposal(data, kind))
        assert_refused(
            member,
            functools.partial(member.step, Propose(batch)),
            InvalidChange,
            "are no membership change: .*; propose what ConfChange.encode returns",
        )


def propose_change(member: Member, change: ConfChange) -> None:
    """Propose a membership change as it is."""
    member.step(Propose((Proposal(change.encode(), EntryKind.CONF_CHANGE),)))


UNFIT = [
    # a change of the group 1, 2, 3  why it is refused
    (changes("r1 r2 r3"), "removed all voters"),
    (changes("l1 l2 l3", Transition.JOINT_EXPLICIT), "removed all voters"),
]


@pytest.mark.parametrize(("change", "why"), UNFIT)
def test_change_that_could_never_be_applied_is_refused(
    change: ConfChange, why: str
) -> None:
    leader = settled_leader()
    assert_refused(leader, lambda: propose_change(leader, change), InvalidChange, why)


def test_last_voter_cannot_be_removed() -> None:
    leader = Member(1, voters=[1])
    leader.campaign()
    assert leader.role is Role.LEADER
    assert_refused(
        leader,
        lambda: propose_change(leader, changes("r1")),
        InvalidChange,
        "removed all voters",
    )


def test_change_of_nobody_that_asks_for_a_joint_configuration_ends_none() -> None:
    """Only the empty change leaves; this one would be refused when it is applied."""
    leader = settled_leader()
    propose_change(leader, changes("v4 r3", Transition.JOINT_EXPLICIT))
    leader.acknowledge(2, 3)
    assert_refused(
        leader,
        lambda: propose_change(leader, changes("", Transition.JOINT_EXPLICIT)),
        InvalidChange,
        "config is already joint",
    )


def test_change_that_cannot_be_applied_is_refused_at_application_too() -> None:
    """Where the gate at proposal is off."""
    member = Member(1)
    for change, why in (
        (ConfChange(), "can't leave a non-joint config"),
        (changes("r1 r2 r3"), "removed all voters"),
    ):
        assert_refused(
            member,
            functools.partial(member.replica.apply_conf_change, change),
            InvalidChange,
            why,
        )


def test_refused_proposal_changes_nothing_but_the_events() -> None:
    """`NotProposed` promises that nothing happened: it is safe to try again."""
    leader = settled_leader(uncommitted_bytes_max=3)
    leader.propose(b"xyz")
    change = Proposal(ConfChange().encode(), EntryKind.CONF_CHANGE)
    assert_refused(
        leader,
        lambda: leader.step(Propose((change, Proposal(b"more")))),
        QueueFull,
        "3 bytes wait for a quorum; 4 more would exceed uncommitted_bytes_max",
    )
    follower = Member(1)
    before = dump(follower.replica.state.log)
    with pytest.raises(NotLeader, match="member 1 knows no leader in term 0"):
        follower.propose(b"x")
    assert dump(follower.replica.state.log) == before
    assert not follower.replica.has_ready()


# ---- the driver's own calls -------------------------------------------------


def test_second_ready_before_advance_is_refused() -> None:
    member = Member(1)
    member.replica.step(vote_request(2, 1, 1, (0, 0)))
    member.replica.ready()
    assert_refused(
        member, member.replica.ready, MisuseError, "call advance before the next ready"
    )


def test_advance_without_ready_is_refused() -> None:
    for member in (Member(1), Member(1, asynchronous_storage=True)):
        assert_refused(
            member, member.replica.advance, MisuseError, "advance follows a ready"
        )


def test_advance_has_no_place_where_storage_is_asynchronous() -> None:
    member = Member(1, asynchronous_storage=True)
    member.replica.step(vote_request(2, 1, 1, (0, 0)))
    member.replica.ready()
    assert_refused(member, member.replica.advance, MisuseError, "in synchronous mode")


def test_more_cannot_be_applied_than_was_handed_out() -> None:
    member = Member(1, log=[1, 1], term=1, commit=1)
    assert_refused(
        member,
        lambda: member.step(EntriesApplied(LogIndex(2))),
        MisuseError,
        "up to 2 were reported as applied; member 1 has handed out those up to 1",
    )


def test_time_does_not_go_back() -> None:
    member = Member(1)
    assert_refused(
        member, lambda: member.step(Tick(-1)), MisuseError, "-1 ticks were counted"
    )


@pytest.mark.parametrize("thing", [None, "tick", HardState(), Tick])
def test_what_is_no_input_is_refused(thing: Any) -> None:
    member = Member(1)
    assert_refused(
        member,
        lambda: member.replica.step(thing),
        MisuseError,
        "it takes the messages of core.messages and the inputs of core.inputs",
    )


def test_unknown_node_is_kept_apart_from_an_unknown_change() -> None:
    """Each misuse has a type of its own, and all are `MisuseError`."""
    for kind in (UnknownPeer, InvalidChange, InconsistentState):
        assert issubclass(kind, MisuseError)
    assert not issubclass(PeerError, MisuseError), "that is not the caller's doing"


def test_id_zero_names_nobody_in_a_change() -> None:
    """It stands for a change that was taken back; as in etcd."""
    leader = settled_leader()
    before = leader.status.conf_state
    nobody = ConfChange((Change(ChangeKind.ADD_VOTER, NodeId(0)),))
    propose_change(leader, nobody)
    leader.acknowledge(2, 3)
    assert leader.status.conf_state == before
