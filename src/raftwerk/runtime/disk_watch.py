"""When a leader should let another one lead because of its disk: the rule, and no more.

A leader whose disk hangs goes on sending heartbeats, so nobody stands against it, while
nothing that needs its log gets on. The rule, for one election timeout T:

1. A disk is *sick* if the oldest sync that has not returned is older than T, or if it
   has no room. It is *sound* if it has room, and of late no sync took half of T.
2. A leader with a sick disk hands over to the voter with the highest match index, of
   those who answer and whose own report says that their disk is sound.
3. If there is none, it stays: with all disks slow, another leader is no better.
4. After a hand-over it does not hand over again for ten T; nor does a leader in the
   first ten T after it was made one by a hand-over. So leadership doesn't wander.
5. If it leads still when the hand-over is given up, and the disk is still sick, it
   steps down: whoever is well may stand.
6. Whoever's oldest sync is older than T doesn't stand for election until that has
   returned. It could not store its own vote.

Pure: times come in, decisions come out. Decision record 130 says why it is so.
"""

import enum
from collections.abc import Iterable
from typing import Final

import msgspec

from raftwerk.types import LogIndex, NodeId

__all__ = ["Candidate", "DiskState", "DiskWatch", "StepDownNow"]

PAUSE_TIMEOUTS: Final = 10
"""For so many election timeouts there is no second hand-over."""

SOUND_PART: Final = 0.5
"""Of an election timeout: a sync of a sound disk takes less."""


class StepDownNow(enum.Enum):
    """The decision to lead no more, whoever comes next."""

    STEP_DOWN = enum.auto()


class DiskState(msgspec.Struct, frozen=True):
    """A disk at one moment."""

    outstanding_seconds: float = 0.0
    """How long the oldest sync has taken that has not returned; 0: there is none."""
    has_room: bool = True


class Candidate(msgspec.Struct, frozen=True):
    """A voter that may lead in our place."""

    node_id: NodeId
    match_index: LogIndex
    is_active: bool
    """Whether the leader heard of it lately."""
    sync_seconds: float | None
    """Its slowest sync of late, as it reports it; None: no report, or an old one."""
    has_room: bool = True


class DiskWatch:
    """Decides for one member.

    Parameters
    ----------
    timeout_seconds : float
        The election timeout.

    Examples
    --------
    >>> watch = DiskWatch(timeout_seconds=1.0)
    >>> others = [
    ...     Candidate(NodeId(2), LogIndex(9), True, sync_seconds=0.7),
    ...     Candidate(NodeId(3), LogIndex(8), True, sync_seconds=0.01),
    ... ]
    >>> watch.look(5.0, DiskState(outstanding_seconds=0.9), others, None)
    >>> watch.look(5.2, DiskState(outstanding_seconds=1.1), others, None)
    3
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._no_hand_over_before = 0.0
        self._heir: NodeId | None = None

    def made_leader(self, now_seconds: float) -> None:
        """Know that this member leads because another one handed over to it.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self._pause(now_seconds)

    def may_stand(self, disk: DiskState) -> bool:
        """Tell whether this member may stand for election.

        Parameters
        ----------
        disk : DiskState
            Its own.

        Returns
        -------
        bool
            False while a sync hangs.
        """
        return disk.outstanding_seconds <= self._timeout_seconds

    def is_sick(self, disk: DiskState) -> bool:
        """Tell whether a member with this disk should not lead.

        Parameters
        ----------
        disk : DiskState
            Its own.

        Returns
        -------
        bool
            True: a sync hangs, or there is no room.
        """
        return not disk.has_room or not self.may_stand(disk)

    def follow(self) -> None:
        """Know that this member does not lead."""
        self._heir = None

    def look(
        self,
        now_seconds: float,
        disk: DiskState,
        others: Iterable[Candidate],
        transferee: NodeId | None,
    ) -> NodeId | StepDownNow | None:
        """Decide what a leader does now.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        disk : DiskState
            Its own.
        others : iterable of Candidate
            The other voters.
        transferee : NodeId or None
            To whom leadership is being handed over, for whatever reason.

        Returns
        -------
        NodeId or StepDownNow or None
            To whom it hands over; or that it steps down; None: it leads on.
        """
        if transferee is not None:
            return None
        heir, self._heir = self._heir, None
        if not self.is_sick(disk):
            return None
        if heir is not None:
            return StepDownNow.STEP_DOWN
        if now_seconds < self._no_hand_over_before:
            return None
        sound = [other for other in others if self._is_sound(other)]
        if not sound:
            return None
        best = max(sound, key=lambda other: (other.match_index, -other.node_id))
        self._heir = best.node_id
        self._pause(now_seconds)
        return best.node_id

    def _is_sound(self, other: Candidate) -> bool:
        """Tell whether another one would do better."""
        return (
            other.is_active
            and other.has_room
            and other.sync_seconds is not None
            and other.sync_seconds < SOUND_PART * self._timeout_seconds
        )

    def _pause(self, now_seconds: float) -> None:
        """Have no hand-over for a while."""
        pause = PAUSE_TIMEOUTS * self._timeout_seconds
        self._no_hand_over_before = now_seconds + pause
