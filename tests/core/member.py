"""One member of the core with its store and its state machine, driven by hand.

Nothing happens by itself: each call tells the replica one thing, does all that its
`Ready` asks for, and returns the messages that leave. So a test reads like the paper:
who is told what, and what is answered.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from raftwerk.core.config import CoreConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import Campaign, Input, Propose, ReadIndex, Tick
from raftwerk.core.invariants import check_all
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Heartbeat,
    Message,
    PeerMessage,
    Proposal,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.ready import AppendOrder, ApplyOrder, ReadState, Ready
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
from raftwerk.core.replica import Replica, Status
from raftwerk.core.roles import Role
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "Member",
    "S1",
    "S2",
    "S3",
    "S4",
    "S5",
    "append_entries",
    "bootstrap",
    "changes",
    "entries_of",
    "heartbeat",
    "only",
    "of_kind",
    "pre_vote_request",
    "vote_request",
]

S1, S2, S3, S4, S5 = (NodeId(number) for number in range(1, 6))
"""Members, by their names in the paper's figures."""

ELECTION_TICKS = 10
"""The least election timeout in these tests; heartbeats come every tick."""

SETTINGS = {
    "election_ticks_min": ELECTION_TICKS,
    "election_ticks_max": 2 * ELECTION_TICKS - 1,
    "heartbeat_ticks": 1,
    # The plain algorithm of the paper; a test that is about more switches it on.
    "pre_vote": False,
    "check_quorum": False,
}

_M = TypeVar("_M", bound=Message)
_LETTERS = {
    "v": ChangeKind.ADD_VOTER,
    "l": ChangeKind.ADD_LEARNER,
    "r": ChangeKind.REMOVE,
    "u": ChangeKind.UPDATE,
}


# ---- values, from plain numbers ---------------------------------------------


def entries_of(terms: Iterable[int], start: int = 1) -> tuple[Entry, ...]:
    """Return entries with these terms, from `start` on; data tells them apart."""
    return tuple(
        Entry(Term(term), LogIndex(index), f"{term}.{index}".encode())
        for index, term in enumerate(terms, start)
    )


def bootstrap(voters: Iterable[int], learners: Iterable[int] = ()) -> Snapshot:
    """Return what a group begins with, where new members are to join: a snapshot."""
    conf_state = ConfState(
        voters=tuple(map(NodeId, voters)), learners=tuple(map(NodeId, learners))
    )
    return Snapshot(LogIndex(1), Term(1), conf_state)


def changes(text: str, transition: Transition = Transition.AUTO) -> ConfChange:
    """Return the change that a text like ``v1 l2 r3`` names."""
    return ConfChange(
        tuple(
            Change(_LETTERS[word[0]], NodeId(int(word[1:]))) for word in text.split()
        ),
        transition,
    )


def vote_request(
    sender: int, receiver: int, term: int, last: tuple[int, int], **fields: bool
) -> RequestVote:
    """Return a candidate's request; `last` is index and term of its last entry."""
    return RequestVote(
        sender=NodeId(sender),
        receiver=NodeId(receiver),
        term=Term(term),
        last_log_index=LogIndex(last[0]),
        last_log_term=Term(last[1]),
        **fields,
    )


def pre_vote_request(
    sender: int, receiver: int, term: int, last: tuple[int, int]
) -> RequestPreVote:
    """Return a pre-candidate's request; `term` is the one that it would stand in."""
    return RequestPreVote(
        sender=NodeId(sender),
        receiver=NodeId(receiver),
        term=Term(term),
        last_log_index=LogIndex(last[0]),
        last_log_term=Term(last[1]),
    )


def append_entries(
    sender: int,
    receiver: int,
    term: int,
    prev: tuple[int, int] = (0, 0),
    terms: Iterable[int] = (),
    commit: int = 0,
) -> AppendEntries:
    """Return a leader's append; `prev` is index and term before the new entries."""
    return AppendEntries(
        sender=NodeId(sender),
        receiver=NodeId(receiver),
        term=Term(term),
        prev_log_index=LogIndex(prev[0]),
        prev_log_term=Term(prev[1]),
        commit_index=LogIndex(commit),
        entries=entries_of(terms, prev[0] + 1),
    )


def heartbeat(sender: int, receiver: int, term: int, commit: int = 0) -> Heartbeat:
    """Return a leader's heartbeat."""
    return Heartbeat(
        sender=NodeId(sender),
        receiver=NodeId(receiver),
        term=Term(term),
        commit_index=LogIndex(commit),
    )


def of_kind(messages: Iterable[Message], kind: type[_M]) -> list[_M]:
    """Return the messages of one kind."""
    return [message for message in messages if isinstance(message, kind)]


