"""Role hooks: what an application does when its node begins or ceases to lead.

One hook runs at a time. A leader's hook that still runs when the node steps down is
ended at once; what is wanted next starts when it is gone, and if roles flap meanwhile
only the newest counts. No hook can harm the node: it may fail, hang or write without
end, and is only reported.

A node that was cut off learns late that it was replaced; for a moment two may believe
that they lead (thesis §6.4). So a hook gets a fencing token, and what it guards must
refuse a token smaller than one seen before.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    BecamePreCandidate,
    Event,
)
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.host.protocol import Clock, Host, Timers
from raftwerk.runtime.node import Node
from raftwerk.types import NodeId, Term

__all__ = [
    "Hook",
    "HookOutcome",
    "HookRun",
    "Hooks",
    "RoleChange",
    "change_of",
    "fencing_token",
]

_ROLE_EVENTS: Final = (
    BecameLeader,
    BecameFollower,
    BecameCandidate,
    BecamePreCandidate,
)

RUNS_KEPT: Final = 32
"""How many past runs are remembered."""

STOP_SECONDS: Final = 5.0
"""How long a follower's hook may still run when the node stops. Then it is ended, for
which a script has two seconds more: the whole stop may take ten."""


class RoleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook is told."""

    role: Role
    """LEADER or FOLLOWER; for a hook, whoever does not lead follows."""
    term: Term
    leader: str
    """The leader's name; empty while there is none that is known."""
    node: str
    """This node's name."""
    fencing_token: int


Hook = Callable[[RoleChange], Awaitable[None]]
"""What runs on a change of role; it is cancelled when its time is up or it is stale."""


