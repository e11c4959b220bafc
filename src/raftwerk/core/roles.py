"""The roles of a member, and every legal way from one to another.

Source: Raft paper Fig. 4. Pre-vote: thesis §9.6; check-quorum: §6.2; leadership
transfer: §3.10. Learner is membership, not a role: see `core.membership`.
"""

import enum
from collections.abc import Mapping
from typing import Final

from raftwerk.errors import InvariantViolation

__all__ = ["TRANSITIONS", "Cause", "Role", "next_role"]


class Role(enum.Enum):
    """What a member is in its present term."""

    FOLLOWER = "FOLLOWER"
    PRE_CANDIDATE = "PRE_CANDIDATE"
    CANDIDATE = "CANDIDATE"
    LEADER = "LEADER"


class Cause(enum.Enum):
    """Why a role changes."""

    ELECTION_TIMEOUT = enum.auto()
    """No leader was heard of for an election timeout, or a campaign is ordered."""
    ELECTION_TIMEOUT_WITH_PRE_VOTE = enum.auto()
    """The same, where an election begins by asking whether it could be won."""
    PRE_VOTE_WON = enum.auto()
    VOTE_WON = enum.auto()
    VOTE_LOST = enum.auto()
    """A quorum refused: another may win in this term, or nobody."""
    TRANSFER_ORDERED = enum.auto()
    LEADER_SEEN = enum.auto()
    """A message that only the leader of the present term sends."""
    HIGHER_TERM_SEEN = enum.auto()
    QUORUM_LOST = enum.auto()
    STEP_DOWN_ORDERED = enum.auto()
    """The driver knows that this member is unfit to lead: its disk stalls, say."""
    REMOVED = enum.auto()
    """The applied configuration has us no more as a voter."""


TRANSITIONS: Final[Mapping[Role, Mapping[Cause, Role]]] = {
    Role.FOLLOWER: {
        Cause.ELECTION_TIMEOUT: Role.CANDIDATE,
        Cause.ELECTION_TIMEOUT_WITH_PRE_VOTE: Role.PRE_CANDIDATE,
        Cause.TRANSFER_ORDERED: Role.CANDIDATE,
        Cause.LEADER_SEEN: Role.FOLLOWER,
        Cause.HIGHER_TERM_SEEN: Role.FOLLOWER,
    },
    Role.PRE_CANDIDATE: {
        Cause.ELECTION_TIMEOUT_WITH_PRE_VOTE: Role.PRE_CANDIDATE,
        Cause.PRE_VOTE_WON: Role.CANDIDATE,
        Cause.VOTE_LOST: Role.FOLLOWER,
        Cause.LEADER_SEEN: Role.FOLLOWER,
        Cause.HIGHER_TERM_SEEN: Role.FOLLOWER,
    },
    Role.CANDIDATE: {
        Cause.ELECTION_TIMEOUT: Role.CANDIDATE,
        Cause.ELECTION_TIMEOUT_WITH_PRE_VOTE: Role.PRE_CANDIDATE,
        Cause.VOTE_WON: Role.LEADER,
        Cause.VOTE_LOST: Role.FOLLOWER,
        Cause.LEADER_SEEN: Role.FOLLOWER,
        Cause.HIGHER_TERM_SEEN: Role.FOLLOWER,
    },
    # No LEADER_SEEN: two leaders in one term would break Election Safety (§5.2).
    Role.LEADER: {
        Cause.QUORUM_LOST: Role.FOLLOWER,
        Cause.STEP_DOWN_ORDERED: Role.FOLLOWER,
        Cause.REMOVED: Role.FOLLOWER,
        Cause.HIGHER_TERM_SEEN: Role.FOLLOWER,
    },
}


def next_role(role: Role, cause: Cause) -> Role:
    """Return the role after `cause`; an arrow the table lacks is a bug.

    Parameters
    ----------
    role : Role
        The role before.
    cause : Cause
        Why it changes.

    Returns
    -------
    Role
        The role after.

    Raises
    ------
    InvariantViolation
        If the table has no such arrow.
    """
    try:
        return TRANSITIONS[role][cause]
    except KeyError:
        claim = f"{cause.name} cannot happen to a {role.name}"
        raise InvariantViolation(claim) from None
