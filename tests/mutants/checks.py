"""Who looks for mistakes, and what counts as having found one.

A check knows nothing of the table. It runs in the process in which the mistake was made
(or in one without any), and returns what it found.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

__all__ = ["CHECKS", "Finding"]


class Finding(msgspec.Struct, frozen=True):
    """What a check says.

    Parameters
    ----------
    what : str
        The property or the script; empty if all is well.
    seeds : int
        How many runs that took; 0 where there are no seeds.
    story : str
        What was seen instead.
    """

    what: str = ""
    seeds: int = 0
    story: str = ""


def check_group(seeds: int) -> Finding:
    """Run groups of cores from the seeds 0, 1, 2 … until a property does not hold."""
    # pylint: disable-next=import-outside-toplevel # the mistake must be made before
    from tests.core.group import Violation, run

    for seed in range(seeds):
        try:
            run(seed)
        except Violation as violation:
            return Finding(violation.kind.value, seed + 1, str(violation))
    return Finding()


def check_follower(seeds: int) -> Finding:
    """Have followers hear what a leader may say, from ten times as many seeds."""
    # pylint: disable-next=import-outside-toplevel # the mistake must be made before
    from tests.core.follower import check_follower as check

    # pylint: disable-next=import-outside-toplevel # as above
    from tests.core.group import Violation

    for seed in range(10 * seeds):
        try:
            check(seed)
        except Violation as violation:
            return Finding(violation.kind.value, seed + 1, str(violation))
    return Finding()


def check_leases(seeds: int) -> Finding:
    """Have groups whose clocks are right serve reads by lease."""
    # pylint: disable-next=import-outside-toplevel # the mistake must be made before
    from tests.core.group import Violation

    # pylint: disable-next=import-outside-toplevel # as above
    from tests.core.lockstep import check_leases as check

    for seed in range(2 * seeds):
        try:
            check(seed)
        except Violation as violation:
            return Finding(violation.kind.value, seed + 1, str(violation))
    return Finding()


def check_scripts(_seeds: int) -> Finding:
    """Run the scripts of etcd-io/raft, where they are there, and our own."""
    # pylint: disable-next=import-outside-toplevel # the mistake must be made before
    from tests.conformance.runner import run_script

    # pylint: disable-next=import-outside-toplevel # as above
    from tests.conformance.test_scripts import OURS, UPSTREAM

    for script in (*UPSTREAM, *OURS):
        difference = run_script(script)
        if difference is None:
            continue
        actual = difference.actual.rstrip()
        if actual.startswith("Traceback"):
            # The runner tells of an exception by its text; ours are named in full.
            kind = actual.splitlines()[-1]
            if not kind.startswith("raftwerk.errors."):
                raise RuntimeError(f"{script.name}, line {difference.line}:\n{actual}")
        return Finding(script.name, 0, str(difference))
    return Finding()


def check_world(seeds: int) -> Finding:
    """Run whole nodes under faults, in simulated worlds of half as many seeds."""
    # pylint: disable=import-outside-toplevel # the mistake must be made before
    from raftwerk.sim.faults import draw_plan
    from raftwerk.sim.run import run_plan

    for seed in range(max(1, seeds // 2)):
        scenario = WORLDS[seed % len(WORLDS)]
        plan = draw_plan(seed, nodes=3, seconds=8.0, faults=scenario)
        outcome, _ = run_plan(plan)
        if not outcome.holds:
            return Finding(outcome.violation, seed + 1, outcome.story)
    return Finding()


def check_disks(seeds: int) -> Finding:
    """Strike amid snapshots and restarts, for longer; a tenth of the seeds."""
    # pylint: disable=import-outside-toplevel # the mistake must be made before
    from raftwerk.sim.faults import draw_plan
    from raftwerk.sim.run import run_plan

    for seed in range(max(1, seeds // 10)):
        plan = draw_plan(seed, nodes=3, seconds=20.0, faults="disk")
        outcome, _ = run_plan(plan)
        if not outcome.holds:
            return Finding(outcome.violation, seed + 1, outcome.story)
    return Finding()


def check_clients(seeds: int) -> Finding:
    """Let many read and keep leases alive while the network fails; half the seeds."""
    # pylint: disable=import-outside-toplevel # the mistake must be made before
    from msgspec.structs import replace

    from raftwerk.sim.faults import draw_plan
    from raftwerk.sim.run import run_plan

    for seed in range(max(1, seeds // 2)):
        plan = draw_plan(seed, nodes=3, seconds=8.0, faults="network")
        plan = replace(
            plan,
            bankers=0,
            holders=0,
            leaseholders=6,
            readers=4,
            sweepers=0,
            wires="messages",
        )
        outcome, _ = run_plan(plan)
        if not outcome.holds:
            return Finding(outcome.violation, seed + 1, outcome.story)
    return Finding()


def check_sweeps(seeds: int) -> Finding:
    """Have somebody change many keys at once; a thirtieth of the seeds, for it is long.

    Few do anything else, but in each run things happen amid those changes.
    """
    # pylint: disable=import-outside-toplevel # the mistake must be made before
    from msgspec.structs import replace

    from raftwerk.sim.faults import draw_plan
    from raftwerk.sim.plan import SORTS, Fault
    from raftwerk.sim.run import run_plan

    for seed in range(max(1, seeds // 30)):
        plan = draw_plan(seed, nodes=3, seconds=20.0, faults="calm")
        strikes = tuple(
            Fault(at=float(at), kind="amid", seconds=0.5, draw=at)
            for at in range(4, 20, 4)
        )
        few = dict.fromkeys(SORTS, 0) | {"writers": 2, "sweepers": 1}
        plan = replace(plan, faults=strikes, wires="messages", **few)
        outcome, _ = run_plan(plan)
        if not outcome.holds:
            return Finding(outcome.violation, seed + 1, outcome.story)
    return Finding()


WORLDS: Final = ("disk", "all", "network", "membership")
"""The scenarios that simulated worlds have in turn."""


CHECKS: Final[Mapping[str, Callable[[int], Finding]]] = {
    "group": check_group,
    "follower": check_follower,
    "leases": check_leases,
    "scripts": check_scripts,
    "clients": check_clients,
    "disks": check_disks,
    "sweeps": check_sweeps,
    "world": check_world,
}
"""By name; each takes how many seeds it may try."""
