"""Members and the messages between them: nothing is delivered unless a test says so.

After each delivery the properties of the paper's Fig. 3 that compare members with one
another are checked: one leader a term, equal entries at equal places, equal histories.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from raftwerk.core.messages import (
    Message,
    PeerMessage,
    RequestVote,
    RequestVoteReply,
)
from raftwerk.core.roles import Role
from raftwerk.errors import NotProposed, UnknownPeer
from raftwerk.types import LogIndex, NodeId, Term

from .member import Member

__all__ = ["Cluster"]


class Cluster:
    """Some members of one group.

    Parameters
    ----------
    voters, learners : sequence of int
        The configuration that all start with.
    members : sequence of int, optional
        Who is there; others may be named in the configuration and never answer.
    settings
        As for `Member`.
    """

    def __init__(
        self,
        voters: Sequence[int] = (1, 2, 3),
        *,
        learners: Sequence[int] = (),
        members: Sequence[int] | None = None,
        **settings: Any,
    ) -> None:
        ids = (*voters, *learners) if members is None else members
        self.members = {
            NodeId(one): Member(one, voters, learners=learners, **settings)
            for one in ids
        }
        self.bag: list[PeerMessage] = []
        self.lost: list[PeerMessage] = []
        self._leaders: dict[Term, NodeId] = {}

    def __getitem__(self, node_id: int) -> Member:
        return self.members[NodeId(node_id)]

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members.values())

    def add(self, member: Member) -> Member:
        """Add a member that was made apart."""
        self.members[member.status.node_id] = member
        return member

    def add_blank(self, *ids: int, **settings: Any) -> None:
        """Add members that know nothing yet, not even who the others are."""
        for node_id in ids:
            self.add(Member(node_id, voters=[], **settings))

    @property
    def leader(self) -> Member:
        """Who leads in the newest term."""
        leaders = [one for one in self if one.role is Role.LEADER]
        return max(leaders, key=lambda one: one.status.term)

    # ---- messages -----------------------------------------------------------

    def send(self, messages: Iterable[PeerMessage]) -> None:
        """Put messages into the bag."""
        self.bag += messages

    def deliver(
        self,
        *,
        only: type[Message] | None = None,
        until: type[Message] | None = None,
        cut: Collection[int] = (),
        rounds: int = 1000,
    ) -> None:
        """Deliver what is in the bag, and what that leads to, until all is quiet.

        Parameters
        ----------
        only : type of Message, optional
            Leave all others in the bag.
        until : type of Message, optional
            Stop as soon as there is one of these.
        cut : collection of int
            Members that nothing reaches, and that reach nobody: it is lost.
        rounds : int
            How often what is in the bag is delivered; what comes then stays there.
        """
        for _ in range(rounds):
            chosen = [one for one in self.bag if only is None or isinstance(one, only)]
            if not chosen or _has(self.bag, until):
                return
            taken = {id(one) for one in chosen}
            self.bag = [one for one in self.bag if id(one) not in taken]
            for message in chosen:
                ends = {message.sender, message.receiver}
                if not ends.isdisjoint(cut) or message.receiver not in self.members:
                    self.lost.append(message)
                    continue
                try:
                    self.send(self[message.receiver].step(message))
                except (NotProposed, UnknownPeer):
                    # A proposal that found no leader; a late answer of one removed.
                    self.lost.append(message)
            self.check()
        assert rounds < 1000, "the members never come to rest"

    def drop(self) -> list[PeerMessage]:
        """Lose all that is in the bag, and return it."""
        dropped, self.bag = self.bag, []
        self.lost += dropped
        return dropped

    # ---- stories that many tests begin with ---------------------------------

    def win(self, node_id: int, *, cut: Collection[int] = ()) -> Member:
        """Have a member stand and win; what it sends as a leader stays in the bag."""
        self.send(self[node_id].campaign())
        self.deliver(only=RequestVote, cut=cut)
        self.deliver(only=RequestVoteReply, cut=cut)
        assert self[node_id].role is Role.LEADER
        return self[node_id]

    def elect(self, node_id: int, *, cut: Collection[int] = ()) -> Member:
        """Have a member stand, and all others hear of it; it must win."""
        self.send(self[node_id].campaign())
        self.deliver(cut=cut)
        assert self[node_id].role is Role.LEADER
        return self[node_id]

    def propose(self, node_id: int, *data: bytes, cut: Collection[int] = ()) -> None:
        """Propose commands at a member, and deliver all that follows."""
        self.send(self[node_id].propose(*data))
        self.deliver(cut=cut)

    def change(self, node_id: int, text: str, **options: Any) -> None:
        """Propose a membership change at a member, and deliver all that follows."""
        self.send(self[node_id].propose_change(text, **options))
        self.deliver()

    def heartbeat(self, node_id: int, *, cut: Collection[int] = ()) -> None:
        """Let one heartbeat of a leader go round."""
        self.send(self[node_id].tick())
        self.deliver(cut=cut)

    # ---- Fig. 3 -------------------------------------------------------------

    def check(self) -> None:
        """Check what the paper promises of all members together (Fig. 3)."""
        for member in self:
            status = member.status
            if status.role is Role.LEADER:
                first = self._leaders.setdefault(status.term, status.node_id)
                assert first == status.node_id, f"two leaders in term {status.term}"
        everyone = list(self)
        for place, one in enumerate(everyone):
            for other in everyone[place + 1 :]:
                _check_log_matching(one, other)
                shorter = min(len(one.applied), len(other.applied))
                assert one.applied[:shorter] == other.applied[:shorter]


def _has(messages: Iterable[Message], kind: type[Message] | None) -> bool:
    """Return whether one of the messages is of this kind."""
    return kind is not None and any(isinstance(one, kind) for one in messages)


def _check_log_matching(one: Member, other: Member) -> None:
    """Check that logs are equal up to the last place where their terms are (§5.3)."""
    logs = one.replica.state.log, other.replica.state.log
    first = max(log.first_index for log in logs)
    last = min(log.last_index for log in logs)
    agrees = False
    for index in range(last, first - 1, -1):
        mine, theirs = (
            log.read(LogIndex(index), LogIndex(index + 1), 0)[0] for log in logs
        )
        agrees = agrees or mine.term == theirs.term
        assert not agrees or mine == theirs, f"logs differ at {index}"
