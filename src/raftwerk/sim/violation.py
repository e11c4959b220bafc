"""The names of what must hold in a simulated world, and the error that says which not.

The first five are figure 3 of the Raft paper. What follows is what a user is promised:
what replicas show, what clients are told, and that a group which could work does.
"""

import enum

__all__ = ["Property", "Violation"]


class Property(enum.Enum):
    """One thing that must hold, and where it comes from."""

    ELECTION_SAFETY = "election safety (§5.2)"
    LEADER_APPEND_ONLY = "leader append-only (§5.3)"
    LOG_MATCHING = "log matching (§5.3)"
    LEADER_COMPLETENESS = "leader completeness (§5.4)"
    STATE_MACHINE_SAFETY = "state machine safety (§5.4.3)"

    DURABLE_FIRST = "what is answered is durable (Fig. 2)"
    EFFECTS = "equal effects at equal indexes"
    CONFIGURATION = "one configuration at each index (§6)"
    INVARIANT = "an invariant of a member"
    RECOVERY = "a member restarts from what was durable (Fig. 2)"

    LINEARIZABLE = "linearizability"
    TRANSACTIONS = "transactions are one step each"
    ONCE = "what is asked for again is done once"
    LOCKS = "one owner of a lock at each revision, and fencing grows"
    LEASES = "a lease that is kept alive lives, and no other for long"
    WATCHES = "watches tell each change once, in order"

    TRIED_INVARIANT = "an invariant of the machine that is tried"
    TRIED_HISTORY = "what clients of the machine that is tried were told"
    TRIED_CODE = "code that is tried raises nothing unforeseen"

    STRANGERS = "no stranger makes a member hold much"

    LIVENESS = "all is well again when faults end"
    PROGRESS = "progress between faults"


class Violation(Exception):
    """A property does not hold.

    Parameters
    ----------
    kind : Property
        Which.
    story : str
        What was seen instead.
    """

    def __init__(self, kind: Property, story: str) -> None:
        super().__init__(f"{kind.value}: {story}")
        self.kind = kind
        self.story = story
