"""One run: a group is born, works under faults, comes to rest, and is judged."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import msgspec

from raftwerk.core.records import ConfState
from raftwerk.errors import NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run
from raftwerk.runtime.event_format import encode_record, header_record
from raftwerk.runtime.members import Member
from raftwerk.sim.acts import ACTS
from raftwerk.sim.history import Action, Operation
from raftwerk.sim.judge import judge, judge_leases
from raftwerk.sim.machine import Machine, require_whole
from raftwerk.sim.operator import Operator
from raftwerk.sim.plan import Fault, Plan
from raftwerk.sim.records import Records
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.watching import watch
from raftwerk.sim.workload import KEYS, Client, bank, carry_out, hold, lease_out, write
from raftwerk.sim.world import World
from raftwerk.storage.memory_disk import PowerCut

__all__ = ["Outcome", "record_plan", "run_plan"]

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


class Run:
    """A plan, as it is carried out.

    Parameters
    ----------
    loop : VirtualLoop
        The running one.
    plan : Plan
        What is to happen.
    """

    def __init__(self, loop: VirtualLoop, plan: Plan) -> None:
        self.plan = plan
        self.world = World(loop, plan)
        self.records = Records()
        self._clients: list[Client] = []
        self._working: list[asyncio.Task[None]] = []
        self._acting: list[asyncio.Task[None]] = []
        self._operator = Operator(self.world)

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
        operating = self._begin(self._operator.run())
        self._begin_work()
        await self._cause_faults()
        operating.cancel()
        await self._come_to_rest()

    # ---- work and faults ----------------------------------------------------

    def _begin_work(self) -> None:
        """Have all clients work."""
        plan = self.plan
        sorts = (
            (write, plan.writers),
            (bank, plan.bankers),
            (hold, plan.holders),
            (lease_out, plan.leaseholders),
            (watch, plan.watchers),
        )
        for work, count in sorts:
            for _ in range(count):
                client = Client(self.world, self.records, len(self._clients))
                self._clients.append(client)
                self._working.append(self._begin(work(client)))

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run something whose failure is the run's."""
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
        last_writes, last_time = self.records.writes, begin
        busy_until = begin
        for fault in (*self.plan.faults, None):
            until = begin + (self.plan.seconds if fault is None else fault.at)
            while world.now() < until - 1e-9:
                await world.sleep(min(1.0, until - world.now()))
                now = world.now()
                if self.records.writes > last_writes or not self.plan.writers:
                    last_writes, last_time = self.records.writes, now
                if now - max(last_time, busy_until) > QUIET_SECONDS:
                    raise Violation(
                        Property.PROGRESS,
                        f"nothing was written for {now - last_time:.1f} s, and nothing"
                        f" went wrong for {now - busy_until:.1f} s",
                    )
            if fault is not None:
                busy_until = max(busy_until, world.now() + fault.seconds)
                self._acting.append(self._begin(self._act(fault)))

    async def _act(self, fault: Fault) -> None:
        """Have one thing go wrong."""
        await ACTS[fault.kind](self.world, fault, SplitMix64(fault.draw))

    # ---- the end ------------------------------------------------------------

    async def _come_to_rest(self) -> None:
        """End all faults, and demand that all is well; then judge what was told."""
        world = self.world
        world.tell(None, "faults end")
        for task in self._acting:
            task.cancel()
        world.calm_down()
        operating = self._begin(self._operator.run())
        await self._operator.mend(CALM_SECONDS)
        await self._until_well()
        for client in self._clients:
            client.is_over = True
        watching = self._working[-self.plan.watchers :] if self.plan.watchers else []
        await world.until(
            lambda: all(task.done() or task in watching for task in self._working),
            CALM_SECONDS,
            Property.LIVENESS,
            "each call of a client ends",
        )
        operating.cancel()
        await self._read_all()
        await self._until_equal()
        await self._until_watched()
        await world.until(
            lambda: not any(
                each.lease_id in self.records.leases
                for each in world.ledger.store.leases()
            ),
            CALM_SECONDS,
            Property.LEASES,
            "leases that nobody keeps alive end",
        )
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        self._judge()

    async def _until_well(self) -> None:
        """Wait until all members know one leader, and new writes succeed."""
        world = self.world
        await world.until(
            self._is_led, CALM_SECONDS, Property.LIVENESS, "all members know one leader"
        )
        writes = self.records.writes
        if self.plan.writers:
            await world.until(
                lambda: self.records.writes > writes + 5,
                CALM_SECONDS,
                Property.LIVENESS,
                "new writes are acknowledged",
            )

    def _is_led(self) -> bool:
        """Tell whether all members run, and know who leads."""
        machines = self._members()
        if machines is None:
            return False
        try:
            leaders = {each.services.node.status().leader for each in machines}
        except NotLeader:
            return False  # one has failed in this moment
        return len(leaders) == 1 and None not in leaders

    def _members(self) -> list[Machine] | None:
        """Return the machines of all members; None if one does not run."""
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

    async def _read_all(self) -> None:
        """Read each key through each member, as a part of the history."""
        client = Client(self.world, self.records, len(self._clients))
        for machine in self._members() or ():
            client.member = lambda machine=machine: machine  # type: ignore[method-assign,misc]  # this one alone
            for number in range(KEYS):
                for _ in range(20):
                    operation = Operation(
                        client=client.number,
                        action=Action.READ,
                        key=b"key %d" % number,
                        started=client.now(),
                    )
                    if await carry_out(client, operation) is not None:
                        break
                    await client.rest()
                else:
                    raise Violation(
                        Property.LIVENESS, f"{machine.name} does not answer a read"
                    )

    async def _until_equal(self) -> None:
        """Wait until all members have applied all there is, and compare them."""

        def _are_equal() -> bool:
            """Tell whether all have applied as much."""
            machines = self._members()
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
        digests = {}
        configurations: set[ConfState] = set()
        for machine in self._members() or ():
            require_whole(machine)
            digests[machine.name] = _digest_of(machine)
            configurations.add(machine.services.node.status().conf_state)
        if len(set(digests.values())) > 1:
            raise Violation(Property.EFFECTS, f"digests of equal stores: {digests}")
        if len(configurations) > 1:
            raise Violation(Property.CONFIGURATION, f"at one index: {configurations}")

    async def _until_watched(self) -> None:
        """Wait until those who watch were told of everything."""
        newest = self.world.ledger.store.revision
        wanted = [
            (each, self._last_change(each.prefix, each.range_end))
            for each in self.records.watches
        ]

        def _are_told() -> bool:
            """Tell whether nothing is left to be told."""
            return all(each.next_revision > last for each, last in wanted)

        await self.world.until(
            _are_told,
            CALM_SECONDS,
            Property.WATCHES,
            f"who watches is told of all changes up to {newest}",
        )

    def _last_change(self, prefix: bytes, range_end: bytes) -> int:
        """Return the newest revision that changed something in a range."""
        for event in reversed(self.world.ledger.store.events(1)):
            key = event.kv.key
            if prefix <= key and (range_end == b"\0" or key < range_end):
                return event.kv.mod_revision
        return 0

    def _judge(self) -> None:
        """Hold what clients were told against what was agreed upon."""
        world = self.world
        now = world.now()
        judge(world.ledger, self.records, now)
        rates = [machine.rate_max for machine in world.machines.values()]
        judge_leases(
            world.ledger,
            self.records,
            world.ledger.lease_ends,
            now,
            float("inf") if world.clocks_jumped else max(rates),
        )

    # ---- what is told of it -------------------------------------------------

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
            restarts=sum(each.lives - 1 for each in world.machines.values()),
            members=len(world.machines) - plan.nodes,
            outcomes=dict(sorted(self.records.outcomes.items())),
            faults=dict(sorted(kinds.items())),
        )


