"""Signs of life: who is silent for too long, and what an answer proves.

A connection whose other side vanished looks like one on which nothing is said, for
minutes. So the dialler asks, the listener answers, and both count how often they looked
in vain. They count rather than measure: after a stop of our own process the answers lie
unread in the socket, and the clock alone would condemn a peer that has done no wrong.
"""

from collections import deque

import msgspec

from raftwerk.errors import PeerError

__all__ = ["Questions", "Silence"]


class Silence:
    """Counts the looks at a connection between which nothing was heard.

    Parameters
    ----------
    looks_max : int
        That many in a row, and the other side is taken for dead.
    """

    __slots__ = ("_has_heard", "_in_vain", "_looks_max")

    def __init__(self, looks_max: int) -> None:
        """Begin with a sign of life: the handshake."""
        self._looks_max = looks_max
        self._in_vain = 0
        self._has_heard = True

    def hear(self) -> None:
        """Take note of a sign of life."""
        self._has_heard = True

    def look(self) -> bool:
        """Return whether it has been silent for too long; to be called at intervals.

        Returns
        -------
        bool
            True: the other side is dead, or as good as that.
        """
        self._in_vain = 0 if self._has_heard else self._in_vain + 1
        self._has_heard = False
        return self._in_vain >= self._looks_max


class _Question(msgspec.Struct, frozen=True, gc=False):
    """One that was not answered yet."""

    number: int
    asked_at: float
    snapshots: int


class Questions:
    """What was asked on one connection; an answer covers all that was asked before it.

    The frames of a connection arrive in order, so it also proves that whatever went out
    before the question has arrived: this is how a snapshot is acknowledged.

    Attributes
    ----------
    round_trip_seconds : float or None
        How long the newest answer took.
    """

    __slots__ = ("_asked", "_open", "round_trip_seconds")

    def __init__(self) -> None:
        """Have asked nothing."""
        self._open: deque[_Question] = deque()
        self._asked = 0
        self.round_trip_seconds: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come.

        Returns
        -------
        bool
            True if one is.
        """
        return bool(self._open)

    @property
    def snapshots(self) -> int:
        """How many snapshots went out and may have arrived.

        Returns
        -------
        int
            Those before questions that wait.
        """
        return sum(question.snapshots for question in self._open)

    def ask(self, now: float, snapshots: int = 0) -> int:
        """Return the number of a new question.

        Parameters
        ----------
        now : float
            The time in seconds.
        snapshots : int
            How many snapshots went out since the question before.

        Returns
        -------
        int
            From 1.
        """
        self._asked += 1
        self._open.append(_Question(self._asked, now, snapshots))
        return self._asked

    def answer(self, number: int, now: float) -> int:
        """Take an answer.

        Parameters
        ----------
        number : int
            Which question it belongs to.
        now : float
            The time in seconds.

        Returns
        -------
        int
            How many snapshots it proves to have arrived.

        Raises
        ------
        PeerError
            If no such question waits.
        """
        if not self._open or not self._open[0].number <= number <= self._asked:
            raise PeerError(f"ping {number} was answered and never asked")
        snapshots = 0
        while self._open and self._open[0].number <= number:
            question = self._open.popleft()
            self.round_trip_seconds = now - question.asked_at
            snapshots += question.snapshots
        return snapshots
