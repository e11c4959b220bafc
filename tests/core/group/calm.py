"""What a group must manage in time once it is whole, and when one member is cut off.

Bounds are in election timeouts and generous: they tell "late" from "never".
"""

from collections.abc import Callable

from raftwerk.core.inputs import Propose, TransferLeadership
from raftwerk.core.messages import Proposal
from raftwerk.core.quorum import VoteResult, joint_vote_result
from raftwerk.core.records import ConfChange, ConfState, EntryKind
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.types import NodeId

from .member import Member
from .properties import Property, Violation
from .shape import TICK
from .world import Asked, World

__all__ = ["demand_progress"]

_TIMEOUTS_TO_ELECT = 25
_TIMEOUTS_TO_APPLY = 25
_TIMEOUTS_TO_READ = 10
_TIMEOUTS_QUIET = 3
_TIMEOUTS_TO_TRANSFER = 3


def demand_progress(world: World) -> None:
    """End all faults, and check that the group gets on with its work."""
    world.make_whole()
    calm = Calm(world)
    try:
        _demand_all(calm, world)
    except Orphaned:
        pass  # What else could be demanded of it?


def _demand_all(calm: "Calm", world: World) -> None:
    """Demand one thing after the other."""
    calm.elect()
    calm.apply_everywhere()
    # What was pending is applied with that: now it is known what there is to leave.
    calm.leave_joint()
    calm.apply_everywhere()
    if world.shape.faults & {"reads"}:
        calm.answer_reads()
    calm.keep_leader()
    calm.transfer()
    calm.cut_off_leader()


class Orphaned(Exception):
    """The group can't be expected to go on; see `Calm._is_orphaned`."""


