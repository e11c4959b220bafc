"""Who the members are, before one is a member: how a node finds its place in a group.

Founding a cluster and joining one are different acts. A node that was told who founds
it needs nobody; one that joins asks the peers that it was told of who belongs to the
group, and takes the id that an operator has added for it. `place` judges the answers
and is pure, `joining` asks, waits and asks again.

Replicas that know nothing but a name agree on who founds the cluster: `bootstrap` has
the rules and is pure, `first_start` runs them, and joins where there is a cluster
already. `inquiry` asks the others, round by round; `askers` counts who asks us. Where
the others may be, `names` tells: `dns` looks it up, `static` was told.
"""

from raftwerk.discovery.joining import Newcomer, find_place
from raftwerk.discovery.place import Place
from raftwerk.discovery.protocol import (
    Ask,
    KnownMember,
    Question,
    Roster,
    decode_question,
    decode_roster,
    encode,
)

__all__ = [
    "Ask",
    "KnownMember",
    "Newcomer",
    "Place",
    "Question",
    "Roster",
    "decode_question",
    "decode_roster",
    "encode",
    "find_place",
]
