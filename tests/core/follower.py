"""A follower beside a naive reading of the paper, told all that any leader may say.

Our own leader never sends some of what Fig. 2 and §7 allow, and a follower that is
wrong there would pass for right. Here the leaders are no replicas: each has a log as
§5.4 allows, and sends any stretch of it, in any order, again and again. After each
message the follower must have the log, the commit index and the answer that the paper
says.
"""

from collections import deque

import msgspec

from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesRefusal,
    AppendEntriesReply,
    InstallSnapshot,
    PeerMessage,
)
from raftwerk.core.records import Snapshot
from raftwerk.errors import InvariantViolation, RaftwerkError
from raftwerk.host.draw import SplitMix64
from raftwerk.types import LogIndex, NodeId, Term

from .group.properties import Property, Violation, demand
from .member import Member, append_entries, bootstrap, heartbeat

__all__ = ["check_follower"]

_MEMBERS = (1, 2, 3, 4, 5)
_FOLLOWER = 2
_LEADERS = (1, 3, 4, 5)


class Leader(msgspec.Struct):
    """One term's leader: whatever it says, it says from this."""

    node_id: int
    term: int
    log: list[int]
    """The term of each entry, from index 1 on."""
    commit: int


class Naive(msgspec.Struct):
    """What Fig. 2 and §7 make of a follower; a log is a list of terms."""

    term: int = 0
    log: list[int] = []
    first: int = 1
    commit: int = 0
    matched: int = 0
    """How far it has told the leader of its term that their logs agree."""

    def hear(self, leader: Leader) -> bool:
        """Follow a newer term; return whether the message counts (§5.1)."""
        if leader.term > self.term:
            self.term, self.matched = leader.term, 0
        return leader.term == self.term

    def append(self, prev: int, prev_term: int, terms: list[int], commit: int) -> int:
        """Do as Fig. 2 says, and return the match index, or -1 for a refusal."""
        if prev < self.commit:
            # What is committed is equal everywhere: said at once (etcd).
            self.matched = max(self.matched, self.commit)
            return self.commit
        if prev > len(self.log) or (prev and self.log[prev - 1] != prev_term):
            return -1
        for index, term in enumerate(terms, prev + 1):
            if index <= len(self.log) and self.log[index - 1] != term:
                del self.log[index - 1 :]
            if index > len(self.log):
                self.log.append(term)
        self.commit = max(self.commit, min(commit, prev + len(terms)))
        self.matched = max(self.matched, prev + len(terms))
        return prev + len(terms)

    def install(self, index: int, log: list[int]) -> int:
        """Do as §7 says, and return the match index."""
        if index > self.commit:
            self.commit = index
            if index > len(self.log) or self.log[index - 1] != log[index - 1]:
                self.log = log[:index]
                self.first = index + 1
        self.matched = max(self.matched, self.commit)
        return self.commit


def check_follower(seed: int) -> None:
    """Let one follower hear some leaders, and compare it after each message.

    Parameters
    ----------
    seed : int
        What decides everything.

    Raises
    ------
    Violation
        If it does otherwise than the paper says.
    """
    Play(SplitMix64(seed)).run()


