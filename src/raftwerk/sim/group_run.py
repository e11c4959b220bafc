"""What every run has, whatever its group keeps: a birth, faults, an end, a verdict."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from raftwerk.errors import NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop
from raftwerk.runtime.event_format import encode_record, header_record
from raftwerk.runtime.members import Member
from raftwerk.sim.acts import ACTS
from raftwerk.sim.machine import Machine
from raftwerk.sim.operator import Operator
from raftwerk.sim.plan import Fault, Plan
from raftwerk.sim.running import run_world
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.world import World
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut

__all__ = ["CALM_SECONDS", "GroupRun", "Outcome", "run_group", "record_group"]

BEGIN_SECONDS: Final = 10.0
"""Within which a new group has a leader."""

CALM_SECONDS: Final = 30.0
"""Within which all is well again when faults have ended."""

QUIET_SECONDS: Final = 20.0
"""Without any fault under way, so long without an acknowledged write is a violation."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a run; equal for equal plans.

    Parameters
    ----------
    seed, nodes, seconds : int, int, float
        Of the plan.
    violation : str
        The name of the property that did not hold; empty if all held.
    story : str
        What was seen instead.
    digest : str
        Of all that was told: equal runs have equal ones.
    elections, restarts, members : int
        Leaders, processes beyond the first of each machine, machines beyond the first.
    virtual_seconds : float
        How long the run took, in its own time.
    commands : int
        What was agreed upon.
    outcomes : dict of str to int
        What clients were told, and how often.
    faults : dict of str to int
        What went wrong, and how often.
    """

    seed: int
    nodes: int
    seconds: float
    violation: str = ""
    story: str = ""
    digest: str = ""
    virtual_seconds: float = 0.0
    commands: int = 0
    elections: int = 0
    restarts: int = 0
    members: int = 0
    outcomes: dict[str, int] = {}
    faults: dict[str, int] = {}

    @property
    def holds(self) -> bool:
        """Whether nothing was violated."""
        return not self.violation


class GroupRun(ABC):
    """A plan, as it is carried out by some sort of group.

    Parameters
    ----------
    plan : Plan
        What is to happen.
    world : World
        Where.

    Attributes
    ----------
    operator : Operator
        Keeps house.
    """

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan = plan
        self.world = world
        self.operator = Operator(world)
        self._acting: list[asyncio.Task[None]] = []

    # ---- what sorts of groups differ in -------------------------------------

    @abstractmethod
    def _begin_work(self) -> None:
        """Have all clients work."""

    @abstractmethod
    def _achieved(self) -> int:
        """Return how much clients were told to be done."""

    @abstractmethod
    def _is_wanted(self) -> bool:
        """Tell whether there is somebody who wants something done."""

    @abstractmethod
    async def _come_to_rest(self) -> None:
        """See to it that all is well, now that no fault strikes any more; judge."""

    @abstractmethod
    def _told(self) -> Mapping[str, int]:
        """Return what clients were told, and how often."""

    # ---- from the beginning to the end --------------------------------------

    async def tell(self) -> None:
        """Carry it out, from the beginning to the end."""
        world = self.world
        for machine in list(world.machines.values()):
            await machine.start()
        await world.until(
            lambda: world.leader() is not None,
            BEGIN_SECONDS,
            Property.LIVENESS,
            "a new group has a leader",
        )
        operating = self.begin(self.operator.run())
        self._begin_work()
        await self._cause_faults()
        operating.cancel()
        await self._calm_down()
        await self._come_to_rest()

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run something whose failure is the run's.

        Parameters
        ----------
        coroutine : Coroutine
            What.

        Returns
        -------
        asyncio.Task
            To be cancelled.
        """
        task = asyncio.ensure_future(coroutine)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Take the failure of whatever ran."""
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Violation):
            self.world.violated(error)
        elif error is not None:
            self.world.broke(error)

    async def _cause_faults(self) -> None:
        """Do what the plan says, when it says so; demand progress meanwhile."""
        world, begin = self.world, self.world.now()
        achieved, last_time = self._achieved(), begin
        busy_until = begin
        for fault in (*self.plan.faults, None):
            until = begin + (self.plan.seconds if fault is None else fault.at)
            while world.now() < until - 1e-9:
                await world.sleep(min(1.0, until - world.now()))
                now = world.now()
                if self._achieved() > achieved or not self._is_wanted():
                    achieved, last_time = self._achieved(), now
                if now - max(last_time, busy_until) > QUIET_SECONDS:
                    raise Violation(
                        Property.PROGRESS,
                        f"nothing was written for {now - last_time:.1f} s, and nothing"
                        f" went wrong for {now - busy_until:.1f} s",
                    )
            if fault is not None:
                busy_until = max(busy_until, world.now() + fault.seconds)
                self._acting.append(self.begin(self._act(fault)))

    async def _act(self, fault: Fault) -> None:
        """Have one thing go wrong."""
        await ACTS[fault.kind](self.world, fault, SplitMix64(fault.draw))

    # ---- the end ------------------------------------------------------------

    async def _calm_down(self) -> None:
        """End all faults."""
        self.world.tell(None, "faults end")
        for task in self._acting:
            task.cancel()
        self.world.calm_down()

    async def mend(self) -> "asyncio.Task[None]":
        """Wait until the group is whole and led; what breaks from now on is mended.

        Returns
        -------
        asyncio.Task
            The operator's, to be cancelled.
        """
        operating = self.begin(self.operator.run())
        await self.operator.mend(CALM_SECONDS)
        await self.world.until(
            self._is_led, CALM_SECONDS, Property.LIVENESS, "all members know one leader"
        )
        return operating

    def _is_led(self) -> bool:
        """Tell whether all members run, and know who leads."""
        machines = self.members()
        if machines is None:
            return False
        try:
            leaders = {each.services.node.status().leader for each in machines}
        except NotLeader:
            return False  # one has failed in this moment
        return len(leaders) == 1 and None not in leaders

    def members(self) -> list[Machine] | None:
        """Return the machines of all members.

        Returns
        -------
        list of Machine or None
            None if one of them does not run.
        """
        leader = self.world.leader()
        if leader is None or not leader.is_ready:
            return None
        try:
            members: list[Member] = list(leader.services.node.members)
        except NotLeader:
            return None  # it has failed in this moment
        machines = [self.world.machines.get(each.node_id) for each in members]
        found = [each for each in machines if each is not None and each.is_ready]
        return found if len(found) == len(members) else None

    async def until_applied(self) -> None:
        """Wait until all members have applied all there is."""

        def _are_equal() -> bool:
            """Tell whether all have applied as much."""
            machines = self.members()
            if machines is None:
                return False
            try:
                views = [each.services.node.status() for each in machines]
            except NotLeader:
                return False
            return len({view.applied_index for view in views}) == 1

        await self.world.until(
            _are_equal,
            CALM_SECONDS,
            Property.LIVENESS,
            "all members apply all there is",
        )

    def outcome(self) -> Outcome:
        """Return what became of it.

        Returns
        -------
        Outcome
            As far as it came.
        """
        world, plan = self.world, self.plan
        violation = world.violation
        kinds: dict[str, int] = {}
        for fault in plan.faults:
            kinds[fault.kind] = kinds.get(fault.kind, 0) + 1
        return Outcome(
            seed=plan.seed,
            nodes=plan.nodes,
            seconds=plan.seconds,
            violation="" if violation is None else violation.kind.value,
            story="" if violation is None else violation.story,
            digest=world.digest,
            virtual_seconds=round(world.now(), 6),
            commands=world.ledger.commands,
            elections=world.ledger.elections,
            restarts=sum(max(0, each.lives - 1) for each in world.machines.values()),
            members=len(world.machines) - plan.nodes,
            outcomes=dict(sorted(self._told().items())),
            faults=dict(sorted(kinds.items())),
        )


def _take_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over what nobody could hear: the power was cut, or the run is over."""
    if not (loop.is_closed() or isinstance(context.get("exception"), PowerCut)):
        loop.default_exception_handler(context)


