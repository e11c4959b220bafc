"""One run of a user's machine: born, used under faults, brought to rest, and judged."""

import asyncio
import traceback
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.host.virtual import VirtualClock, VirtualLoop
from raftwerk.sim.ambient import ambience_lent
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.group_run import (
    CALM_SECONDS,
    GroupRun,
    Outcome,
    record_group,
    run_group,
)
from raftwerk.sim.machine import Services
from raftwerk.sim.plan import Plan
from raftwerk.sim.trial import Call, Trial
from raftwerk.sim.tried_client import SimulatedClient, TriedRecords
from raftwerk.sim.tried_ledger import TriedLedger
from raftwerk.sim.tried_machine import TriedMachine, require_held
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.world import World, first_snapshot
from raftwerk.storage.memory_disk import MemoryDisk

__all__ = ["record_trial", "run_trial"]

ENDING_SECONDS = 5.0
"""What clients have, once told, to come to an end by themselves."""


class TriedRun(GroupRun):
    """A plan, as it is carried out with a user's machine.

    Parameters
    ----------
    trial : Trial
        What the user brought.
    loop : VirtualLoop
        The running one.
    plan : Plan
        What is to happen; its writers are the user's clients.
    """

    def __init__(self, trial: Trial, loop: VirtualLoop, plan: Plan) -> None:
        self._trial = trial
        ledger = TriedLedger(first_snapshot(plan), VirtualClock(loop).now)
        world = World(loop, plan, ledger, partial(TriedMachine, trial, ledger))
        super().__init__(plan, world)
        self.records = TriedRecords()
        self._clients: list[SimulatedClient] = []
        self._working: list[asyncio.Task[None]] = []

    def _begin_work(self) -> None:
        """Have all clients work."""
        if self._trial.client is None:
            return
        for number in range(self.plan.writers):
            client = SimulatedClient(self.world, self.records, number)
            self._clients.append(client)
            working = self._named(self._trial.client(client), number)
            self._working.append(self.begin(working))

    async def _named(self, working: Coroutine[Any, Any, object], number: int) -> None:
        """Run a client of the user's; what it raises is a finding."""
        try:
            await working
        except (NotProposed, OutcomeUnknown) as error:
            # It gave up where others would try again; that is its right.
            self.world.tell(None, f"client {number} gives up: {error}")
        except Violation:
            raise
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            raise Violation(
                Property.TRIED_CODE,
                f"client {number}: {type(error).__name__}: {error}"
                f"\nin {frames[-1].name}, line {frames[-1].lineno}",
            ) from error

    def _achieved(self) -> int:
        """Return how many calls were answered."""
        return self.records.answered

    def _is_wanted(self) -> bool:
        """Tell whether somebody asked in vain since the last answer."""
        return self.records.failed_since > 0

    def _told(self) -> Mapping[str, int]:
        """Return what clients were told, and how often."""
        return self.records.outcomes

    async def _come_to_rest(self) -> None:
        """Demand that all is well; then judge what was told."""
        operating = await self.mend()
        await self._until_written()
        for client in self._clients:
            client.is_over = True
        if self._working:
            ended = asyncio.ensure_future(asyncio.wait(self._working))
            await self.world.done_within(ended, ENDING_SECONDS)
            ended.cancel()
            for task in self._working:
                task.cancel()
            await asyncio.wait(self._working)
        await self.until_applied()
        operating.cancel()  # not before: a change that was under way wants it still
        for machine in self.members() or ():
            assert isinstance(machine, TriedMachine)  # nosec B101: for types
            machine.check_state(machine.services.node.status().applied_index)
        self._judge()

    async def _until_written(self) -> None:
        """Have something written that no state machine sees."""
        world = self.world
        caller = Caller(world, world.draw.fork("liveness"))
        end = world.now() + CALM_SECONDS
        while world.now() < end:
            leader = world.leader()
            try:
                if leader is not None:
                    await caller.call(leader, _write_something, 5.0)
                    return
            except (Unreached, Lost):
                pass
            await world.sleep(0.1)
        raise Violation(
            Property.LIVENESS,
            f"not within {CALM_SECONDS:g} s: new writes are acknowledged",
        )

    def _judge(self) -> None:
        """Ask the user what to think of the history."""
        if self._trial.judge is None:
            return
        calls: list[Call] = sorted(self.records.calls, key=lambda call: call.started)
        broken = require_held(self._trial.judge, calls)
        if broken is not None:
            name = getattr(self._trial.judge, "__name__", "the judge")
            raise Violation(
                Property.TRIED_HISTORY,
                f"{name} finds fault with {len(calls)} calls{broken}",
            )


async def _write_something(services: Services) -> None:
    """Have two entries agreed upon; runs in a member's process."""
    session = await services.node.open_session()
    await session.close()


def run_trial(trial: Trial, plan: Plan) -> tuple[Outcome, list[str]]:
    """Carry a plan out with a user's machine, on virtual time.

    Parameters
    ----------
    trial : Trial
        What the user brought.
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
    with ambience_lent(getattr(trial.machine, "__module__", "")):
        return run_group(lambda loop: TriedRun(trial, loop, plan))


def record_trial(
    trial: Trial, plan: Plan, flights: MemoryDisk | None = None
) -> tuple[Outcome, list[bytes]]:
    """Carry a plan out with a user's machine, and return what a page can play of it.

    Parameters
    ----------
    trial : Trial
        What the user brought.
    plan : Plan
        What is to happen.
    flights : MemoryDisk or None
        As `record_group` has it.

    Returns
    -------
    tuple of Outcome and list of bytes
        As `record_plan`.
    """
    with ambience_lent(getattr(trial.machine, "__module__", "")):
        return record_group(lambda loop: TriedRun(trial, loop, plan), flights)
