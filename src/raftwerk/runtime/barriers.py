"""Reads that wait to be linearizable: one round of the core for all that came before.

A read may be served once the state machine has applied the read index of a round that
began after the read came in (thesis §6.4). A round whose answer is lost is begun again:
a read changes nothing, so it may be asked for any number of times.
"""

from asyncio import AbstractEventLoop, Future
from collections import deque

from raftwerk.errors import NotLeader, QueueFull
from raftwerk.types import LogIndex

__all__ = ["Barriers"]


class _Barrier:
    """One waiting read."""

    __slots__ = ("deadline_seconds", "future")

    def __init__(self, future: "Future[LogIndex]", deadline_seconds: float) -> None:
        self.future = future
        self.deadline_seconds = deadline_seconds


class Barriers:
    """All reads of this member that may not be served yet.

    Parameters
    ----------
    loop : AbstractEventLoop
        Makes the futures.
    queue_max : int
        How many there may be at a time.
    context : int
        Where the names of rounds begin: drawn at each start, for an answer to an
        earlier life of this member may still be on its way, and its index is too old.
    """

    def __init__(
        self, loop: AbstractEventLoop, queue_max: int, context: int = 0
    ) -> None:
        self._loop = loop
        self._queue_max = queue_max
        self._context = context
        self._waiting: list[_Barrier] = []
        self._asked: list[_Barrier] = []
        self._asked_at_seconds = 0.0
        self._confirmed: deque[tuple[LogIndex, list[_Barrier]]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, deadline_seconds: float) -> "Future[LogIndex]":
        """Let a read wait for the next round.

        Parameters
        ----------
        deadline_seconds : float
            When waiting ends, by the host's clock.

        Returns
        -------
        Future
            The index that the state machine has applied at least when it is done.

        Raises
        ------
        QueueFull
            If too many wait already.
        """
        if self._count >= self._queue_max:
            raise QueueFull(
                f"{self._count} reads wait already, the most that queue_max allows;"
                " try again later"
            )
        self._count += 1
        future: Future[LogIndex] = self._loop.create_future()
        self._waiting.append(_Barrier(future, deadline_seconds))
        return future

    @property
    def needs_round(self) -> bool:
        """Whether reads wait and no round is under way.

        Returns
        -------
        bool
            Whether `begin_round` is to be called.
        """
        return bool(self._waiting) and not self._asked

    def begin_round(self, now_seconds: float) -> int:
        """Begin a round for all reads that wait.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.

        Returns
        -------
        int
            The round's name for the core.
        """
        self._context += 1
        self._asked, self._waiting = self._waiting, []
        self._asked_at_seconds = now_seconds
        return self._context

    def confirm(self, context: int, read_index: LogIndex) -> None:
        """Take the core's answer.

        Parameters
        ----------
        context : int
            From `begin_round`; answers to older rounds are late, and are dropped.
        read_index : LogIndex
            From where these reads may be served.
        """
        if context == self._context and self._asked:
            self._confirmed.append((read_index, self._asked))
            self._asked = []

    def applied(self, applied_index: LogIndex) -> None:
        """Serve the reads that only waited for the state machine.

        Parameters
        ----------
        applied_index : LogIndex
            What it has applied.
        """
        # Read indexes grow from round to round, but for a change of leader; a read
        # that waits a little longer for that is still right.
        while self._confirmed and self._confirmed[0][0] <= applied_index:
            _, barriers = self._confirmed.popleft()
            for barrier in barriers:
                self._count -= 1
                if not barrier.future.done():
                    barrier.future.set_result(applied_index)

    def end_beyond(self, index: LogIndex, error: Exception) -> None:
        """End the reads that wait for more than can be had here.

        Parameters
        ----------
        index : LogIndex
            The last that the state machine can apply.
        error : Exception
            What they end with.
        """
        kept: deque[tuple[LogIndex, list[_Barrier]]] = deque()
        for read_index, barriers in self._confirmed:
            if read_index <= index:
                kept.append((read_index, barriers))
                continue
            self._count -= len(barriers)
            for barrier in barriers:
                if not barrier.future.done():
                    barrier.future.set_exception(error)
        self._confirmed = kept

    def ask_again(self) -> None:
        """Begin the present round anew: its answer may be lost."""
        if self._asked:
            self._waiting = self._asked + self._waiting
            self._asked = []

    def ask_again_if_late(self, now_seconds: float, after_seconds: float) -> None:
        """Begin the present round anew if it has been under way for too long.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        after_seconds : float
            How long a round may take.
        """
        if self._asked and now_seconds - self._asked_at_seconds >= after_seconds:
            self.ask_again()

    def expire(self, now_seconds: float) -> None:
        """End those whose time is up.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self._waiting = self._keep(self._waiting, now_seconds)
        self._asked = self._keep(self._asked, now_seconds)
        self._confirmed = deque(
            (index, kept)
            for index, barriers in self._confirmed
            if (kept := self._keep(barriers, now_seconds))
        )

    def _keep(self, barriers: list[_Barrier], now_seconds: float) -> list[_Barrier]:
        """Return the barriers whose time is not up, and end the others."""
        kept = []
        for barrier in barriers:
            if barrier.deadline_seconds > now_seconds and not barrier.future.done():
                kept.append(barrier)
                continue
            self._count -= 1
            if not barrier.future.done():
                barrier.future.set_exception(
                    NotLeader("no leader confirmed the read in time; try again")
                )
        return kept

    def end_all(self, reason: str) -> None:
        """End all, for this member stops.

        Parameters
        ----------
        reason : str
            Why, as the beginning of a sentence.
        """
        everyone = [*self._waiting, *self._asked]
        for _, barriers in self._confirmed:
            everyone += barriers
        for barrier in everyone:
            if not barrier.future.done():
                barrier.future.set_exception(
                    NotLeader(f"{reason} before the read could be served")
                )
        self._waiting, self._asked, self._count = [], [], 0
        self._confirmed.clear()
