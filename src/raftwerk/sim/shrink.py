"""A failing plan made small: fewer faults, fewer clients, fewer nodes, less time.

Each attempt is a whole run, from the same seed, and counts only if the same property
is violated. Faults are left out as delta debugging does it (Zeller and Hildebrandt
2002): halves first, then ever smaller pieces. A fault's draw is its own, so leaving one
out changes nothing about what the others draw.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from raftwerk.sim.plan import SORTS, Fault, Plan

__all__ = ["ATTEMPTS_MAX", "shrink"]

ATTEMPTS_MAX: Final = 120
"""Runs, until the smallest plan found so far has to do."""


class _Shrinker:
    """The smallest plan that fails still, and how often that was tried."""

    def __init__(
        self, plan: Plan, fails: Callable[[Plan], bool], attempts_max: int
    ) -> None:
        self.plan = plan
        self.attempts_left = attempts_max
        self._fails = fails

    def attempt(self, **changes: object) -> bool:
        """Keep a change of the plan if it fails all the same."""
        if self.attempts_left <= 0:
            return False
        candidate = msgspec.structs.replace(self.plan, **changes)
        if candidate == self.plan:
            return False
        self.attempts_left -= 1
        if not self._fails(candidate):
            return False
        self.plan = candidate
        return True

    def shorten(self) -> None:
        """End soon after the last fault."""
        last = self.plan.faults[-1].at if self.plan.faults else 0.0
        for seconds in (last + 1.0, last + 5.0):
            if seconds < self.plan.seconds and self.attempt(seconds=round(seconds, 3)):
                return

    def leave_out_faults(self) -> None:
        """Leave out as many faults as can be."""
        if self.plan.faults and self.attempt(faults=()):
            return
        pieces = 2
        while len(self.plan.faults) > 1 and self.attempts_left > 0:
            for rest in _rests(self.plan.faults, pieces):
                if self.attempt(faults=rest):
                    pieces = max(pieces - 1, 2)
                    break
            else:
                if pieces >= len(self.plan.faults):
                    return
                pieces = min(2 * pieces, len(self.plan.faults))

    def leave_out_clients(self) -> None:
        """Do with fewer clients of each sort."""
        for name in sorted(SORTS):
            while (count := getattr(self.plan, name)) > 0:
                if not (
                    self.attempt(**{name: 0}) or self.attempt(**{name: count // 2})
                ):
                    break

    def leave_out_nodes(self) -> None:
        """Do with fewer nodes."""
        for nodes in range(1, self.plan.nodes):
            if self.attempt(nodes=nodes):
                return


def _rests(faults: tuple[Fault, ...], pieces: int) -> Iterator[tuple[Fault, ...]]:
    """Return the faults without each of some pieces of about equal size."""
    size = -(-len(faults) // pieces)
    for begin in range(0, len(faults), size):
        yield faults[:begin] + faults[begin + size :]


def shrink(
    plan: Plan, fails: Callable[[Plan], bool], attempts_max: int = ATTEMPTS_MAX
) -> Plan:
    """Return a smaller plan that fails as well.

    Parameters
    ----------
    plan : Plan
        One that fails.
    fails : callable
        Runs a plan, and tells whether it fails in the same way.
    attempts_max : int
        How many runs there may be.

    Returns
    -------
    Plan
        Perhaps the same.

    Examples
    --------
    >>> kinds = ["crash" if at == 7 else "stall" for at in range(20)]
    >>> big = Plan(seed=1, faults=tuple(
    ...     Fault(at=float(at), kind=kind) for at, kind in enumerate(kinds)))
    >>> small = shrink(big, lambda plan: any(f.kind == "crash" for f in plan.faults))
    >>> [fault.at for fault in small.faults], small.nodes, small.writers
    ([7.0], 1, 0)
    """
    work = _Shrinker(plan, fails, attempts_max)
    work.leave_out_faults()
    work.shorten()
    work.leave_out_clients()
    work.leave_out_nodes()
    work.leave_out_faults()  # less may be needed now
    work.shorten()
    return work.plan
