"""A group of cores on virtual time: all that happens follows from one integer."""

from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from typing import Any, TypeVar

import msgspec

from raftwerk.core.inputs import ReadIndex, Tick
from raftwerk.core.invariants import check_all
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.errors import InvariantViolation
from raftwerk.host.draw import SplitMix64
from raftwerk.types import LogIndex, NodeId, Term

from .ledger import Ledger
from .member import Member
from .network import Network
from .properties import Property, Violation
from .shape import TICK, Shape, draw_shape
from .story import Story

__all__ = ["Asked", "World"]

T = TypeVar("T")

_EVENTS_A_TICK_MAX = 500
_EVENTS_A_TICK_MAX_WIDE = 4_000
"""Where a window holds hundreds of messages of one entry each, and the network gives
them another order: each refusal that comes late has the whole window sent again, for
then it no longer bounds what is on the way (so in etcd, see decision 60)."""

_WIDE_WINDOW = 256
_SMALL_MESSAGE_BYTES = 60
_CHECK_ALL_EVERY = 40
"""Events between two looks at the whole log of a member."""


class Asked(msgspec.Struct):
    """A read that a member began."""

    node_id: NodeId
    least_index: LogIndex
    """What was committed, anywhere, when it began."""
    is_answered: bool = False


class World:
    """The members, their network, and what happens next.

    Parameters
    ----------
    seed : int
        What decides everything.
    without : collection of str
        Faults to leave out.
    leases : bool
        Whether reads are served by lease, whatever the seed says.
    ticks : int, optional
        How long the faults last, instead of what the seed says.
    story : Story, optional
        Where to tell what happens.

    Attributes
    ----------
    now : int
        Virtual time, in units of a thousandth of a tick.
    reads : dict of int to Asked
        By context.
    steps : int
        How many events there were.
    """

    def __init__(
        self,
        seed: int,
        *,
        without: Collection[str] = (),
        leases: bool = False,
        ticks: int | None = None,
        story: Story | None = None,
    ) -> None:
        shape = draw_shape(SplitMix64(seed).fork("shape"), without, leases=leases)
        if ticks is not None:
            shape = msgspec.structs.replace(shape, ticks=ticks)
        self.shape: Shape = shape
        self.draw = SplitMix64(seed).fork("schedule")
        self.story = story
        if story is not None:
            story.begin(self, seed)
        self.now = 0
        self.steps = 0
        self.reads: dict[int, Asked] = {}
        self.is_calm = False
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self._names = 0
        ids = shape.member_ids
        start = Snapshot(
            LogIndex(1),
            Term(1),
            ConfState(
                voters=ids[: shape.voters],
                learners=ids[shape.voters : shape.voters + shape.learners],
            ),
            bytes(4),
        )
        self.ledger = Ledger(start)
        self.network = Network(self)
        self.members: dict[NodeId, Member] = {}
        self.ledger.members = self.members
        first = shape.voters + shape.learners
        for place, node_id in enumerate(ids):
            self.members[node_id] = Member(
                self,
                node_id,
                start if place < first else Snapshot(),
                self.chance(shape.asynchronous),
            )
            self._start_clock(node_id)

    # ---- time ---------------------------------------------------------------

    def at(self, delay: int, do: Callable[..., None], *arguments: Any) -> None:
        """Have something done later."""
        self._order += 1
        heappush(self._queue, (self.now + delay, self._order, do, arguments))

    def run(self, units: int) -> None:
        """Let time pass."""
        end = self.now + units
        queue = self._queue
        while queue and queue[0][0] <= end:
            self.now, _, do, arguments = heappop(queue)
            self.steps += 1
            do(*arguments)
            if self.steps % _CHECK_ALL_EVERY == 0:
                self.check_all()
                self._check_calm(end)
        self.now = end

    def check_all(self) -> None:
        """Check the dear invariants of one member."""
        members = [member for member in self.members.values() if member.is_up]
        if not members:
            return
        member = members[self.steps // _CHECK_ALL_EVERY % len(members)]
        try:
            check_all(member.replica.state)
        except InvariantViolation as error:
            raise Violation(Property.INVARIANT, str(error)) from error

    def _check_calm(self, end: int) -> None:
        """Check that messages do not breed messages."""
        shape = self.shape
        is_wide = (
            shape.inflight_messages_max >= _WIDE_WINDOW
            and shape.append_bytes_max <= _SMALL_MESSAGE_BYTES
        )
        events_a_tick = _EVENTS_A_TICK_MAX_WIDE if is_wide else _EVENTS_A_TICK_MAX
        if self.steps > events_a_tick * (100 + end // TICK):
            raise Violation(
                Property.BOUNDS,
                f"{self.steps} events in {end // TICK} ticks, and {len(self._queue)}"
                " more to come",
            )

    def _start_clock(self, node_id: NodeId) -> None:
        """Let a member's clock run, right or wrong."""
        period = TICK
        if "drift" in self.shape.faults:
            period = TICK // 2 + self.draw.below(TICK)
        phase = 0 if self.shape.is_lockstep else self.draw.below(TICK)
        self.at(phase, self._tick, node_id, period)

    def _tick(self, node_id: NodeId, period: int) -> None:
        """Let one tick of one member pass."""
        if self.is_calm:
            return  # Another clock runs.
        self.at(period, self._tick, node_id, period)
        self._pass_tick(node_id)

    def _pass_tick(self, node_id: NodeId) -> None:
        """Tell a member that a tick passed, if it lives."""
        member = self.members[node_id]
        if member.is_up:
            member.step(Tick())

    # ---- draws --------------------------------------------------------------

    def chance(self, of_a_thousand: int) -> bool:
        """Return true so many times of a thousand."""
        return of_a_thousand > 0 and self.draw.below(1000) < of_a_thousand

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of them, each alike likely."""
        return choices[self.draw.below(len(choices))]

    def turn_delay(self) -> int:
        """Return how long inputs gather before a `Ready` is taken."""
        return 0 if self.is_calm or self.draw.below(4) else self.draw.below(400)

    def disk_delay(self, member: Member) -> int:
        """Return how long a write takes."""
        delay = self.draw.below(self.shape.disk_max if not self.is_calm else 20)
        return delay + max(member.stalled_until - self.now, 0)

    def apply_delay(self) -> int:
        """Return how long the state machine takes."""
        return self.draw.below(self.shape.apply_max if not self.is_calm else 20)

    # ---- what clients do ----------------------------------------------------

    def name(self) -> int:
        """Return a number that nothing else has."""
        self._names += 1
        return self._names

    def read(self, member: Member) -> Asked:
        """Begin a read at a member."""
        context = self.name()
        asked = Asked(member.id, self.ledger.commit_index)
        self.reads[context] = asked
        member.step(ReadIndex(context))
        return asked

    def leaders(self) -> list[Member]:
        """Return all that live and lead a term, an old one perhaps."""
        return [
            member
            for member in self.members.values()
            if member.is_up and member.replica.state.role is Role.LEADER
        ]

    def leader(self) -> Member | None:
        """Return who leads the newest term, of those that live."""
        return max(self.leaders(), key=lambda m: m.replica.state.term, default=None)

    # ---- the end of all faults ----------------------------------------------

    def make_whole(self) -> None:
        """End all faults: every member lives and hears the others; clocks are right."""
        self.is_calm = True
        self.network.make_whole()
        # What is on its way arrives within a tick.
        last = self.now + TICK
        self._queue = sorted(
            (min(when, last - 1), order, do, arguments)
            for when, order, do, arguments in self._queue
        )
        for member in self.members.values():
            member.stalled_until = 0
            if not member.is_up:
                member.start()
            phase = TICK if self.shape.is_lockstep else 1 + self.draw.below(TICK)
            self.at(phase, self._calm_tick, member.id)

    def _calm_tick(self, node_id: NodeId) -> None:
        """Let one tick pass; all clocks are alike now."""
        self.at(TICK, self._calm_tick, node_id)
        self._pass_tick(node_id)