class HookOutcome(StrEnum):
    """How a run ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ENDED = "ended"
    """The role was lost, or the node stopped, before it was done."""


class HookRun(msgspec.Struct, kw_only=True):
    """One run of one hook."""

    change: RoleChange
    started_at: float
    """Seconds since 1970."""
    seconds: float = 0.0
    outcome: HookOutcome = HookOutcome.RUNNING
    reason: str = ""
    """Why it failed."""


def fencing_token(term: Term, role: Role, *, voted_for_itself: bool) -> int:
    """Return a number that never gets smaller, and is of no newer term than ours.

    There is one leader a term at most (Raft paper Fig. 3), so a term is a token; the
    place before a leader's is for those who follow in its term. Who may have led in it
    gets the leader's own: it may not go back, and it may as well have lost the election
    before it crashed. A greater one would then shut the real leader out.

    Parameters
    ----------
    term : Term
        The present one.
    role : Role
        Of this node.
    voted_for_itself : bool
        Whether this node has its own vote in this term, so that it may have led in it.

    Returns
    -------
    int
        Greater than any leader's of an earlier term.

    Examples
    --------
    >>> fencing_token(7, Role.LEADER, voted_for_itself=True)
    15
    >>> fencing_token(7, Role.FOLLOWER, voted_for_itself=True)
    15
    >>> fencing_token(8, Role.FOLLOWER, voted_for_itself=False)
    16
    """
    if role is Role.LEADER:
        return 2 * term + 1
    return 2 * term + (1 if voted_for_itself else 0)


class Hooks:
    """Runs what is to be run when a node's role changes.

    Parameters
    ----------
    host : Host
        Time.
    report : callable
        Called with a run when it starts and when it has ended.
    on_leader, on_follower : callable, optional
        The hooks; nothing runs where there is none.
    timeout_seconds : float
        How long a hook may take.
    """

    def __init__(
        self,
        host: Host,
        report: Callable[[HookRun], object],
        *,
        on_leader: Hook | None = None,
        on_follower: Hook | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        self._clock: Clock = host.clock
        self._timers: Timers = host.timers
        self._report = report
        self._on_leader = on_leader
        self._on_follower = on_follower
        self._timeout_seconds = timeout_seconds
        self._runs: deque[HookRun] = deque(maxlen=RUNS_KEPT)
        self._told: RoleChange | None = None
        self._wanted: RoleChange | None = None
        self._running: asyncio.Task[None] | None = None
        self._present: HookRun | None = None
        self._task: asyncio.Future[None] | None = None
        self._is_stopped = False

    @property
    def runs(self) -> Sequence[HookRun]:
        """The last runs, oldest first; the last one may be running."""
        return tuple(self._runs)

    def replace(
        self,
        *,
        on_leader: Hook | None,
        on_follower: Hook | None,
        timeout_seconds: float = 30.0,
    ) -> None:
        """Take other hooks for changes to come; one that runs is left alone.

        Parameters
        ----------
        on_leader, on_follower : callable, optional
            As at first.
        timeout_seconds : float
            As at first.
        """
        self._on_leader, self._on_follower = on_leader, on_follower
        self._timeout_seconds = timeout_seconds

    def watch(self, node: Node) -> None:
        """Follow the role of a node from now on, and run the hook of the present one.

        Parameters
        ----------
        node : Node
            It runs.
        """

        def _look(events: Sequence[Event]) -> None:
            """Compare; whatever roles there were in between, the present one counts."""
            if any(isinstance(event, _ROLE_EVENTS) for event in events):
                # A node that stops takes part for a while still, but answers no more:
                # what it becomes then matters to nobody.
                with suppress(NotLeader):
                    self.look(change_of(node))

        node.observe(_look)
        self.look(change_of(node))

    def look(self, change: RoleChange) -> None:
        """Run what a role asks for, unless it was the one before.

        Parameters
        ----------
        change : RoleChange
            How things stand.
        """
        told = self._told
        if self._is_stopped or (
            told is not None
            and told.role is change.role
            # A leader of a newer term was deposed in between: its followers saw it.
            and (change.role is not Role.LEADER or told.term == change.term)
        ):
            return
        self._told = self._wanted = change
        present = self._present
        if present is not None and present.change.role is Role.LEADER:
            self._end(HookOutcome.ENDED)
        if self._running is None:
            self._running = asyncio.ensure_future(self._run_wanted())

    async def stop(self) -> None:
        """Run nothing new; give a follower's hook some time, and end a leader's."""
        self._is_stopped = True
        if self._present is not None and self._present.change.role is Role.LEADER:
            self._end(HookOutcome.ENDED)
        if self._running is None:
            return
        timer = self._timers.call_later(STOP_SECONDS, self._give_up)
        try:
            await asyncio.wait((self._running,))
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        """Have all end that has not: whoever stops us would end it less gently."""
        self._wanted = None
        self._end(HookOutcome.ENDED)

    async def _run_wanted(self) -> None:
        """Run hooks until the newest role has had its own."""
        while (change := self._wanted) is not None:
            self._wanted = None
            is_leader = change.role is Role.LEADER
            hook = self._on_leader if is_leader else self._on_follower
            if hook is not None:
                await self._run(hook, change)
        self._running = None

    async def _run(self, hook: Hook, change: RoleChange) -> None:
        """Run one hook to its end, whatever that is."""
        began = self._clock.now()
        run = HookRun(change=change, started_at=self._clock.wall())
        self._present = run
        self._runs.append(run)
        self._report(run)
        task = self._task = asyncio.ensure_future(hook(change))
        limit = self._timeout_seconds
        timer = self._timers.call_later(limit, self._end, HookOutcome.TIMED_OUT)
        try:
            await asyncio.wait((task,))
        finally:
            timer.cancel()
            self._present = None
        run.seconds = self._clock.now() - began
        if run.outcome is HookOutcome.TIMED_OUT:
            run.reason = f"it took longer than {limit:g} s"
        if run.outcome is HookOutcome.RUNNING:
            run.outcome, run.reason = _outcome(task)
        self._report(run)

    def _end(self, outcome: HookOutcome) -> None:
        """Have the present run end, and say why."""
        run, task = self._present, self._task
        if run is not None and task is not None and run.outcome is HookOutcome.RUNNING:
            run.outcome = outcome
            task.cancel()


def _outcome(task: "asyncio.Future[None]") -> tuple[HookOutcome, str]:
    """Tell how a hook ended by itself."""
    if task.cancelled():
        return HookOutcome.ENDED, "it cancelled itself"
    error = task.exception()
    if error is None:
        return HookOutcome.DONE, ""
    return HookOutcome.FAILED, f"{error}" or type(error).__name__


def change_of(node: Node) -> RoleChange:
    """Return how things stand for hooks.

    Parameters
    ----------
    node : Node
        It runs.

    Returns
    -------
    RoleChange
        The present role as leader or follower.
    """
    status = node.replica.status()
    names: dict[NodeId, str] = {each.node_id: each.name for each in node.members}
    leader = status.leader
    role = Role.LEADER if status.role is Role.LEADER else Role.FOLLOWER
    return RoleChange(
        role=role,
        term=status.term,
        leader="" if leader is None else names.get(leader, "") or f"{leader:x}",
        node=names.get(status.node_id, "") or f"{status.node_id:x}",
        fencing_token=fencing_token(
            status.term, role, voted_for_itself=status.vote == status.node_id
        ),
    )