def only(messages: Iterable[Message], kind: type[_M]) -> _M:
    """Return the one message of this kind, and fail unless there is just one."""
    found = of_kind(messages, kind)
    assert len(found) == 1, f"one {kind.__name__}, not {found}"
    return found[0]


# ---- a member ---------------------------------------------------------------


class Member:
    """A replica with a log in memory and a state machine that keeps what it is given.

    Parameters
    ----------
    node_id : int
        Who.
    voters, learners : sequence of int
        The configuration that it starts with.
    log : sequence of int
        The terms of its entries, from index 1 on.
    term, vote, commit : int
        Its hard state; the term is at least that of the last entry.
    snapshot : Snapshot, optional
        What its log begins behind; it brings the configuration then.
    draw : callable
        Where election timeouts come from: always the least one, if nothing is said.
    settings
        Of `CoreConfig`, where they differ from `SETTINGS`.
    """

    def __init__(  # pylint: disable=too-many-arguments # each names what a test is about
        self,
        node_id: int,
        voters: Sequence[int] = (1, 2, 3),
        *,
        learners: Sequence[int] = (),
        log: Sequence[int] = (),
        term: int = 0,
        vote: int | None = None,
        commit: int = 0,
        snapshot: Snapshot | None = None,
        draw: Callable[[int], int] = lambda bound: 0,
        **settings: Any,
    ) -> None:
        if snapshot is None:
            snapshot = Snapshot(
                conf_state=ConfState(
                    voters=tuple(map(NodeId, voters)),
                    learners=tuple(map(NodeId, learners)),
                )
            )
        self.store = MemoryLog(snapshot)
        self._draw = draw
        self._config = CoreConfig(
            node_id=NodeId(node_id),
            applied_index=snapshot.index,
            **(SETTINGS | settings),
        )
        if log or term or commit:
            hard_state = HardState(
                Term(max([term, *log])),
                None if vote is None else NodeId(vote),
                LogIndex(max(commit, snapshot.index)),
            )
            self.store.append(hard_state, entries_of(log, snapshot.index + 1))
            self.store.sync()
        self._start()

    def _start(self) -> None:
        """Make a replica of what is stored, and apply what is known as committed."""
        self.replica = Replica(self._config, self.store, self._draw)
        self.events: list[Event] = []
        self.readies: list[Ready] = []
        self.read_states: list[ReadState] = []
        self.append_orders: deque[AppendOrder] = deque()
        self.apply_orders: deque[ApplyOrder] = deque()
        data = self.store.snapshot().data.decode()
        self.applied: list[str] = data.split()
        self.run()

    def restart(self, **settings: Any) -> None:
        """Cut the power, and start again from what is durable."""
        self.store = self.store.crash()
        self._config = msgspec.structs.replace(
            self._config, applied_index=self.store.snapshot().index, **settings
        )
        self._start()

    # ---- what it is ---------------------------------------------------------

    @property
    def status(self) -> Status:
        """What it says of itself."""
        return self.replica.status()

    @property
    def role(self) -> Role:
        """Its role."""
        return self.status.role

    @property
    def log(self) -> list[int]:
        """The terms of all its entries, stored or not."""
        log = self.replica.state.log
        stop = LogIndex(log.last_index + 1)
        return [entry.term for entry in log.read(log.first_index, stop, 2**62)]

    # ---- what it is told ----------------------------------------------------

    def step(self, event: Input | Message) -> list[PeerMessage]:
        """Tell it something, do what it asks for, and return what leaves."""
        try:
            self.replica.step(event)
        finally:
            check_all(self.replica.state)
        return self.run()

    def tick(self, count: int = 1) -> list[PeerMessage]:
        """Let time pass, tick by tick."""
        return [message for _ in range(count) for message in self.step(Tick())]

    def campaign(self) -> list[PeerMessage]:
        """Have it stand for election."""
        return self.step(Campaign())

    def propose(self, *data: bytes) -> list[PeerMessage]:
        """Propose commands, as one batch."""
        return self.step(Propose(tuple(Proposal(one) for one in data)))

    def propose_change(
        self, text: str, transition: Transition = Transition.AUTO
    ) -> list[PeerMessage]:
        """Propose a membership change; an empty text leaves a joint configuration."""
        change = changes(text, transition)
        proposal = Proposal(change.encode(), EntryKind.CONF_CHANGE)
        return self.step(Propose((proposal,)))

    def read_index(self, context: int) -> list[PeerMessage]:
        """Ask for an index from which a read is linearizable."""
        return self.step(ReadIndex(context))

    def lead(self) -> list[PeerMessage]:
        """Have it stand and win, with all votes that are needed; return its appends."""
        sent = self.campaign()
        for voter in self.replica.state.tracker.voter_ids * 2:
            term = self.status.term
            if voter == self.status.node_id:
                continue
            if self.role is Role.PRE_CANDIDATE:
                sent = self.step(_grant(RequestPreVoteReply, voter, self, term + 1))
            elif self.role is Role.CANDIDATE:
                sent = self.step(_grant(RequestVoteReply, voter, self, term))
        assert self.role is Role.LEADER
        return sent

    def acknowledge(self, *senders: int, match: int | None = None) -> list[PeerMessage]:
        """Have a leader hear that others store its log, or its beginning."""
        index = self.status.last_log_index if match is None else LogIndex(match)
        sent: list[PeerMessage] = []
        for sender in senders:
            sent += self.step(
                AppendEntriesReply(
                    sender=NodeId(sender),
                    receiver=self.status.node_id,
                    term=self.status.term,
                    match_index=index,
                )
            )
        return sent

    # ---- what it asks for ---------------------------------------------------

    def run(self) -> list[PeerMessage]:
        """Do all that it asks for, and return what leaves; orders are only queued."""
        sent: list[PeerMessage] = []
        while self.replica.has_ready():
            sent += self.do_ready()
        self._check()
        return sent

    def do_ready(self) -> list[PeerMessage]:
        """Do one `Ready`, and return what leaves."""
        ready = self.replica.ready()
        self.readies.append(ready)
        self.read_states += ready.read_states
        sent = [*ready.messages]
        if self._config.asynchronous_storage:
            if ready.append is not None:
                self.append_orders.append(ready.append)
            if ready.apply is not None:
                self.apply_orders.append(ready.apply)
            return sent
        self._store(ready)
        sent += ready.messages_after_sync
        self._apply(ready.committed)
        self.replica.advance()
        return sent

    def do_append(self) -> list[PeerMessage]:
        """Do the oldest order to append, and return what leaves then."""
        order = self.append_orders.popleft()
        self._store(order)
        own = [
            reply for reply in order.replies if reply.receiver == self.status.node_id
        ]
        for reply in own:
            self.replica.step(reply)
        if order.done is not None:
            self.replica.step(order.done)
        others = [reply for reply in order.replies if reply not in own]
        return [*others, *self.run()]

    def do_apply(self) -> list[PeerMessage]:
        """Do the oldest order to apply, and return what leaves then."""
        order = self.apply_orders.popleft()
        # A snapshot may have overtaken the order.
        index = self.store.snapshot().index
        self._apply([entry for entry in order.entries if entry.index > index])
        self.replica.step(order.done)
        return self.run()

    def do_orders(self) -> list[PeerMessage]:
        """Do all orders, and return what leaves then."""
        sent: list[PeerMessage] = []
        while self.append_orders or self.apply_orders:
            sent += self.do_append() if self.append_orders else self.do_apply()
        return sent

    def _store(self, write: Ready | AppendOrder) -> None:
        """Write what is asked for, and sync where that is asked for."""
        if write.snapshot is not None:
            self.store.install(write.snapshot)
            self.applied = write.snapshot.data.decode().split()
        self.store.append(write.hard_state, write.entries)
        if write.must_sync or write.snapshot is not None:
            self.store.sync()

    def _apply(self, entries: Sequence[Entry]) -> None:
        """Give committed entries to the state machine, and changes to the replica."""
        for entry in entries:
            if entry.kind is not EntryKind.COMMAND:
                self.replica.apply_conf_change(ConfChange.decode(entry.data))
            elif entry.data:
                self.applied.append(entry.data.decode())

    def compact(self, index: int | None = None) -> Snapshot:
        """Keep what is applied as a snapshot, and drop the log up to an index."""
        status = self.status
        snapshot = Snapshot(
            status.applied_index,
            self.store.term(status.applied_index),
            status.conf_state,
            " ".join(self.applied).encode(),
        )
        keep = 0 if index is None else status.applied_index - index
        self.store.compact(snapshot, keep)
        self.store.sync()
        return snapshot

    def _check(self) -> None:
        """Check what a member can know of itself, and collect what happened."""
        check_all(self.replica.state)
        self.events += self.replica.take_events()


def _grant(
    kind: type[RequestVoteReply] | type[RequestPreVoteReply],
    sender: NodeId,
    candidate: Member,
    term: int,
) -> RequestVoteReply | RequestPreVoteReply:
    """Return a vote for a candidate, or the opinion that it would get one."""
    return kind(
        sender=sender,
        receiver=candidate.status.node_id,
        term=Term(term),
        granted=True,
    )
