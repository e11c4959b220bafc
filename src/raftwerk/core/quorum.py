"""What a majority has decided: votes won, entries committed; joint, if there are two.

Source: Raft paper §5.2 and §5.3 (majority), §6 (joint consensus: agreement needs
separate majorities of the old and of the new configuration). An empty half agrees to
everything, so that a simple configuration is a joint one with nothing on its other
side.
"""

import enum
from collections.abc import Callable, Collection, Mapping
from typing import Final

from raftwerk.types import NO_INDEX, LogIndex, NodeId

__all__ = [
    "INFINITE_INDEX",
    "VoteResult",
    "committed_index",
    "joint_committed_index",
    "joint_vote_result",
    "majority",
    "majority_index",
    "vote_result",
]

INFINITE_INDEX: Final = LogIndex(2**64 - 1)
"""What a configuration without voters has committed: it never is the lower half."""


class VoteResult(enum.Enum):
    """How an election stands."""

    PENDING = "PENDING"
    """The answers that are missing still decide."""
    LOST = "LOST"
    """Too many have refused: no further answer can help."""
    WON = "WON"
    """A quorum has granted."""


def majority(count: int) -> int:
    """Return how many of `count` voters are a majority.

    Parameters
    ----------
    count : int
        The number of voters.

    Returns
    -------
    int
        The smallest number that is more than half.

    Examples
    --------
    >>> [majority(count) for count in (1, 2, 3, 4, 5)]
    [1, 2, 2, 3, 3]
    """
    return count // 2 + 1


def majority_index(match_indexes: list[LogIndex]) -> LogIndex:
    """Return the highest index that a majority has reached, given one index a voter.

    Parameters
    ----------
    match_indexes : list of LogIndex
        The match index of each voter, in any order; sorted in place, for this is
        called for every acknowledgement and the list is made for it anyway.

    Returns
    -------
    LogIndex
        The index, or `INFINITE_INDEX` if there is no voter.

    Examples
    --------
    >>> majority_index([7, 3, 5])
    5
    """
    if not match_indexes:
        return INFINITE_INDEX
    match_indexes.sort()
    # Ascending: this one and all behind it, a majority, are at least as high.
    return match_indexes[(len(match_indexes) - 1) // 2]


def committed_index(
    voters: Collection[NodeId], match_index: Callable[[NodeId], LogIndex | None]
) -> LogIndex:
    """Return the highest index that a majority of the voters has reached.

    Parameters
    ----------
    voters : collection of NodeId
        The voters, each once.
    match_index : callable
        The highest index known to be stored on a voter; None if nothing is known.

    Returns
    -------
    LogIndex
        The index, or `INFINITE_INDEX` if there is no voter.

    Examples
    --------
    >>> committed_index([1, 2, 3], {1: 7, 2: 5}.get)
    5
    """
    return majority_index([match_index(voter) or NO_INDEX for voter in voters])


def joint_committed_index(
    voters: Collection[NodeId],
    voters_outgoing: Collection[NodeId],
    match_index: Callable[[NodeId], LogIndex | None],
) -> LogIndex:
    """Return the highest index that both majorities have reached (§6).

    Parameters
    ----------
    voters : collection of NodeId
        The incoming half.
    voters_outgoing : collection of NodeId
        The outgoing half; empty if the configuration is not joint.
    match_index : callable
        The highest index known to be stored on a voter; None if nothing is known.

    Returns
    -------
    LogIndex
        The lower of the two halves' indexes.
    """
    return min(
        committed_index(voters, match_index),
        committed_index(voters_outgoing, match_index),
    )


def vote_result(voters: Collection[NodeId], votes: Mapping[NodeId, bool]) -> VoteResult:
    """Return how an election stands among these voters.

    Parameters
    ----------
    voters : collection of NodeId
        The voters, each once.
    votes : mapping of NodeId to bool
        The answers so far: granted or refused. Answers of others do not count.

    Returns
    -------
    VoteResult
        Won if there are no voters.

    Examples
    --------
    >>> vote_result([1, 2, 3], {1: True, 3: True}).name
    'WON'
    """
    granted = missing = 0
    for voter in voters:
        answer = votes.get(voter)
        if answer is None:
            missing += 1
        elif answer:
            granted += 1
    needed = majority(len(voters)) if voters else 0
    if granted >= needed:
        return VoteResult.WON
    if granted + missing >= needed:
        return VoteResult.PENDING
    return VoteResult.LOST


def joint_vote_result(
    voters: Collection[NodeId],
    voters_outgoing: Collection[NodeId],
    votes: Mapping[NodeId, bool],
) -> VoteResult:
    """Return how an election stands where both majorities must agree (§6).

    Parameters
    ----------
    voters : collection of NodeId
        The incoming half.
    voters_outgoing : collection of NodeId
        The outgoing half; empty if the configuration is not joint.
    votes : mapping of NodeId to bool
        The answers so far: granted or refused.

    Returns
    -------
    VoteResult
        Won if both halves are won, lost as soon as one is lost.
    """
    results = {vote_result(voters, votes), vote_result(voters_outgoing, votes)}
    if VoteResult.LOST in results:
        return VoteResult.LOST
    if VoteResult.PENDING in results:
        return VoteResult.PENDING
    return VoteResult.WON