class Play:
    """One run.

    Parameters
    ----------
    draw : SplitMix64
        What decides.
    """

    def __init__(self, draw: SplitMix64) -> None:
        self._draw = draw
        self._naive = Naive(log=[])
        self._member = Member(
            _FOLLOWER, _MEMBERS, asynchronous_storage=bool(draw.below(2))
        )
        # How likely a disk gets on between two messages, in thirds.
        self._haste = draw.below(3)
        self._leaders: list[Leader] = []
        self._committed: list[int] = []
        self._answers: deque[tuple[AppendEntries | None, int]] = deque()

    def run(self) -> None:
        """Have leader after leader, each with some messages."""
        for term in range(1, 2 + self._draw.below(5)):
            self._elect(term)
            for _ in range(1 + self._draw.below(10)):
                try:
                    self._say_something()
                except InvariantViolation as error:
                    raise Violation(Property.INVARIANT, str(error)) from error
                except RaftwerkError as error:
                    raise Violation(Property.NO_COMPLAINT, repr(error)) from error
        self._take(self._member.do_orders())
        self._compare()
        demand(not self._answers, Property.FOLLOWER, f"no answers: {self._answers}")

    # ---- leaders ------------------------------------------------------------

    def _elect(self, term: int) -> None:
        """Have a leader with any log that has all committed entries (§5.4.3)."""
        committed = self._committed
        logs = [
            leader.log
            for leader in self._leaders
            if leader.log[: len(committed)] == committed
        ]
        log = [*logs[self._draw.below(len(logs))]] if logs else []
        del log[len(committed) + self._draw.below(len(log) - len(committed) + 1) :]
        log += [term] * (1 + self._draw.below(6))
        node_id = _LEADERS[self._draw.below(len(_LEADERS))]
        self._leaders.append(Leader(node_id, term, log, len(committed)))

    def _commit_more(self, leader: Leader) -> None:
        """Commit an entry of the leader's own term, stored by others (§5.4.2)."""
        # Not its last one: what is not committed is what may be lost.
        own = [i for i, term in enumerate(leader.log, 1) if term == leader.term][:3]
        index = own[self._draw.below(len(own))]
        if index > leader.commit:
            leader.commit = index
            self._committed = leader.log[:index]

    # ---- what they say ------------------------------------------------------

    def _say_something(self) -> None:
        """Have a message arrive, mostly of the newest leader, and orders done."""
        leader = self._leaders[-1]
        if self._draw.below(2) == 0:
            self._commit_more(leader)
        if self._draw.below(8) == 0:
            leader = self._leaders[self._draw.below(len(self._leaders))]
        counts = self._naive.hear(leader)
        kind = self._draw.below(5)
        if kind == 0 and leader.commit:
            self._say_snapshot(leader, counts)
        elif kind == 1:
            self._say_heartbeat(leader, counts)
        else:
            self._say_entries(leader, counts)
        self._compare()
        while self._member.append_orders and self._draw.below(3) < self._haste:
            self._take(self._member.do_append())
        while self._member.apply_orders and self._draw.below(3) < self._haste:
            self._take(self._member.do_apply())

    def _say_entries(self, leader: Leader, counts: bool) -> None:
        """Send any stretch of the leader's log, with any commit index up to its own."""
        prev = self._draw.below(len(leader.log) + 1)
        terms = leader.log[prev:][: self._draw.below(8)]
        commit = self._draw.below(leader.commit + 1)
        prev_term = leader.log[prev - 1] if prev else 0
        message = append_entries(
            leader.node_id, _FOLLOWER, leader.term, (prev, prev_term), terms, commit
        )
        if counts:
            match = self._naive.append(prev, prev_term, terms, commit)
            agreed = _agreement(self._naive.log, leader.log)
            self._answers.append((message, match) if match >= 0 else (message, -agreed))
        self._take(self._member.step(message))

    def _say_heartbeat(self, leader: Leader, counts: bool) -> None:
        """Send a heartbeat, which names no more than what was acknowledged."""
        commit = 0
        if counts:
            commit = min(leader.commit, self._naive.matched)
            self._naive.commit = max(self._naive.commit, commit)
        self._take(
            self._member.step(heartbeat(leader.node_id, _FOLLOWER, leader.term, commit))
        )

    def _say_snapshot(self, leader: Leader, counts: bool) -> None:
        """Send a snapshot of any committed index."""
        least = min(self._naive.commit, leader.commit - 1)
        index = least + 1 + self._draw.below(leader.commit - least)
        snapshot = Snapshot(
            LogIndex(index),
            Term(leader.log[index - 1]),
            bootstrap(_MEMBERS).conf_state,
            " ".join(_data(leader.log[:index])).encode(),
        )
        if counts:
            match = self._naive.install(index, leader.log)
            self._answers.append((None, match))
        self._take(
            self._member.step(
                InstallSnapshot(
                    sender=NodeId(leader.node_id),
                    receiver=NodeId(_FOLLOWER),
                    term=Term(leader.term),
                    snapshot=snapshot,
                )
            )
        )

    # ---- what must be equal -------------------------------------------------

    def _take(self, sent: list[PeerMessage]) -> None:
        """Compare the answers that leave with those that the paper says, in order."""
        for answer in sent:
            if isinstance(answer, AppendEntriesReply):
                _, match = self._answers.popleft()
                demand(
                    answer.match_index == match,
                    Property.FOLLOWER,
                    f"{answer} instead of {match}",
                )
            elif isinstance(answer, AppendEntriesRefusal):
                message, agreed = self._answers.popleft()
                demand(
                    message is not None
                    and agreed <= 0
                    and answer.refused_index == message.prev_log_index
                    # Never below where the logs agree: it would be sent again.
                    and -agreed <= answer.hint_index <= answer.refused_index,
                    Property.FOLLOWER,
                    f"{answer} to {message}; the logs agree up to {-agreed}",
                )

    def _compare(self) -> None:
        """Compare the member with what the paper makes of it."""
        naive, state = self._naive, self._member.replica.state
        first = state.log.first_index
        demand(
            (state.term, first, self._member.log, state.log.commit_index)
            == (naive.term, naive.first, naive.log[naive.first - 1 :], naive.commit),
            Property.FOLLOWER,
            f"term {state.term}, log {self._member.log} from {first} on, commit"
            f" {state.log.commit_index}; by the paper {naive}",
        )
        applied = self._member.applied
        demand(
            applied == _data(naive.log)[: len(applied)]
            and len(applied) <= naive.commit,
            Property.FOLLOWER,
            f"applied are {applied}; by the paper {naive}",
        )


def _agreement(log: list[int], other: list[int]) -> int:
    """Return up to where two logs are equal."""
    pairs = zip(log, other, strict=False)
    return next(
        (index for index, (a, b) in enumerate(pairs) if a != b),
        min(len(log), len(other)),
    )


def _data(log: list[int]) -> list[str]:
    """Return what the entries carry."""
    return [f"{term}.{index}" for index, term in enumerate(log, 1)]
