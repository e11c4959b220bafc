"""One run: a group is born, works under faults, comes to rest, and is judged."""

import asyncio
from collections.abc import Mapping
from functools import partial

from raftwerk.core.records import ConfState
from raftwerk.host.virtual import VirtualClock, VirtualLoop
from raftwerk.sim.banking import bank
from raftwerk.sim.clients import KEYS, Client
from raftwerk.sim.group_run import (
    CALM_SECONDS,
    GroupRun,
    Outcome,
    record_group,
    run_group,
)
from raftwerk.sim.history import Action, Operation
from raftwerk.sim.judge import judge, judge_leases
from raftwerk.sim.kv_machine import KvMachine, kv_services, require_whole
from raftwerk.sim.leasing import lease_out
from raftwerk.sim.ledger import Ledger
from raftwerk.sim.locking import hold
from raftwerk.sim.machine import Machine
from raftwerk.sim.plan import Plan
from raftwerk.sim.reading import read
from raftwerk.sim.records import Records
from raftwerk.sim.repeating import repeat
from raftwerk.sim.sweeping import sweep
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.watching import watch
from raftwerk.sim.workload import carry_out, write
from raftwerk.sim.world import World, first_snapshot
from raftwerk.storage.memory_disk import MemoryDisk

__all__ = ["Outcome", "record_plan", "run_plan"]


class Run(GroupRun):
    """A plan, as it is carried out.

    Parameters
    ----------
    loop : VirtualLoop
        The running one.
    plan : Plan
        What is to happen.
    """

    def __init__(self, loop: VirtualLoop, plan: Plan) -> None:
        self.ledger = Ledger(first_snapshot(plan), VirtualClock(loop).now)
        super().__init__(
            plan, World(loop, plan, self.ledger, partial(KvMachine, self.ledger))
        )
        self.records = Records()
        self._clients: list[Client] = []
        self._working: list[asyncio.Task[None]] = []

    # ---- work and faults ----------------------------------------------------

    def _begin_work(self) -> None:
        """Have all clients work."""
        plan = self.plan
        sorts = (
            (write, plan.writers),
            (bank, plan.bankers),
            (hold, plan.holders),
            (lease_out, plan.leaseholders),
            (read, plan.readers),
            (repeat, plan.repeaters),
            (watch, plan.watchers),
            (sweep, plan.sweepers),
        )
        for work, count in sorts:
            for _ in range(count):
                client = Client(self.world, self.records, len(self._clients))
                self._clients.append(client)
                self._working.append(self.begin(work(client)))

    def _achieved(self) -> int:
        """Return how many writes of single keys were acknowledged."""
        return self.records.writes

    def _is_wanted(self) -> bool:
        """Tell whether anybody writes."""
        return self.plan.writers > 0

    # ---- the end ------------------------------------------------------------

    async def _come_to_rest(self) -> None:
        """Demand that all is well; then judge what was told."""
        world = self.world
        operating = await self.mend()
        await self._until_written()
        for client in self._clients:
            client.is_over = True
        end = len(self._working) - self.plan.sweepers
        watching = self._working[end - self.plan.watchers : end]
        await world.until(
            lambda: all(task.done() or task in watching for task in self._working),
            CALM_SECONDS,
            Property.LIVENESS,
            "each call of a client ends",
        )
        await self._read_all()
        await self._until_equal()
        await self._until_watched()
        await world.until(
            lambda: not any(
                each.lease_id in self.records.leases
                for each in self.ledger.store.leases()
            ),
            CALM_SECONDS,
            Property.LEASES,
            "leases that nobody keeps alive end",
        )
        operating.cancel()  # not before: a change that was under way wants it still
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        self._judge()

    async def _until_written(self) -> None:
        """Wait until new writes succeed."""
        world = self.world
        writes = self.records.writes
        if self.plan.writers:
            await world.until(
                lambda: self.records.writes > writes + 5,
                CALM_SECONDS,
                Property.LIVENESS,
                "new writes are acknowledged",
            )

    async def _read_all(self) -> None:
        """Read each key through each member, as a part of the history."""
        client = Client(self.world, self.records, len(self._clients))
        for machine in self.members() or ():
            client.only = machine
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
        await self.until_applied()
        digests = {}
        configurations: set[ConfState] = set()
        for machine in self.members() or ():
            require_whole(machine)
            digests[machine.name] = _digest_of(machine)
            configurations.add(machine.services.node.status().conf_state)
        if len(set(digests.values())) > 1:
            raise Violation(Property.EFFECTS, f"digests of equal stores: {digests}")
        if len(configurations) > 1:
            raise Violation(Property.CONFIGURATION, f"at one index: {configurations}")

    async def _until_watched(self) -> None:
        """Wait until those who watch were told of everything."""
        newest = self.ledger.store.revision
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
        for event in reversed(self.ledger.store.events(1)):
            key = event.kv.key
            if prefix <= key and (range_end == b"\0" or key < range_end):
                return event.kv.mod_revision
        return 0

    def _judge(self) -> None:
        """Hold what clients were told against what was agreed upon."""
        world = self.world
        now = world.now()
        judge(self.ledger, self.records, now)
        rates = [machine.rate_max for machine in world.machines.values()]
        judge_leases(
            self.ledger,
            self.records,
            self.ledger.lease_ends,
            now,
            float("inf") if world.clocks_jumped else max(rates),
        )

    # ---- what is told of it -------------------------------------------------

    def _told(self) -> Mapping[str, int]:
        """Return what clients were told, and how often."""
        return self.records.outcomes


def _digest_of(machine: Machine) -> int:
    """Return a number of all that a store holds."""
    steps = kv_services(machine.services).store.digest_in_steps()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            digest: int = end.value
            return digest


def record_plan(
    plan: Plan, flights: MemoryDisk | None = None
) -> tuple[Outcome, list[bytes]]:
    """Carry a plan out, and return what a page can play of it.

    Parameters
    ----------
    plan : Plan
        What is to happen; that somebody watches changes nothing about it.
    flights : MemoryDisk or None
        As `record_group` has it.

    Returns
    -------
    tuple of Outcome and list of bytes
        What became of it, and records as `docs/reference/events.md` has them, in
        order of time.
    """
    return record_group(lambda loop: Run(loop, plan), flights)


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
    return run_group(lambda loop: Run(loop, plan))
