"""The first start of a cluster whose members know nothing but a name in DNS.

Who stands behind the name changes, is seen differently by each replica, and may be one
that was not there a moment ago. Were a majority of *some* view enough, two views could
each found a cluster. So a first start is a small protocol of durable promises:

1. Each replica draws an id, and syncs it before it says it.
2. A replica *proposes* a set if it sees exactly as many ids as there are to be
   replicas, its own the lowest, all told the same number and name, none in a cluster.
3. A replica *promises* itself to one proposal only, durably. So does the proposer.
4. The proposer *starts* the cluster when it has seen the promises of all. Whoever hears
   that it started, and has promised, starts too. The cluster's id is a hash of the
   proposal.
5. A replica that waited too long *voids* the proposal: durably, for ever. It may do so
   only as long as it has not started. Who hears of a void does the same.
6. A promise is void when a majority of its set has voided it, and not before. (Half of
   an even set will do: what is left is no majority.)

Why there is one cluster at most: a leader needs votes of a majority of its set, all of
them started. Two sets drawn from fewer than twice as many replicas share one member,
which promised itself to both. It did the second only when a majority of the first set
had voided the first; these never start it, and so nobody ever leads there.

From this follows what becomes of the unlucky. Who voided a proposal whose cluster did
start is no founder any more: it joins as a new member, under a new id. Who started a
cluster that a majority voided drops what it has, which is nothing that anybody was told
of, and begins anew.

What replicas tell one another is their durable state, whole, as an answer to a
question. So it does no harm if answers are lost, late, doubled or overtake one another:
what was once promised, voided or started stays so, whatever else changed.

`machine` holds the rules and is pure; `world` in its tests breaks everything around it.
Nothing here knows time: patience is lost by order, and no order of events is unsafe.
"""

from raftwerk.discovery.bootstrap.machine import Bootstrap, Terms
from raftwerk.discovery.bootstrap.outlook import Hindrance, Obstacle
from raftwerk.discovery.bootstrap.proposal import Candidate, Proposal, Void
from raftwerk.discovery.bootstrap.record import Record, decode_record, encode_record
from raftwerk.discovery.bootstrap.view import View, decode_view, encode_view

__all__ = [
    "Bootstrap",
    "Candidate",
    "Hindrance",
    "Obstacle",
    "Proposal",
    "Record",
    "Terms",
    "View",
    "Void",
    "decode_record",
    "decode_view",
    "encode_record",
    "encode_view",
]
