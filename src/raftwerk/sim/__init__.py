"""Proof by running: histories of what clients saw, and whether they can be true.

`history` is what clients did and were told; `witness` checks a history whose answers
carry revisions; `search` checks one without, by looking for an order; `linearizability`
chooses between both.
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
