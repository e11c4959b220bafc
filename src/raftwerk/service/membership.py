"""What a leader does about members: judges a change, has it made, and says what is now.

One rule stands above all others: no change is begun after which the voters that are in
touch would be no quorum, for nobody could take it back. So a lost member is replaced
by a learner, which no quorum waits for, and promoted when it has caught up.
Source: thesis §4.1 (one change at a time), §4.2.1 (learners catch up first); etcd's
strict check of reconfigurations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from raftwerk.config import Url
from raftwerk.core.progress_view import ProgressState, ProgressView
from raftwerk.core.records import Change, ChangeKind, ConfChange, ConfState
from raftwerk.core.roles import Role
from raftwerk.errors import (
    ChangePending,
    ConfigError,
    InvalidChange,
    MisuseError,
    NotLeader,
    NotProposed,
    RequestError,
)
from raftwerk.host.protocol import Draw, Timers
from raftwerk.runtime.members import Member
from raftwerk.service.cluster_calls import (
    AddMember,
    ClusterRequest,
    ClusterView,
    LookAtCluster,
    PromoteMember,
    RemoveMember,
    ReplaceMember,
    TransferLeadership,
    UpdateMember,
)
from raftwerk.service.cluster_errors import (
    BadTransferee,
    ClusterRefusal,
    LearnerLags,
    MemberNotFound,
    MemberUrlsInvalid,
    NotALearner,
    PeerUrlsTaken,
    TooFewMembers,
    TransferFailed,
    UnhealthyCluster,
)
from raftwerk.service.cluster_node import ClusterNode
from raftwerk.service.cluster_view import view_of
from raftwerk.types import NodeId

__all__ = ["Membership"]

NEW_IDS: Final = 2**63
"""Ids of later members are drawn below this; those of a first start have 64 bits."""

LAG_ENTRIES_MAX: Final = 1_000
"""What a learner may lack when it is promoted: less than what is in flight to it."""

CHANGE_SECONDS: Final = 5.0
"""How long to wait for another change to end; shorter than whoever asked waits."""

TRANSFER_SECONDS: Final = 3.0
"""How long a transfer may take until it is said to have failed."""

LOOK_SECONDS: Final = 0.02
"""From one look at something that is waited for to the next."""

PROMOTE_SECONDS: Final = 0.1
"""From one look for learners that have caught up to the next."""


class _Plan:
    """A change of members that is allowed now."""

    def __init__(self, *changes: Change, member: Member | None = None) -> None:
        self.change = ConfChange(tuple(changes))
        self.members = () if member is None else (member,)

    def removes(self, node_id: NodeId) -> bool:
        """Tell whether it removes a member."""
        return Change(ChangeKind.REMOVE, node_id) in self.change.changes


class Membership:
    """Answers requests about the group, on a member that leads.

    Parameters
    ----------
    node : ClusterNode
        The member.
    timers : Timers
        For waits between two tries.
    draw : Draw
        For ids of new members.
    """

    def __init__(self, node: ClusterNode, timers: Timers, draw: Draw) -> None:
        self._node = node
        self._timers = timers
        self._draw = draw

    async def answer(self, request: ClusterRequest) -> ClusterView:
        """Do what is asked, and return the group after it.

        Parameters
        ----------
        request : ClusterRequest
            What is asked.

        Returns
        -------
        ClusterView
            With the member that it was about as `ClusterView.subject`.

        Raises
        ------
        ClusterRefusal
            If it can't be meant, or would endanger the group.
        NotLeader
            If this member does not lead.
        NotProposed
            If another change stays under way.
        OutcomeUnknown
            If it may or may not be done.
        """
        if self._node.status().role is not Role.LEADER:
            raise NotLeader("this member does not lead")
        match request:
            case LookAtCluster():
                subject = NodeId(0)
            case AddMember():
                subject = self._new_id()
                await self._change(lambda: self._plan_add(request, subject))
            case RemoveMember(node_id=subject):
                self._plan_remove(subject)
                await self._step_aside(subject)
                await self._change(lambda: self._plan_remove(subject))
            case UpdateMember(node_id=subject):
                await self._change(lambda: self._plan_update(request))
            case PromoteMember(node_id=subject):
                await self._change(lambda: self._plan_promote(subject))
            case ReplaceMember():
                subject = self._new_id()
                if self._plan_replace(request, subject).removes(request.node_id):
                    await self._step_aside(request.node_id)
                await self._change(lambda: self._plan_replace(request, subject))
            case TransferLeadership():
                subject = await self._transfer(request.node_id)
        return view_of(self._node, subject)

    async def promote_those_caught_up(self) -> None:
        """Let learners that were added in somebody's place take it, for ever.

        It is done by whoever leads, not by the command that asked for the replacement:
        that may have ended long before.
        """
        while True:
            await self._timers.sleep(PROMOTE_SECONDS)
            try:
                for member in self._waiting_for_a_place():
                    await self._change(partial(self._plan_promote, member.node_id))
            except (RequestError, MisuseError):
                continue  # what stands in the way now may be gone next time

    # ---- what is allowed ----------------------------------------------------

    def _plan_add(self, request: AddMember, node_id: NodeId) -> _Plan:
        """Judge an addition."""
        urls = self._free_urls(request.peer_urls)
        member = Member(node_id=node_id, peer_urls=urls, wants_vote=request.wants_vote)
        if request.is_learner:
            return _Plan(Change(ChangeKind.ADD_LEARNER, node_id), member=member)
        voters = set(self._conf_state.voters)
        # A group of one has no other way to become one of two than to trust the second.
        if len(voters) > 1:
            self._require_quorum(
                voters | {node_id},
                "add it as a learner, and promote it when it has caught up",
            )
        return _Plan(Change(ChangeKind.ADD_VOTER, node_id), member=member)

    def _plan_remove(self, node_id: NodeId) -> _Plan:
        """Judge a removal."""
        self._known(node_id)
        voters = set(self._conf_state.voters)
        if node_id in voters:
            if len(voters) == 1:
                raise TooFewMembers(
                    f"member {node_id:x} is the only voter; a group needs one"
                )
            self._require_quorum(
                voters - {node_id}, "bring those back first, or remove them instead"
            )
        return _Plan(Change(ChangeKind.REMOVE, node_id))

    def _plan_update(self, request: UpdateMember) -> _Plan:
        """Judge a move."""
        known = self._known(request.node_id)
        urls = self._free_urls(request.peer_urls, known.node_id)
        return _Plan(
            Change(ChangeKind.UPDATE, known.node_id),
            member=Member(node_id=known.node_id, peer_urls=urls),
        )

    def _plan_promote(self, node_id: NodeId) -> _Plan:
        """Judge a promotion; who was added in another one's place takes it."""
        member = self._known(node_id)
        conf_state = self._conf_state
        if node_id not in conf_state.learners:
            raise NotALearner(f"member {node_id:x} votes already")
        if not self._is_caught_up(member):
            raise LearnerLags(f"member {node_id:x} has not caught up with the leader")
        changes = [Change(ChangeKind.ADD_VOTER, node_id)]
        voters = {*conf_state.voters, node_id}
        if member.replaces in voters:
            changes.append(Change(ChangeKind.REMOVE, member.replaces))
            voters.remove(member.replaces)
        self._require_quorum(voters, "bring those back first")
        return _Plan(*changes)

    def _plan_replace(self, request: ReplaceMember, node_id: NodeId) -> _Plan:
        """Judge a replacement.

        One that is away has nothing to give any more and goes at once: it is one voter
        less to wait for. One that is there, and will not be run at the same address as
        the new one, stays until that has caught up.
        """
        old = self._known(request.node_id)
        conf_state = self._conf_state
        is_voter = old.node_id in conf_state.voters
        urls = self._free_urls(request.peer_urls or old.peer_urls, old.node_id)
        changes = [Change(ChangeKind.ADD_LEARNER, node_id)]
        shares_address = not set(urls).isdisjoint(old.peer_urls)
        if not is_voter or shares_address or not self._is_in_touch(old.node_id):
            changes.append(Change(ChangeKind.REMOVE, old.node_id))
            voters = set(conf_state.voters) - {old.node_id}
            if not voters:
                raise TooFewMembers(
                    f"member {old.node_id:x} is the only voter; start the new one at"
                    " another address, so that both can run until it has caught up"
                )
            self._require_quorum(voters, "bring those back first")
        member = Member(
            node_id=node_id,
            peer_urls=urls,
            replaces=old.node_id if is_voter else NodeId(0),
        )
        return _Plan(*changes, member=member)

    # ---- what is known ------------------------------------------------------

    @property
    def _conf_state(self) -> ConfState:
        """The configuration."""
        return self._node.status().conf_state

    def _known(self, node_id: NodeId) -> Member:
        """Return a member, or refuse."""
        for member in self._node.members:
            if member.node_id == node_id:
                return member
        raise MemberNotFound(f"there is no member {node_id:x}")

    def _new_id(self) -> NodeId:
        """Draw an id that nobody has, and nobody had."""
        used = {member.node_id for member in self._node.members} | self._node.removed
        while True:
            node_id = NodeId(1 + self._draw.below(NEW_IDS - 1))
            if node_id not in used:
                return node_id

    def _free_urls(
        self, texts: Sequence[str], owner: NodeId = NodeId(0)
    ) -> tuple[str, ...]:
        """Return peer URLs in their one form, if nobody but their owner has them."""
        if not texts:
            raise MemberUrlsInvalid("a member needs a peer URL")
        try:
            urls = [str(Url.parse("peer URL", text)) for text in texts]
        except ConfigError as error:
            raise MemberUrlsInvalid(str(error)) from None
        for member in self._node.members:
            taken = set(urls).intersection(member.peer_urls)
            if taken and member.node_id != owner:
                raise PeerUrlsTaken(
                    f"member {member.node_id:x} has the peer URL {min(taken)}"
                )
        return tuple(dict.fromkeys(urls))

    def _is_in_touch(self, node_id: NodeId) -> bool:
        """Tell whether a member can be reached; we ourselves can."""
        peer = self._node.peers().get(node_id)
        is_self = node_id == self._node.status().node_id
        return is_self or (peer is not None and peer.is_connected)

    def _require_quorum(self, voters: set[NodeId], way_out: str) -> None:
        """Refuse a configuration that could not decide anything now."""
        away = {voter for voter in voters if not self._is_in_touch(voter)}
        quorum = len(voters) // 2 + 1
        if len(voters) - len(away) < quorum:
            shown = ", ".join(f"{voter:x}" for voter in sorted(away))
            raise UnhealthyCluster(
                f"of {len(voters)} voters {quorum} would be needed, and {shown} can't"
                f" be reached; {way_out}"
            )

    def _is_caught_up(self, member: Member) -> bool:
        """Tell whether a learner has next to all that we have."""
        status = self._node.status()
        progress: ProgressView | None = self._node.progress().get(member.node_id)
        return (
            member.has_started
            and progress is not None
            and progress.state is ProgressState.REPLICATE
            and self._is_in_touch(member.node_id)
            and status.last_log_index - progress.match_index <= LAG_ENTRIES_MAX
        )

    def _waiting_for_a_place(self) -> list[Member]:
        """Return the learners that can take the place that they were added for."""
        if self._node.status().role is not Role.LEADER:
            return []
        learners = self._conf_state.learners
        return [
            member
            for member in self._node.members
            if member.node_id in learners
            and member.replaces
            and self._is_caught_up(member)
        ]

    # ---- what is done -------------------------------------------------------

    async def _change(self, plan: Callable[[], _Plan]) -> None:
        """Have a change made; it is judged anew each time that it has to wait."""
        for _ in range(round(CHANGE_SECONDS / LOOK_SECONDS)):
            planned = plan()
            try:
                await self._node.change_members(planned.change, planned.members)
            except ChangePending:
                await self._timers.sleep(LOOK_SECONDS)
            except InvalidChange as error:
                raise ClusterRefusal(str(error)) from error
            else:
                await self._until(lambda: not self._conf_state.voters_outgoing)
                return
        raise NotProposed(
            f"another change of members was under way for {CHANGE_SECONDS:g} s"
        )

    async def _step_aside(self, node_id: NodeId) -> None:
        """Hand leadership over if it is we who are to go, so that another one does it.

        Whoever is removed is cut off by those who have heard of it, and could not tell
        any more what came of the request.
        """
        if node_id == self._node.status().node_id:
            try:
                await self._transfer(NodeId(0))
            except ClusterRefusal:
                return  # there is nobody, or nobody came to lead: then as it is
            raise NotLeader("this member has handed leadership over, for it is to go")

    async def _transfer(self, target: NodeId) -> NodeId:
        """Have another voter lead, and return who it is."""
        status = self._node.status()
        target = target or self._successor()
        if target not in status.conf_state.voters:
            raise BadTransferee(f"member {target:x} does not vote")
        if target == status.node_id:
            return target
        self._node.transfer_leadership(target)
        if not await self._until(
            lambda: self._node.status().leader == target, TRANSFER_SECONDS
        ):
            raise TransferFailed(
                f"member {target:x} did not come to lead within {TRANSFER_SECONDS:g} s"
            )
        return target

    def _successor(self) -> NodeId:
        """Return the voter that lacks least."""
        status, progress = self._node.status(), self._node.progress()
        others = [
            voter
            for voter in status.conf_state.voters
            if voter != status.node_id and self._is_in_touch(voter)
        ]
        if not others:
            raise BadTransferee("there is no other voter that can be reached")
        return max(others, key=lambda voter: (progress[voter].match_index, -voter))

    async def _until(
        self, is_so: Callable[[], bool], seconds: float = CHANGE_SECONDS
    ) -> bool:
        """Wait for something, for a bounded time, and tell whether it came true."""
        for _ in range(round(seconds / LOOK_SECONDS)):
            if is_so():
                return True
            await self._timers.sleep(LOOK_SECONDS)
        return is_so()
