"""A whole group on virtual time, from a seed, and proof of what it shows.

A seed is drawn into a plan (`faults`), which is data (`plan`); a `group_run` carries it
out in a `world` of machines (`machine`, with `disk` and clocks), where faults strike
(`acts`; `strangers` are one), clients call members (`calls`) and an `operator` keeps
house. Members speak through the real transport, by `ways` that can be cut, with
messages or on `streams` of the world's own; what they store and send is `witnessed`
first, and held against each other at once (`agreement`, `durable`; `violation` has the
names of what must hold). `flights` records them. `running` is how a world is run at
all, `campaign` one run of many; `shrink` makes a failing plan small, `report` tells of
it.

What the group keeps is one of two: keys and values with all services (`run`,
`kv_machine`, `ledger`), which `clients` of ours use (`workload`, `watching`, `reading`,
`leasing`, `locking`, `banking`, `repeating`, `sweeping`; `records` is what they note)
whose answers are judged at the end (`judge`); or a state machine of a user's (`trial`,
`users`), of which nobody here knows what is right, only that replicas have to agree
(`tried_machine`, `tried_ledger`, `tried_client`, `tried_run`, `ambient`). An `engine`
carries a campaign to other machines.

Histories stand for themselves: `history` is what clients did and were told; `witness`
checks one whose answers carry revisions; `search` checks one without, by looking for an
order; `linearizability` chooses between both.
"""

from raftwerk.sim.history import Action, Answer, Operation, Verdict, VerdictKind
from raftwerk.sim.linearizability import check_history
from raftwerk.sim.search import Model, search_order
from raftwerk.sim.trial import Call, Trial, TrialClient
from raftwerk.sim.users import SimulationResult, simulate
from raftwerk.sim.witness import check_witnessed

__all__ = [
    "Action",
    "Answer",
    "Call",
    "Model",
    "Operation",
    "SimulationResult",
    "Trial",
    "TrialClient",
    "Verdict",
    "VerdictKind",
    "check_history",
    "check_witnessed",
    "search_order",
    "simulate",
]
