"""Who belongs to the group, what is known of each, and what they have decided so far.

One object joins the configuration (`ConfState`), the progress of each member, and the
votes of the running election, so that nothing is counted by another configuration than
the one in force. Iteration is ascending, for runs must be equal.
Source: Raft paper §5.2 to §5.4 and §6; learners: thesis §4.2.1; check-quorum: §6.2.
"""

from collections.abc import Iterator, Mapping

import msgspec

from raftwerk.core.membership import (
    Reconfiguration,
    conf_state_fault,
    members,
    reconfigure,
)
from raftwerk.core.progress import Inflights, Progress
from raftwerk.core.quorum import VoteResult, joint_vote_result, majority_index
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.errors import InconsistentState
from raftwerk.types import NO_INDEX, LogIndex, NodeId

__all__ = ["Tally", "Tracker"]


class Tally(msgspec.Struct, frozen=True, gc=False):
    """The state of an election: answers so far, and what they decide."""

    granted: int
    refused: int
    result: VoteResult


class Tracker:
    """The group as one member sees it; empty until a configuration is restored.

    Parameters
    ----------
    inflight_messages_max : int
        Unanswered appends with entries to one member.
    inflight_bytes_max : int
        Unanswered bytes of entries to one member.

    Attributes
    ----------
    conf_state : ConfState
        The configuration in force; changed by `restore` and `apply`.
    progress : mapping of NodeId to Progress
        One for each member, ascending; changed by the same two.
    member_ids : tuple of NodeId
        All members, ascending.
    voter_ids : tuple of NodeId
        The voters of both halves, ascending, each once.
    votes : dict of NodeId to bool
        The first answer of each member in the running election.
    """

    __slots__ = (
        "conf_state",
        "progress",
        "member_ids",
        "voter_ids",
        "votes",
        "_incoming",
        "_outgoing",
        "_inflight_messages_max",
        "_inflight_bytes_max",
    )

    def __init__(self, inflight_messages_max: int, inflight_bytes_max: int) -> None:
        self._inflight_messages_max = inflight_messages_max
        self._inflight_bytes_max = inflight_bytes_max
        self.conf_state = ConfState()
        self.progress: Mapping[NodeId, Progress] = {}
        self.member_ids: tuple[NodeId, ...] = ()
        self.voter_ids: tuple[NodeId, ...] = ()
        self.votes: dict[NodeId, bool] = {}
        # The same objects as in `progress`: a commit index needs no look-up.
        self._incoming: tuple[Progress, ...] = ()
        self._outgoing: tuple[Progress, ...] = ()

    # ---- configuration ------------------------------------------------------

    def restore(self, conf_state: ConfState, last_index: LogIndex) -> None:
        """Take on a stored configuration, with nothing known of anyone.

        Parameters
        ----------
        conf_state : ConfState
            The configuration, as a snapshot holds it.
        last_index : LogIndex
            The last index of our log.

        Raises
        ------
        InconsistentState
            If it contradicts itself; nothing has changed then.
        """
        fault = conf_state_fault(conf_state)
        if fault is not None:
            raise InconsistentState(f"the configuration can't be restored: {fault}")
        self.votes = {}
        everyone = frozenset(self.progress)
        self._adopt(Reconfiguration(conf_state, forgotten=everyone), last_index)

    def apply(self, change: ConfChange, last_index: LogIndex) -> ConfState:
        """Take on what a change makes of the configuration.

        Parameters
        ----------
        change : ConfChange
            The committed change.
        last_index : LogIndex
            The last index of our log: new members are probed from there.

        Returns
        -------
        ConfState
            The configuration in force from now on.

        Raises
        ------
        InvalidChange
            If the change does not fit; nothing has changed then.
        """
        return self.adopt(reconfigure(self.conf_state, change), last_index)

    def adopt(self, result: Reconfiguration, last_index: LogIndex) -> ConfState:
        """Take on the result of `simple`, `enter_joint` or `leave_joint`.

        Parameters
        ----------
        result : Reconfiguration
            What one of them made of our configuration.
        last_index : LogIndex
            The last index of our log: new members are probed from there.

        Returns
        -------
        ConfState
            The configuration in force from now on.
        """
        self._adopt(result, last_index)
        return self.conf_state

    def _adopt(self, result: Reconfiguration, last_index: LogIndex) -> None:
        """Keep the progress of who stays, make one for who is new."""
        conf_state = result.conf_state
        learners = frozenset(conf_state.learners)
        progress: dict[NodeId, Progress] = {}
        for node_id in members(conf_state):
            known = self.progress.get(node_id)
            if known is None or node_id in result.forgotten:
                # The last entry goes along with the first probe (as in etcd): whoever
                # has all before it already needs no second message.
                known = Progress(LogIndex(max(last_index, 1)), self._new_inflights())
            known.is_learner = node_id in learners
            progress[node_id] = known

        self.conf_state = conf_state
        self.progress = progress
        self.member_ids = tuple(progress)
        voters = {*conf_state.voters, *conf_state.voters_outgoing}
        self.voter_ids = tuple(sorted(voters))
        self._incoming = tuple(progress[voter] for voter in conf_state.voters)
        self._outgoing = tuple(progress[voter] for voter in conf_state.voters_outgoing)

    def _new_inflights(self) -> Inflights:
        """Return an empty window."""
        return Inflights(self._inflight_messages_max, self._inflight_bytes_max)

    @property
    def is_joint(self) -> bool:
        """Whether two majorities are needed."""
        return bool(self._outgoing)

    @property
    def is_singleton(self) -> bool:
        """Whether one voter decides alone."""
        return len(self._incoming) == 1 and not self._outgoing

    def is_voter(self, node_id: NodeId) -> bool:
        """Return whether a member votes, in either half.

        Parameters
        ----------
        node_id : NodeId
            Any id.

        Returns
        -------
        bool
            False for learners and strangers.
        """
        known = self.progress.get(node_id)
        return known is not None and not known.is_learner

    def others(self, node_id: NodeId) -> Iterator[tuple[NodeId, Progress]]:
        """Yield the members but for one, and their progress, ascending.

        Parameters
        ----------
        node_id : NodeId
            Whom to leave out, member or not.

        Yields
        ------
        tuple of NodeId and Progress
            A member, and what is known of it.
        """
        for member, known in self.progress.items():
            if member != node_id:
                yield member, known

    # ---- what the group has decided -----------------------------------------

    def reset(self, own_id: NodeId, last_index: LogIndex) -> None:
        """Forget votes and progress: a role or a term begins (Raft paper Fig. 2).

        Parameters
        ----------
        own_id : NodeId
            Who we are: of ourselves we know what we have.
        last_index : LogIndex
            The last index of our log.
        """
        self.votes = {}
        next_index = LogIndex(last_index + 1)
        for member, known in self.progress.items():
            match_index = last_index if member == own_id else NO_INDEX
            known.reset(match_index, next_index)

    def committed_index(self) -> LogIndex:
        """Return the highest index that a quorum stores (§5.3; joint: §6).

        Returns
        -------
        LogIndex
            The index; `quorum.INFINITE_INDEX` without any voter.
        """
        index = majority_index([voter.match_index for voter in self._incoming])
        if self._outgoing:
            outgoing = [voter.match_index for voter in self._outgoing]
            return min(index, majority_index(outgoing))
        return index

    def reset_votes(self) -> None:
        """Forget the answers of the last election."""
        self.votes = {}

    def record_vote(self, voter: NodeId, granted: bool) -> None:
        """Take in an answer; of each member only the first counts (§5.2).

        Parameters
        ----------
        voter : NodeId
            Who answered.
        granted : bool
            What it said.
        """
        self.votes.setdefault(voter, granted)

    def tally(self) -> Tally:
        """Return how the election stands.

        Returns
        -------
        Tally
            The answers of voters alone are counted.
        """
        voters = [self.votes.get(voter) for voter in self.voter_ids]
        return Tally(
            granted=voters.count(True),
            refused=voters.count(False),
            result=joint_vote_result(
                self.conf_state.voters, self.conf_state.voters_outgoing, self.votes
            ),
        )

    def is_quorum_active(self) -> bool:
        """Return whether a quorum answered lately (check-quorum, thesis §6.2).

        Returns
        -------
        bool
            Whether the voters that are marked as active are a quorum.
        """
        active = {
            voter: self.progress[voter].is_recently_active for voter in self.voter_ids
        }
        conf_state = self.conf_state
        result = joint_vote_result(
            conf_state.voters, conf_state.voters_outgoing, active
        )
        return result is VoteResult.WON
