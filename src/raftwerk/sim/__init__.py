"""A whole group on virtual time, from a seed, and proof of what it shows.

A seed is drawn into a plan (`faults`), which is data (`plan`); `run` carries it out in
a `world` of machines (`machine`, with `disk` and clocks), where faults strike (`acts`),
clients work (`workload`, `watching`, by `calls`) and an `operator` keeps house. What
members show is held against each other at once (`ledger`, `durable`), what clients were
told in the end (`judge`). `shrink` makes a failing plan small, `report` tells of it,
`campaign` is one run of many.

Histories stand for themselves: `history` is what clients did and were told; `witness`
checks one whose answers carry revisions; `search` checks one without, by looking for an
order; `linearizability` chooses between both.
"""

from raftwerk.sim.history import Answer, Operation, Verdict, VerdictKind
from raftwerk.sim.linearizability import check_history
from raftwerk.sim.search import Model, search_order
from raftwerk.sim.witness import check_witnessed

__all__ = [
    "Answer",
    "Model",
    "Operation",
    "Verdict",
    "VerdictKind",
    "check_history",
    "check_witnessed",
    "search_order",
]
