"""Proposals on their way: held until a leader is known, then waited for; honest ends.

A proposal ends as applied with its result, as definitely not proposed, or as unknown.
Which of the three depends on how far it went:

- held here, no leader yet, or handed back by one: not proposed, whenever its time is
  up;
- in our own log as leader, or handed on to the one who leads the term, and the term is
  over: an entry of an older term never comes after one of a newer term, so once the
  first entry of a newer term is applied without it, it is lost for good, and is
  proposed again by itself (`handed_on` says why that holds at other leaders, too);
- its time is up, or this member stops, before either: nobody can tell.
"""

from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Iterable, Sequence

from raftwerk.core.config import NO_LIMIT
from raftwerk.errors import (
    NotLeader,
    NotProposed,
    OutcomeUnknown,
    QueueFull,
    RequestError,
)
from raftwerk.runtime.waiter import Waiter
from raftwerk.types import Term

__all__ = ["Waiters"]


class Waiters:
    """All proposals of this member that have no outcome yet.

    Parameters
    ----------
    loop : AbstractEventLoop
        Makes the futures.
    queue_max : int
        How many there may be at a time.
    bytes_max : int
        How many bytes they may have together; one alone may have more.
    """

    def __init__(
        self, loop: AbstractEventLoop, queue_max: int, bytes_max: int = NO_LIMIT
    ) -> None:
        self._loop = loop
        self._queue_max = queue_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._number = 0
        self._waiting: dict[int, Waiter] = {}
        self.failed_count = 0
        self._held: deque[Waiter] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_held(self) -> bool:
        """Whether proposals wait to be handed to the core.

        Returns
        -------
        bool
            True: see `take_held`.
        """
        return bool(self._held)

    def next_number(self) -> int:
        """Return the number for the next proposal, if there is room for one.

        Returns
        -------
        int
            Counted from 1.

        Raises
        ------
        QueueFull
            If too many wait already.
        """
        if self._bytes >= self._bytes_max:
            raise QueueFull(
                f"proposals of {self._bytes} bytes wait already, of {self._bytes_max}"
                " that queue_bytes_max allows; try again later"
            )
        if len(self._waiting) >= self._queue_max:
            raise QueueFull(
                f"{len(self._waiting)} proposals wait already, the most that queue_max"
                " allows; try again later"
            )
        self._number += 1
        return self._number

    def add(
        self, number: int, data: bytes, deadline_seconds: float
    ) -> "Future[object]":
        """Hold a proposal until it can be handed to the core.

        Parameters
        ----------
        number : int
            From `next_number`.
        data : bytes
            The entry's data.
        deadline_seconds : float
            When waiting ends, by the host's clock.

        Returns
        -------
        Future
            Its outcome.
        """
        future: Future[object] = self._loop.create_future()
        waiter = Waiter(number, data, future, deadline_seconds)
        self._waiting[number] = waiter
        self._bytes += len(data)
        self._held.append(waiter)
        return future

    def add_proposed(
        self, number: int, term: Term, deadline_seconds: float
    ) -> "Future[object]":
        """Wait for what is proposed at once, by us as the leader, and never again.

        Parameters
        ----------
        number : int
            From `next_number`.
        term : Term
            The present term.
        deadline_seconds : float
            When waiting ends, by the host's clock.

        Returns
        -------
        Future
            Its outcome.
        """
        future: Future[object] = self._loop.create_future()
        waiter = Waiter(number, b"", future, deadline_seconds, False, False, term)
        self._waiting[number] = waiter
        return future

    def take_held(self, bytes_max: int, count_max: int) -> list[Waiter]:
        """Take held proposals out, in order; at least one if there is any.

        Parameters
        ----------
        bytes_max : int
            The bytes that they may have together.
        count_max : int
            How many they may be, at least 1.

        Returns
        -------
        list of Waiter
            Those that somebody still waits for.
        """
        taken: list[Waiter] = []
        size = 0
        held = self._held
        while held and len(taken) < count_max:
            waiter = held[0]
            if waiter.future.done():
                # Given up before it was proposed: nothing happened, nothing will.
                held.popleft()
                self._forget(waiter.number)
                continue
            size += len(waiter.data)
            if taken and size > bytes_max:
                break
            taken.append(held.popleft())
        return taken

    def put_back(self, waiters: Sequence[Waiter]) -> None:
        """Hold again what the core did not take.

        Parameters
        ----------
        waiters : sequence of Waiter
            From `take_held`, in its order.
        """
        for waiter in reversed(waiters):
            waiter.is_held = True
            self._held.appendleft(waiter)

    def proposed(self, waiters: Sequence[Waiter], term: Term) -> None:
        """Know that the core took these.

        Parameters
        ----------
        waiters : sequence of Waiter
            From `take_held`.
        term : Term
            The present term; we lead it, or whoever does was sent them.
        """
        for waiter in waiters:
            waiter.is_held = False
            waiter.term = term

    def handed_back(self, numbers: Iterable[int], term: Term) -> None:
        """Hold again what a leader did not take.

        Parameters
        ----------
        numbers : iterable of int
            Which proposals.
        term : Term
            In which they were handed on to it.
        """
        waiting = [self._waiting.get(number) for number in numbers]
        # What was handed on once more since, in a newer term, is another matter.
        self.put_back([w for w in waiting if w and not w.is_held and w.term == term])

    def resolve(self, number: int, result: object) -> None:
        """Give a result to whoever waits for it.

        Parameters
        ----------
        number : int
            Which proposal was applied.
        result : object
            What the state machine returned; an exception is raised at the waiter.
        """
        waiter = self._forget(number)
        if waiter is None or waiter.future.done():
            return
        if isinstance(result, Exception):
            waiter.future.set_exception(result)
        else:
            waiter.future.set_result(result)

    def settle_older(self, term: Term) -> None:
        """Settle what was proposed in older terms: an entry of this term is applied.

        Parameters
        ----------
        term : Term
            The term of that entry.
        """
        lost = []
        for waiter in list(self._waiting.values()):
            if waiter.is_held or waiter.term >= term:
                continue
            if waiter.is_repeatable:
                lost.append(waiter)
            else:
                self._end(
                    waiter,
                    NotProposed(
                        f"leadership was lost (term {term}) before a quorum stored the"
                        " proposal; it will not come to effect"
                    ),
                )
        self.put_back(lost)

    def forget_order(self) -> None:
        """End all that was proposed: a snapshot hides what became of each."""
        for waiter in list(self._waiting.values()):
            if not waiter.is_held:
                self._end(
                    waiter,
                    OutcomeUnknown(
                        "a snapshot took the place of the entries in which the"
                        " proposal may be; look before you try again"
                    ),
                )

    def expire(self, now_seconds: float) -> None:
        """End those whose time is up.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        expired = []
        # All wait equally long: in the order of their numbers.
        for waiter in self._waiting.values():
            if waiter.deadline_seconds > now_seconds:
                break
            expired.append(waiter)
        for waiter in expired:
            self._end(waiter, waiter.late())
        if expired:
            self._held = deque(w for w in self._held if not w.future.done())

    def end_held(self, error: NotProposed) -> None:
        """End those that were never proposed, or were handed back.

        Parameters
        ----------
        error : NotProposed
            Why.
        """
        for waiter in list(self._held):
            self._end(waiter, type(error)(*error.args))  # tracebacks grow in each
        self._held.clear()

    def end_all(self, reason: str) -> None:
        """End all, for this member stops.

        Parameters
        ----------
        reason : str
            Why, as the beginning of a sentence.
        """
        self.end_held(NotLeader(f"{reason} before the proposal was made"))
        for waiter in list(self._waiting.values()):
            self._end(
                waiter, OutcomeUnknown(f"{reason} before the proposal was applied")
            )

    def _forget(self, number: int) -> Waiter | None:
        """Have one less, if it was there."""
        waiter = self._waiting.pop(number, None)
        if waiter is not None:
            self._bytes -= len(waiter.data)
        return waiter

    def _end(self, waiter: Waiter, error: RequestError) -> None:
        """Give an error to whoever waits, if anybody does."""
        self._forget(waiter.number)
        self.failed_count += 1
        if not waiter.future.done():
            waiter.future.set_exception(error)
