"""A group that came together by itself keeps its size: the leader's duties for that.

Replicas that came by themselves are learners first. As long as fewer vote than should,
the leader promotes those that keep up. Where it is told to, it also parts with a member
that was away for long: puts a learner in its place, or lets it go; but never such that
the group would stand worse than before.
"""

from typing import Final

from raftwerk.core.progress_view import ProgressState
from raftwerk.core.records import Change, ChangeKind, ConfChange
from raftwerk.core.roles import Role
from raftwerk.errors import MisuseError, RequestError
from raftwerk.host.protocol import Clock, Timers
from raftwerk.runtime.members import Member
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_calls import PromoteMember, RemoveMember
from raftwerk.service.cluster_errors import ClusterRefusal
from raftwerk.service.cluster_node import ClusterNode
from raftwerk.service.membership import LAG_ENTRIES_MAX
from raftwerk.service.rounds import Rounds
from raftwerk.types import NodeId

__all__ = ["Growth"]

LOOK_SECONDS: Final = 0.02
"""From one look at learners that are to vote to the next."""

IDLE_SECONDS: Final = 0.25
"""The same while there are none, or somebody else leads."""

REMAINING_VOTERS_MIN: Final = 3
"""No member is parted with by rule if fewer would vote afterwards."""


class Growth:
    """Keeps as many voters as there should be, on whichever member leads.

    Parameters
    ----------
    node : ClusterNode
        This member.
    cluster : ClusterService
        Makes the changes.
    clock : Clock
        For rounds and absences.
    timers : Timers
        For waits between two looks.
    voters_max : int
        How many are to vote.
    election_timeout_seconds : float
        What the last round may take.
    away_seconds : float
        How long a member may be away until it is parted with; 0: for ever.
    """

    def __init__(
        self,
        node: ClusterNode,
        cluster: ClusterService,
        *,
        clock: Clock,
        timers: Timers,
        voters_max: int,
        election_timeout_seconds: float,
        away_seconds: float = 0.0,
    ) -> None:
        self._node = node
        self._cluster = cluster
        self._clock = clock
        self._timers = timers
        self._voters_max = voters_max
        self._election_timeout_seconds = election_timeout_seconds
        self._away_seconds = away_seconds
        self._rounds: dict[NodeId, Rounds] = {}
        self._leads_since = 0.0

    async def run(self) -> None:
        """Do a leader's duties while we may lead; it does not end by itself."""
        while True:
            wait_seconds = IDLE_SECONDS
            try:
                if self._node.status().role is Role.LEADER:
                    wait_seconds = await self._look()
                else:
                    self._rounds.clear()
                    self._leads_since = self._clock.now()
            except (ClusterRefusal, MisuseError, RequestError):
                pass  # what stands in the way now may be gone next time
            await self._timers.sleep(wait_seconds)

    async def _look(self) -> float:
        """Do what is to be done now, and return when to look again."""
        conf_state = self._node.status().conf_state
        if conf_state.voters_outgoing:
            return LOOK_SECONDS
        gone = self._gone() if self._away_seconds else None
        if gone is not None and self._is_sound_without(gone):
            await self._part_with(gone)
            return LOOK_SECONDS
        learners = self._waiting()
        if not learners or len(conf_state.voters) >= self._voters_max:
            self._rounds.clear()
            return IDLE_SECONDS
        for node_id in self._rounds.keys() - {learner.node_id for learner in learners}:
            del self._rounds[node_id]
        for learner in learners:
            if self._has_kept_up(learner.node_id):
                await self._cluster.request(PromoteMember(learner.node_id))
                break  # there may be no room for the next
        return LOOK_SECONDS

    # ---- those who come -----------------------------------------------------

    def _waiting(self) -> list[Member]:
        """Return the learners that are to vote when they have kept up."""
        learners = self._node.status().conf_state.learners
        return [
            member
            for member in self._node.members
            if member.node_id in learners and member.wants_vote and member.has_started
        ]

    def _has_kept_up(self, node_id: NodeId) -> bool:
        """Look at a learner's rounds."""
        progress = self._node.progress().get(node_id)
        if progress is None or progress.state is not ProgressState.REPLICATE:
            self._rounds.pop(node_id, None)
            return False
        rounds = self._rounds.setdefault(
            node_id, Rounds(self._election_timeout_seconds)
        )
        return rounds.look(
            self._clock.now(),
            progress.match_index,
            self._node.status().last_log_index,
        )

    # ---- those who are gone -------------------------------------------------

    def _gone(self) -> NodeId | None:
        """Return the member that was away for too long; the longest, if several."""
        now, peers = self._clock.now(), self._node.peers()
        away = [
            (now - max(peers[member.node_id].since, self._leads_since), member.node_id)
            for member in self._node.members
            if member.node_id in peers and not peers[member.node_id].is_connected
        ]
        seconds, node_id = max(away, default=(0.0, NodeId(0)))
        return node_id if seconds >= self._away_seconds else None

    def _is_sound_without(self, gone: NodeId) -> bool:
        """Tell whether a majority of all who vote now is there and lacks nothing."""
        voters = self._node.status().conf_state.voters
        sound = [
            voter for voter in voters if voter != gone and self._is_caught_up(voter)
        ]
        return len(sound) > len(voters) // 2

    def _is_caught_up(self, node_id: NodeId) -> bool:
        """Tell whether a member is in touch and has next to all that we have."""
        status = self._node.status()
        if node_id == status.node_id:
            return True
        progress = self._node.progress().get(node_id)
        peer = self._node.peers().get(node_id)
        return (
            peer is not None
            and peer.is_connected
            and progress is not None
            and progress.state is ProgressState.REPLICATE
            and status.last_log_index - progress.match_index <= LAG_ENTRIES_MAX
        )

    async def _part_with(self, gone: NodeId) -> None:
        """Put a learner in the place of one that is gone, or let it go."""
        voters = self._node.status().conf_state.voters
        if gone not in voters:
            await self._cluster.request(RemoveMember(gone))
            return
        heirs = [
            learner.node_id
            for learner in self._waiting()
            if learner.node_id != gone and self._is_caught_up(learner.node_id)
        ]
        if heirs and len(voters) >= REMAINING_VOTERS_MIN:
            await self._node.change_members(
                ConfChange(
                    (
                        Change(ChangeKind.ADD_VOTER, heirs[0]),
                        Change(ChangeKind.REMOVE, gone),
                    )
                )
            )
        elif len(voters) - 1 >= REMAINING_VOTERS_MIN:
            await self._cluster.request(RemoveMember(gone))