Maker = Callable[[VirtualLoop], GroupRun]
"""Makes a run on the loop that is to carry it out."""


def _begun(make: Maker) -> GroupRun:
    """Return a run on the loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)  # nosec B101: for the type checker
    loop.set_exception_handler(_take_unheard)
    return make(loop)


class _Timed(msgspec.Struct):
    """What all records have."""

    t: float


def record_group(
    make: Maker, flights: MemoryDisk | None = None
) -> tuple[Outcome, list[bytes]]:
    """Carry a run out, and return what a page can play of it.

    Parameters
    ----------
    make : callable
        Makes the run; that somebody watches changes nothing about it.
    flights : MemoryDisk or None
        Where members keep what their cores are told, a folder for each; None: nowhere.

    Returns
    -------
    tuple of Outcome and list of bytes
        What became of it, and records as `docs/reference/events.md` has them, in
        order of time.
    """
    lines: list[bytes] = []

    async def _told() -> Outcome:
        """Be the whole run."""
        simulated = _begun(make)
        simulated.world.recording = lines
        simulated.world.flights = flights
        begin = simulated.world.clock.wall()
        lines.append(encode_record(header_record("simulator", begin)))
        await simulated.world.guard(simulated.tell())
        for machine in simulated.world.machines.values():
            machine.land()
        outcome = simulated.outcome()
        if outcome.violation:
            violated = {
                "type": "violation",
                "t": simulated.world.clock.wall(),
                "property": outcome.violation,
                "text": outcome.story,
            }
            lines.append(encode_record(violated))
        return outcome

    outcome = run_world(_told())
    times = {line: msgspec.json.decode(line, type=_Timed).t for line in lines}
    return outcome, [lines[0], *sorted(lines[1:], key=times.__getitem__)]


def run_group(make: Maker) -> tuple[Outcome, list[str]]:
    """Carry a run out, on virtual time.

    Parameters
    ----------
    make : callable
        Makes it.

    Returns
    -------
    tuple of Outcome and list of str
        What became of it, and the story, or the end of a long one.

    Raises
    ------
    Exception
        What a member raised and no code of ours should: a bug that has no name yet.
    """

    async def _told() -> tuple[Outcome, list[str], BaseException | None]:
        """Be the whole run."""
        simulated = _begun(make)
        await simulated.world.guard(simulated.tell())
        world = simulated.world
        return simulated.outcome(), list(world.lines), world.error

    outcome, lines, error = run_world(_told())
    if error is not None:
        raise error
    return outcome, lines
