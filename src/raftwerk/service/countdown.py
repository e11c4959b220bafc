"""How long each lease still lasts, by one clock: what is due, and when to look again.

Pure but for the time that it is told. A lease that is kept alive only gets another
deadline; the queue keeps its old place, and is put right when that comes up. So a
keep-alive costs no more with a million leases than with one.
"""

import math
from heapq import heappop, heappush
from itertools import count
from typing import Final

import msgspec

from raftwerk.kv import Lease

__all__ = [
    "CHECKPOINT_SECONDS_FIRST",
    "CHECKPOINT_SECONDS_MAX",
    "Countdown",
    "Due",
]

CHECKPOINT_SECONDS_MAX: Final = 300.0
"""What a change of leader may prolong a lease by at most; etcd's interval."""

CHECKPOINT_SECONDS_FIRST: Final = 5.0
"""The same for a leader that has just begun to count. Who keeps its lease alive in time
would never be remembered by the rule of half the time; who does not, would never end
if the leader changed sooner than that, again and again."""

ROUNDING_SECONDS: Final = 1e-6
"""What sums of times may be off by: 30 s left are not to be remembered as 31."""

CHECKPOINT_SECONDS_MIN: Final = 1.0
"""And what is not worth an entry in the log."""


class Due(msgspec.Struct):
    """What is to be done now.

    Parameters
    ----------
    expired : list of int
        Leases whose time is up.
    checkpoints : list of tuple of int
        Leases whose remaining seconds are to be remembered, and these, rounded up.
    """

    expired: list[int]
    checkpoints: list[tuple[int, int]]


class _Count:
    """One lease that is counted."""

    __slots__ = ("checkpoint_at", "deadline", "is_queued", "lease_id")

    def __init__(self, lease_id: int) -> None:
        self.lease_id = lease_id
        self.deadline = 0.0
        self.checkpoint_at = 0.0
        self.is_queued = False

    def restart(
        self,
        now: float,
        deadline: float,
        patience_seconds: float = CHECKPOINT_SECONDS_MAX,
    ) -> None:
        """Last until a deadline, and be remembered when half of it has passed."""
        self.deadline = deadline
        patience = min((deadline - now) / 2, patience_seconds)
        self.checkpoint_at = now + max(patience, CHECKPOINT_SECONDS_MIN)

    @property
    def due_at(self) -> float:
        """When something is to be done about it."""
        return min(self.deadline, self.checkpoint_at)


class Countdown:
    """The deadlines of all leases; times are in seconds of one clock.

    Examples
    --------
    >>> countdown = Countdown()
    >>> countdown.begin(Lease(7, ttl_seconds=60), now=0.0)
    >>> countdown.take_due(30.0)
    Due(expired=[], checkpoints=[(7, 30)])
    >>> countdown.renew(7, now=31.0, deadline=91.0)
    >>> countdown.take_due(91.0).expired
    [7]
    """

    def __init__(self) -> None:
        self._counts: dict[int, _Count] = {}
        self._queue: list[tuple[float, int, _Count]] = []
        self._number = count()

    def __contains__(self, lease_id: int) -> bool:
        return lease_id in self._counts

    def begin(
        self,
        lease: Lease,
        now: float,
        patience_seconds: float = CHECKPOINT_SECONDS_MAX,
    ) -> None:
        """Count a lease, from what is known to be left of it.

        Parameters
        ----------
        lease : Lease
            Which.
        now : float
            The time.
        patience_seconds : float
            After which what is left is remembered at the latest.
        """
        counted = _Count(lease.lease_id)
        counted.restart(now, now + lease.left_seconds, patience_seconds)
        self._counts[lease.lease_id] = counted
        self._push(counted, counted.due_at)

    def end(self, lease_id: int) -> None:
        """Count a lease no more, if it is counted.

        Parameters
        ----------
        lease_id : int
            Which.
        """
        self._counts.pop(lease_id, None)

    def renew(self, lease_id: int, now: float, deadline: float) -> None:
        """Let a lease last longer; a later deadline than this one stays.

        Parameters
        ----------
        lease_id : int
            One that is counted.
        now : float
            The time.
        deadline : float
            Until when it lasts at least.
        """
        counted = self._counts[lease_id]
        counted.restart(now, max(deadline, counted.deadline))

    def left(self, lease_id: int, now: float) -> float:
        """Return how long a lease lasts.

        Parameters
        ----------
        lease_id : int
            One that is counted.
        now : float
            The time.

        Returns
        -------
        float
            Seconds; 0 if its time is up.
        """
        return max(0.0, self._counts[lease_id].deadline - now)

    def in_order(self) -> list[int]:
        """Return all leases.

        Returns
        -------
        list of int
            What ends first comes first.
        """
        counts = sorted(self._counts.values(), key=lambda each: each.deadline)
        return [each.lease_id for each in counts]

    def next_due(self) -> float | None:
        """Return when to look again; it may turn out that nothing is due then.

        Returns
        -------
        float or None
            None if nothing ever is, as things stand.
        """
        return self._queue[0][0] if self._queue else None

    def take_due(self, now: float, leases_max: int = 1_000) -> Due:
        """Return what is due, once.

        Parameters
        ----------
        now : float
            The time.
        leases_max : int
            How many leases to look at.

        Returns
        -------
        Due
            What expired is due again only after `put_back`.
        """
        due = Due([], [])
        for _ in range(leases_max):
            if not self._queue or self._queue[0][0] > now:
                break
            _, _, counted = heappop(self._queue)
            counted.is_queued = False
            if self._counts.get(counted.lease_id) is not counted:
                continue  # it has ended
            if counted.deadline <= now:
                due.expired.append(counted.lease_id)
                continue
            if counted.checkpoint_at <= now:
                left = math.ceil(counted.deadline - now - ROUNDING_SECONDS)
                due.checkpoints.append((counted.lease_id, left))
                counted.restart(now, counted.deadline)
            self._push(counted, counted.due_at)
        return due

    def put_back(self, lease_id: int, at: float) -> None:
        """Look again at a lease that has expired and did not end, or was renewed.

        Parameters
        ----------
        lease_id : int
            Which; nothing happens if it has ended.
        at : float
            When to look, or earlier than its deadline.
        """
        counted = self._counts.get(lease_id)
        if counted is not None:
            self._push(counted, at)

    def _push(self, counted: _Count, at: float) -> None:
        """Look at a lease at some time, unless that is to come already."""
        if not counted.is_queued:
            counted.is_queued = True
            heappush(self._queue, (at, next(self._number), counted))
