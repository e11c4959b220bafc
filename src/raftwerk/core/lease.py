"""A leader's lease: until when nobody else can lead, so that a read needs no round.

A follower that hears of its leader grants no vote for the least election timeout. So if
each of a quorum answered something that did not exist before some moment, each has
heard of the leader since, and no other can win before that timeout has passed from then
on: the lease *begins at that moment*, not when the answers came. Two kinds of answers
tell of such a moment: to a numbered round of heartbeats, and, by way of the commit
index, to an entry of the leader's own term.

What would break the counting ends the lease: an election that the leader orders itself
(it waits for no timeout), and a configuration in which another quorum decides. Source:
thesis §6.4.1, with §3.10 and §4.2.3. Only clocks of equal speed are trusted.
"""

from collections import deque

from raftwerk.types import LogIndex

__all__ = ["Lease"]


class Lease:
    """What one leader knows of its lease, in ticks since it began to lead.

    Parameters
    ----------
    duration_ticks : int
        How long a lease lasts. One less than the least election timeout, for a tick of
        ours and one of a follower may begin at any distance.
    """

    __slots__ = ("_began", "_duration", "_entries", "_has_ended", "_now", "_rounds")

    def __init__(self, duration_ticks: int) -> None:
        self._duration = duration_ticks
        self.reset()

    def reset(self) -> None:
        """Know nothing: a role begins."""
        self._now = 0
        self._began: int | None = None
        self._has_ended = False
        # When entries and rounds were made: the first of each tick, oldest in front.
        self._entries: deque[tuple[int, int]] = deque()
        self._rounds: deque[tuple[int, int]] = deque()

    @property
    def is_valid(self) -> bool:
        """Whether nobody else can lead now."""
        return (
            not self._has_ended
            and self._began is not None
            and self._now < self._began + self._duration
        )

    def tick(self, count: int) -> None:
        """Let time pass.

        Parameters
        ----------
        count : int
            How many ticks.
        """
        self._now += count

    def appended(self, index: LogIndex) -> None:
        """Note that the leader made entries.

        Parameters
        ----------
        index : LogIndex
            The first of them.
        """
        self._note(self._entries, index)

    def asked(self, number: int) -> None:
        """Note that the leader began a round of heartbeats.

        Parameters
        ----------
        number : int
            The round's number.
        """
        self._note(self._rounds, number)

    def _note(self, made: deque[tuple[int, int]], number: int) -> None:
        """Note when this came to be; what is too old for a lease is forgotten."""
        if not made or made[-1][1] < self._now:
            made.append((number, self._now))
        while made[0][1] + self._duration <= self._now:
            made.popleft()

    def committed(self, index: LogIndex) -> None:
        """Take in that a quorum stores the leader's entries up to an index.

        Parameters
        ----------
        index : LogIndex
            An entry of the leader's own term.
        """
        self._renew(self._entries, index)

    def confirmed(self, number: int) -> None:
        """Take in that a quorum answered a round, or a later one.

        Parameters
        ----------
        number : int
            The round's number.
        """
        self._renew(self._rounds, number)

    def _renew(self, made: deque[tuple[int, int]], number: int) -> None:
        """Begin at the newest moment since which all of a quorum have heard of us."""
        while made and made[0][0] <= number:
            moment = made.popleft()[1]
            if self._began is None or moment > self._began:
                self._began = moment

    def begin_anew(self) -> None:
        """Forget the lease, but not for good: another quorum decides from now on."""
        self._began = None

    def end(self) -> None:
        """Have no lease any more in this term: a member was ordered to stand."""
        self._has_ended = True
