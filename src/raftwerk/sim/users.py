"""For users: try a state machine of one's own, under every fault that a seed draws."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import msgspec

from raftwerk.errors import ConfigError
from raftwerk.host.draw import SplitMix64
from raftwerk.runtime import StateMachine
from raftwerk.runtime.apply import applies_in_steps
from raftwerk.runtime.machine_queue import is_quick
from raftwerk.sim.campaign import Told
from raftwerk.sim.campaign import simulate as run_one
from raftwerk.sim.campaign import smallest
from raftwerk.sim.faults import draw_plan, with_strikes
from raftwerk.sim.plan import SORTS, Plan
from raftwerk.sim.report import exact, story_of
from raftwerk.sim.run import Outcome
from raftwerk.sim.trial import Call, Trial, TrialClient

__all__ = [
    "CLIENTS",
    "CLIENTS_MAX",
    "KV_KINDS",
    "SimulationResult",
    "draw_trial",
    "simulate",
    "tried",
]

CLIENTS = 3

CLIENTS_MAX = 100

KV_KINDS = ("compact",)
"""What strikes in a store of keys and values alone: at revisions that are kept."""


class SimulationResult(msgspec.Struct, frozen=True):
    """What became of a machine that was tried.

    Parameters
    ----------
    outcome : Outcome
        The verdict, and what happened in numbers.
    plan : Plan
        The smallest that was found to fail; what was run if all held.
    told : Told
        What happened in it.
    again : str
        What brings the run about again.
    """

    outcome: Outcome
    plan: Plan
    told: Told
    again: str

    @property
    def holds(self) -> bool:
        """Whether nothing was violated."""
        return self.outcome.holds

    def __str__(self) -> str:
        """Tell the story, or that there is none."""
        if self.holds:
            return f"seed {self.outcome.seed}: all held"
        told = self.told
        return "\n".join(story_of(told.outcome, self.plan, told.lines, self.again))


def draw_trial(
    seed: int,
    *,
    nodes: int = 3,
    clients: int = CLIENTS,
    seconds: float = 30.0,
    faults: str = "all",
    machine: Callable[[], StateMachine] | None = None,
) -> Plan:
    """Return what a seed brings for a machine of a user's.

    Parameters
    ----------
    seed : int
        Decides everything.
    nodes : int
        Members in the beginning.
    clients : int
        How many clients there are.
    seconds : float
        How long faults and work last.
    faults : str
        As `draw_plan` has it.
    machine : callable, optional
        Makes the machine. If that applies long batches in steps, things happen in
        between.

    Returns
    -------
    Plan
        To be run.

    Raises
    ------
    ConfigError
        If there is no such scenario, or a number can't work.
    """
    if not 0 <= clients <= CLIENTS_MAX:
        raise ConfigError(f"clients is {clients}; it must be 0 to {CLIENTS_MAX}")
    plan = draw_plan(seed, nodes=nodes, seconds=seconds, faults=faults)
    drawn = tuple(f for f in plan.faults if f.kind not in (*KV_KINDS, "amid"))
    if faults != "calm" and machine is not None and _goes_in_steps(machine):
        drawn = with_strikes(drawn, SplitMix64(seed).fork("strikes"), seconds)
    return msgspec.structs.replace(
        plan,
        faults=drawn,
        **(dict.fromkeys(SORTS, 0) | {"writers": clients}),
    )


def _goes_in_steps(machine: Callable[[], StateMachine]) -> bool:
    """Tell whether a node would have such a machine apply its batches in steps."""
    try:
        made = machine()
    # pylint: disable-next=broad-exception-caught  # the run will find it, and tell
    except Exception:
        return False
    return is_quick(made) and applies_in_steps(type(made))


def tried(trial: Trial, plan: Plan, again: str, *, shrinks: bool) -> SimulationResult:
    """Run a plan with a machine of a user's; make it small if it fails.

    Parameters
    ----------
    trial : Trial
        What the user brought.
    plan : Plan
        What is to happen.
    again : str
        What brings the run about again.
    shrinks : bool
        Whether a run that failed is made small.

    Returns
    -------
    SimulationResult
        The verdict, and the story if something did not hold.
    """
    run = partial(run_one, trial=trial)
    told = run(plan)
    outcome = told.outcome
    if not outcome.holds and shrinks:
        plan, told = smallest(plan, told, run)
    return SimulationResult(outcome, plan, told, again)


# pylint: disable-next=too-many-arguments  # each has a default that works
def simulate(
    machine: Callable[[], StateMachine],
    *,
    client: Callable[[TrialClient], Coroutine[Any, Any, object]] | None = None,
    invariants: Sequence[Callable[[Any], object]] = (),
    judge: Callable[[list[Call]], object] | None = None,
    state: Callable[[Any], bytes] | None = None,
    seed: int = 0,
    nodes: int = 3,
    clients: int = CLIENTS,
    seconds: float = 30.0,
    faults: str = "all",
    shrinks: bool = True,
) -> SimulationResult:
    """Try a state machine in a whole simulated cluster, under faults, from a seed.

    Parameters
    ----------
    machine : callable
        Makes a new state machine; a class, mostly.
    client : callable, optional
        What each client does: a coroutine function that is given a `TrialClient`.
    invariants : sequence of callable
        Each is given a machine after every batch that a replica applied; it returns
        False, or raises AssertionError, if something does not hold.
    judge : callable, optional
        Is given all calls and their answers, at the end; says no in the same way.
    state : callable, optional
        Returns bytes that are equal for equal states; without it, what `inspect` shows
        if there is such a method, else the snapshot.
    seed : int
        Decides everything.
    nodes : int
        Members in the beginning, 1 to 9.
    clients : int
        How many clients there are.
    seconds : float
        How long faults and work last, in virtual time.
    faults : str
        ``calm``, ``network``, ``disk``, ``membership``, ``all``, or ``swarm``.
    shrinks : bool
        Whether a run that failed is made small.

    Returns
    -------
    SimulationResult
        Whether all held; as text, the story of what did not.

    Raises
    ------
    ConfigError
        If an option can't work.

    Examples
    --------
    >>> class Counter:
    ...     value = 0
    ...     def apply(self, index, commands):
    ...         self.value += len(commands)
    ...         return [None for _ in commands]
    ...     def snapshot(self):
    ...         return [str(self.value).encode()]
    ...     def restore(self, chunks):
    ...         self.value = int(b"".join(chunks))
    >>> async def count(client):
    ...     async for _ in client.turns(0.05):
    ...         await client.propose(b"one more")
    >>> result = simulate(Counter, client=count, seconds=2.0, faults="calm")
    >>> result.holds, result.outcome.commands > 50
    (True, True)
    """
    trial = Trial(
        machine=machine,
        client=client,
        invariants=tuple(invariants),
        judge=judge,
        state=state,
    )
    plan = draw_trial(
        seed,
        nodes=nodes,
        clients=clients,
        seconds=seconds,
        faults=faults,
        machine=machine,
    )
    name = getattr(machine, "__name__", "machine")
    again = (
        f"simulate({name}, ..., seed={seed}, nodes={nodes}, clients={clients},"
        f" seconds={exact(seconds)}, faults={faults!r})"
    )
    return tried(trial, plan, again, shrinks=shrinks)
