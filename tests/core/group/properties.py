"""The names of what must hold, and the one error that says which did not.

The first five are figure 3 of the Raft paper; the next ones are the promises that they
stand on, checked where they are made, so that a mistake is found long before two logs
differ. The last ones are bounds on time: a whole group that does nothing is wrong.
"""

import enum

__all__ = ["Property", "Violation", "demand"]


class Property(enum.Enum):
    """One thing that must hold, and where it comes from."""

    ELECTION_SAFETY = "election safety (§5.2)"
    LEADER_APPEND_ONLY = "leader append-only (§5.3)"
    LOG_MATCHING = "log matching (§5.3)"
    LEADER_COMPLETENESS = "leader completeness (§5.4)"
    STATE_MACHINE_SAFETY = "state machine safety (§5.4.3)"

    ONE_VOTE = "a durable vote stays for its term (Fig. 2)"
    PRE_VOTE = "a pre-vote changes no term and no vote (thesis §9.6)"
    DURABLE_FIRST = "what is answered is durable (Fig. 2)"
    ANSWER_STAYS = "what was acknowledged in a term stays in it (§5.3)"
    MATCH_HOLDS = "a match index is what its member has, and never goes back (Fig. 2)"
    OWN_TERM = "a leader commits by an entry of its own term (§5.4.2)"
    QUORUM_STORES = "what is committed is durable on a quorum (§5.3, §6)"
    COMMIT_GROWS = "the commit index never goes back (Fig. 2)"
    STABLE_HOLDS = "what counts as stored is stored (thesis §10.2.1)"
    APPLIED_IS_DURABLE = "what a member applies is durable there (thesis §10.2.1)"
    ONE_CHANGE = "a change is appended when the one before is applied (thesis §4.1)"
    CONFIGURATION = "one configuration at each index (§6)"
    READS = "reads are linearizable (thesis §6.4)"
    FOLLOWER = "a follower does with any message what Fig. 2 and §7 say"
    READ_CONFIRMED = "a read waits for a quorum's answer to a later round (thesis §6.4)"
    BOUNDS = "messages and windows keep to their bounds (etcd)"
    INVARIANT = "an invariant of the core"
    NO_COMPLAINT = "what peers and drivers may say is never an error"
    RESTART = "a member restarts from what was durable (Fig. 2)"

    LEADER_ELECTED = "a whole group elects a leader in time (§5.2)"
    COMMANDS_APPLIED = "a whole group applies commands in time (§5.3)"
    READS_ANSWERED = "a whole group answers reads in time (thesis §6.4)"
    LEADER_STAYS = "a leader that all hear stays (§5.2, thesis §4.2.3)"
    TRANSFER_SUCCEEDS = "leadership moves where it is sent (thesis §3.10)"
    CUT_OFF_STEPS_DOWN = "a leader without a quorum steps down (thesis §6.2)"
    CUT_OFF_STAYS_QUIET = "pre-vote: who is cut off raises no term (thesis §9.6)"


class Violation(AssertionError):
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


def demand(holds: bool, kind: Property, story: str) -> None:
    """Raise `Violation` unless a property holds.

    For rare places: the story is formatted even where all is well.
    """
    if not holds:
        raise Violation(kind, story)