def _digest_of(machine: Machine) -> int:
    """Return a number of all that a store holds."""
    steps = machine.services.store.digest_in_steps()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            digest: int = end.value
            return digest


def _take_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over what nobody could hear: the power was cut, or the run is over."""
    if not (loop.is_closed() or isinstance(context.get("exception"), PowerCut)):
        loop.default_exception_handler(context)


def _begun(plan: Plan) -> Run:
    """Return a run on the loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)  # nosec B101: for the type checker
    loop.set_exception_handler(_take_unheard)
    return Run(loop, plan)


def record_plan(plan: Plan) -> tuple[Outcome, list[bytes]]:
    """Carry a plan out, and return what a page can play of it.

    Parameters
    ----------
    plan : Plan
        What is to happen; that somebody watches changes nothing about it.

    Returns
    -------
    tuple of Outcome and list of bytes
        What became of it, and records as `docs/reference/events.md` has them, in
        order of time.
    """
    lines: list[bytes] = []

    async def _told() -> Outcome:
        """Be the whole run."""
        simulated = _begun(plan)
        simulated.world.recording = lines
        begin = simulated.world.clock.wall()
        lines.append(encode_record(header_record("simulator", begin)))
        await simulated.world.guard(simulated.tell())
        return simulated.outcome()

    outcome = run(_told())
    times = {line: msgspec.json.decode(line, type=_Timed).t for line in lines}
    return outcome, [lines[0], *sorted(lines[1:], key=times.__getitem__)]


class _Timed(msgspec.Struct):
    """What all records have."""

    t: float


def run_plan(plan: Plan) -> tuple[Outcome, list[str]]:
    """Carry a plan out, on virtual time.

    Parameters
    ----------
    plan : Plan
        What is to happen.

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
        simulated = _begun(plan)
        await simulated.world.guard(simulated.tell())
        world = simulated.world
        return simulated.outcome(), list(world.lines), world.error

    outcome, lines, error = run(_told())
    if error is not None:
        raise error
    return outcome, lines