class Calm:
    """A whole group, and what is asked of it.

    Parameters
    ----------
    world : World
        After `make_whole`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._timeout = world.shape.election_ticks_max

    # ---- time ---------------------------------------------------------------

    def _until(
        self, timeouts: int, is_done: Callable[[], bool], kind: Property, aim: str
    ) -> None:
        """Let time pass until something is so; to miss the bound is a violation."""
        for _ in range(timeouts * self._timeout + self._backlog()):
            if is_done():
                return
            self._pass_tick()
        if not is_done():
            if self._is_orphaned():
                raise Orphaned(self._sight())
            raise Violation(
                kind, f"{aim}: not after {timeouts} election timeouts; {self._sight()}"
            )

    def _backlog(self) -> int:
        """Return how many entries are to be sent and applied; a tick each is plenty."""
        group = self._group()
        last = max(member.replica.state.log.last_index for member in group)
        return sum(last - member.applied_index for member in group)

    def _pass_tick(self) -> None:
        """Let one tick pass, with those living who belong to the group."""
        self._stop_strangers()
        self._world.run(TICK)

    def _sight(self) -> str:
        """Return what each member says of itself."""
        return "; ".join(
            f"{m.id} {m.replica.state.role.name} term {m.replica.state.term} leader"
            f" {m.replica.state.leader} log {m.replica.state.log.last_index} commit"
            f" {m.replica.state.log.commit_index} applied {m.applied_index}"
            for m in self._world.members.values()
            if m.is_up
        )

    def _is_orphaned(self) -> bool:
        """Return whether nobody can win, for not all know the same configuration.

        A change takes effect when it is applied (as in etcd), not when it is appended
        (as in thesis §4.1). Where a leader is removed, applies that, and loses its
        leadership before the others have learnt that the change is committed, they
        still need its vote, which it refuses, for its log is longer; and it may not
        stand itself. Nobody but an operator gets such a group going.
        """
        members = [member for member in self._world.members.values() if member.is_up]
        states = [member.replica.state for member in members]
        return len({state.tracker.conf_state for state in states}) > 1 and not any(
            self._could_win(state) for state in states
        )

    def _could_win(self, candidate: State) -> bool:
        """Return whether a member would win, if all it asks answered (§5.4.1)."""
        if not candidate.is_promotable:
            return False
        log = candidate.log
        votes = {}
        for voter in candidate.tracker.voter_ids:
            other = self._world.members[voter].replica.state.log
            votes[voter] = (log.last_term, log.last_index) >= (
                other.last_term,
                other.last_index,
            )
        now = candidate.tracker.conf_state
        result = joint_vote_result(now.voters, now.voters_outgoing, votes)
        return result is VoteResult.WON

    # ---- who belongs to it --------------------------------------------------

    @property
    def _conf_state(self) -> ConfState:
        """The configuration that was applied last."""
        return self._world.ledger.newest_configuration

    def _member_ids(self) -> tuple[NodeId, ...]:
        """Return who belongs to the group now."""
        now = self._conf_state
        return tuple(sorted({*now.voters, *now.voters_outgoing, *now.learners}))

    def _stop_strangers(self) -> None:
        """Switch off who was removed, as an operator would, and on who was not.

        Without pre-vote or check-quorum a removed member disturbs the others for ever
        (§6), and that is no fault of the core. But it is needed for as long as one of
        them has not learnt of the change and waits for its vote.
        """
        needed = set(self._member_ids())
        for node_id in tuple(needed):
            needed.update(self._world.members[node_id].replica.state.tracker.voter_ids)
        for member in self._world.members.values():
            if member.is_up and member.id not in needed:
                member.crash(member.store.unsynced)
            elif not member.is_up and member.id in needed:
                member.start()

    def _group(self) -> list[Member]:
        """Return who belongs to the group now."""
        return [self._world.members[node_id] for node_id in self._member_ids()]

    def _leader(self) -> Member | None:
        """Return the leader whom all who belong to the group follow, if any."""
        leader = self._world.leader()
        if leader is None:
            return None
        term = leader.replica.state.term
        for member in self._group():
            state = member.replica.state
            if not member.is_up or (state.leader, state.term) != (leader.id, term):
                return None
        return leader

    # ---- what it must manage ------------------------------------------------

    def elect(self) -> None:
        """Elect a leader that all follow."""
        self._until(
            _TIMEOUTS_TO_ELECT,
            lambda: self._leader() is not None,
            Property.LEADER_ELECTED,
            "a leader whom all follow",
        )

    def apply_everywhere(self) -> None:
        """Apply a new command on every member."""
        name = b"calm %d" % self._world.name()
        entry_index = 0
        asked_at = -(10**9)

        def is_applied() -> bool:
            nonlocal asked_at, entry_index
            world = self._world
            leader = self._leader()
            if leader is None:
                return False
            if world.now - asked_at >= 2 * self._timeout * TICK:
                if leader.step(Propose((Proposal(name),))):
                    asked_at = world.now
                    entry_index = leader.replica.state.log.last_index
            return 0 < entry_index and all(
                member.applied_index >= entry_index for member in self._group()
            )

        self._until(
            _TIMEOUTS_TO_APPLY,
            is_applied,
            Property.COMMANDS_APPLIED,
            "a command applied by all",
        )

    def leave_joint(self) -> None:
        """End a joint configuration that does not end by itself."""

        def is_left() -> bool:
            leader = self._leader()
            if leader is None or self._conf_state.voters_outgoing:
                conf_state = self._conf_state
                if leader is not None and not conf_state.auto_leave:
                    leave = Proposal(ConfChange().encode(), EntryKind.CONF_CHANGE)
                    leader.step(Propose((leave,)))
                return False
            return True

        self._until(
            _TIMEOUTS_TO_APPLY,
            is_left,
            Property.COMMANDS_APPLIED,
            "the joint configuration left",
        )

    def answer_reads(self) -> None:
        """Answer a read of each member, learners too."""
        world = self._world
        open_reads: dict[NodeId, list[Asked]] = {m.id: [] for m in self._group()}
        ticks = 0

        def are_answered() -> bool:
            nonlocal ticks
            waiting = [
                node_id
                for node_id, asked in open_reads.items()
                if not any(one.is_answered for one in asked)
            ]
            # Asked again now and then: a read that finds no leader is dropped.
            if waiting and ticks % (2 * self._timeout) == 0:
                for node_id in waiting:
                    open_reads[node_id].append(world.read(world.members[node_id]))
            ticks += 1
            return not waiting

        self._until(
            _TIMEOUTS_TO_READ,
            are_answered,
            Property.READS_ANSWERED,
            "a read of each member answered",
        )

    def keep_leader(self) -> None:
        """Keep the leader for a while in which nothing happens."""
        leader = self._leader()
        if leader is None:
            raise Violation(
                Property.LEADER_STAYS, f"the leader is lost again; {self._sight()}"
            )
        term = leader.replica.state.term
        for _ in range(_TIMEOUTS_QUIET * self._timeout):
            self._pass_tick()
            if leader.replica.state.role is not Role.LEADER or (
                leader.replica.state.term != term
            ):
                raise Violation(
                    Property.LEADER_STAYS,
                    f"member {leader.id} does not lead term {term} any more;"
                    f" {self._sight()}",
                )

    def transfer(self) -> None:
        """Hand leadership over to another voter."""
        leader = self._leader()
        others = [
            voter
            for voter in self._conf_state.voters
            if leader is not None and voter != leader.id
        ]
        if leader is None or not others:
            return
        target = self._world.members[others[0]]
        leader.step(TransferLeadership(target.id))
        self._until(
            _TIMEOUTS_TO_TRANSFER,
            lambda: self._leader() is target,
            Property.TRANSFER_SUCCEEDS,
            f"leadership of {leader.id} handed over to {target.id}",
        )

    def cut_off_leader(self) -> None:
        """Cut the leader off: the others go on, and it disturbs them neither way."""
        world = self._world
        leader = self._leader()
        if leader is None or len(self._conf_state.voters) < 3:
            return
        shape = world.shape
        others = [node_id for node_id in world.members if node_id != leader.id]
        links = {(leader.id, other) for other in others}
        world.network.cut |= links | {(b, a) for a, b in links}
        term = leader.replica.state.term
        for _ in range(2 * shape.election_ticks_min + 1):
            self._pass_tick()
        if shape.check_quorum and leader.replica.state.role is Role.LEADER:
            raise Violation(
                Property.CUT_OFF_STEPS_DOWN, f"{leader.id} leads on; {self._sight()}"
            )
        self._until(
            _TIMEOUTS_TO_ELECT,
            lambda: self._replacement(leader) is not None,
            Property.LEADER_ELECTED,
            f"a leader without {leader.id}, which is cut off",
        )
        if shape.pre_vote and leader.replica.state.term != term:
            raise Violation(
                Property.CUT_OFF_STAYS_QUIET,
                f"member {leader.id} went from term {term} to"
                f" {leader.replica.state.term} alone",
            )
        world.network.cut.clear()
        self.elect()
        self.apply_everywhere()

    def _replacement(self, gone: Member) -> Member | None:
        """Return who leads all but one."""
        leader = self._world.leader()
        if leader is None or leader is gone:
            return None
        followers = [member for member in self._group() if member is not gone]
        if any(m.replica.state.leader != leader.id for m in followers):
            return None
        return leader
