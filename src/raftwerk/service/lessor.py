"""The leader counts how long leases last; nobody else does, and nobody else may say.

A new leader says in the log that it counts in its term (`LeadLeases`), and begins when
that is applied: each lease has again what is known to be left of it, which is at least
what it truly had. Nothing of the time is in the log but what is left now and then, so
that leases are not prolonged for ever by changes of leader.

- *More life is promised only by a leader that was confirmed after it was asked*: a
  round among the members precedes each keep-alive. A leader that was overthrown while
  it slept finds that out, instead of promising what another one does not know of.
- *An expiry is said by a leader that was confirmed after the deadline*, in a command
  that has an effect only in its own term and is never handed on (`propose_as_leader`).
- *What was remembered as left is cleared before a keep-alive is answered*: another
  leader would not know otherwise that all of it is left again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    BecamePreCandidate,
    Event,
)
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader, NotProposed, RequestError
from raftwerk.host.protocol import Clock, Timers
from raftwerk.kv import (
    CheckpointLeases,
    ExpireLeases,
    LeadLeases,
    Lease,
    Store,
    encode,
)
from raftwerk.service.countdown import CHECKPOINT_SECONDS_FIRST, Countdown
from raftwerk.service.lease_node import LeaseNode
from raftwerk.types import Term

__all__ = ["Lessor"]

PROMISE_SECONDS: Final = 1.0
"""How old a confirmation may be on which more life is promised."""

AGAIN_SECONDS: Final = 0.25
"""After which it is tried again to say what could not be said."""

_ROLES: Final = frozenset(
    (BecameCandidate, BecameFollower, BecameLeader, BecamePreCandidate)
)
"""What tells of another role; there are events in nearly every turn."""

EXPIRIES_PER_COMMAND: Final = 100
"""Each may have many keys, which go in the same batch of the store."""


class Lessor:
    """Counts the leases while its member leads.

    Parameters
    ----------
    node : LeaseNode
        The member.
    store : Store
        Its state machine.
    clock : Clock
        What is counted by.
    timers : Timers
        What wakes it.
    """

    def __init__(
        self, node: LeaseNode, store: Store, clock: Clock, timers: Timers
    ) -> None:
        self._node = node
        self._store = store
        self._clock = clock
        self._timers = timers
        self._term = Term(0)
        self._countdown = Countdown()
        self._ending: dict[int, asyncio.Future[None]] = {}
        self._woken = asyncio.Event()
        self._changed: asyncio.Future[None] | None = None
        node.observe(self._on_events)
        store.observe_leases(self._on_news)

    # ---- whether we count -----------------------------------------------------

    def _leading_term(self) -> Term | None:
        """Return the term that we lead, as far as we know."""
        try:
            status = self._node.status()
        except NotLeader:
            return None  # it does not run
        return status.term if status.role is Role.LEADER else None

    def _on_events(self, events: Sequence[Event]) -> None:
        """Look whether we lead, where it may have changed."""
        if not _ROLES.isdisjoint(map(type, events)):
            self._wake()

    def _on_news(self, news: Sequence[int]) -> None:
        """Count what begins, and no more what has ended; or all, if we begin."""
        term = Term(self._store.lease_term)
        if term != self._leading_term():
            return
        now = self._clock.now()
        if term != self._term:
            self._countdown = Countdown()
            for lease in self._store.leases():
                self._countdown.begin(lease, now, CHECKPOINT_SECONDS_FIRST)
            self._term = term
        for lease_id in news:
            self._countdown.end(lease_id)
            granted = self._store.lease(lease_id)
            if granted is not None:
                self._countdown.begin(granted, now)
        self._wake()

    def _wake(self) -> None:
        """Have `run` look at all of it, and whoever waits for a change."""
        self._woken.set()
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    # ---- duties ----------------------------------------------------------------

    async def run(self) -> None:
        """Count, as long as this member may lead; it does not end by itself."""
        while True:
            self._woken.clear()
            term = self._leading_term()
            if term is None:
                self._term = Term(0)
                await self._woken.wait()
            elif term != self._term:
                await self._say(LeadLeases(term), term)
            else:
                await self._do_due(term)
                await self._sleep_until_due()

    async def _sleep_until_due(self) -> None:
        """Wait until something may be due, or has changed."""
        at = self._countdown.next_due()
        timer = None
        if at is not None:
            delay = at - self._clock.now()
            timer = self._timers.call_later(delay, self._woken.set)
        await self._woken.wait()
        if timer is not None:
            timer.cancel()

    async def _do_due(self, term: Term) -> None:
        """End what has expired, and have remembered what is left of others."""
        due = self._countdown.take_due(self._clock.now())
        if due.checkpoints:
            # If it can't be said now, a lease may be prolonged a little more.
            await self._say(CheckpointLeases(term, tuple(due.checkpoints)), term)
        for start in range(0, len(due.expired), EXPIRIES_PER_COMMAND):
            leases = due.expired[start : start + EXPIRIES_PER_COMMAND]
            await self._expire(leases, term)

    async def _expire(self, leases: list[int], term: Term) -> None:
        """End leases, unless somebody keeps them alive while we are confirmed."""
        try:
            await self._node.read_barrier()
        except RequestError:
            expired: list[int] = []
        else:
            now = self._clock.now()
            expired = [
                lease
                for lease in leases
                if lease in self._countdown and not self._countdown.left(lease, now)
            ]
        if expired:
            done = asyncio.get_running_loop().create_future()
            self._ending |= dict.fromkeys(expired, done)
            try:
                await self._say(ExpireLeases(term, tuple(expired)), term)
            finally:
                for lease in expired:
                    del self._ending[lease]
                done.set_result(None)
        again = self._clock.now() + AGAIN_SECONDS
        for lease in leases:
            self._countdown.put_back(lease, again)

    async def _say(
        self, command: LeadLeases | CheckpointLeases | ExpireLeases, term: Term
    ) -> None:
        """Say something as the leader of a term; if that fails, it is not said."""
        try:
            await self._node.propose_as_leader(encode(command), term)
        except NotProposed:
            # Leadership is being handed over, say: soon we lead no more, or again.
            await self._timers.sleep(AGAIN_SECONDS)
        except RequestError:
            pass

    # ---- questions --------------------------------------------------------------

    async def renew(self, lease_ids: Sequence[int]) -> list[int]:
        """Let leases last for all of their time again.

        Parameters
        ----------
        lease_ids : sequence of int
            Which.

        Returns
        -------
        list of int
            How many seconds that is for each; 0 if there is no such lease.

        Raises
        ------
        NotLeader
            If this member does not lead.
        NotProposed, OutcomeUnknown
            If it could not be said for sure; it may be tried again.
        """
        while True:
            asked = self._clock.now()
            await self._confirm()
            endings = {self._ending[each] for each in lease_ids if each in self._ending}
            if endings:
                # Too late, or not: it is in the log's hand.
                await asyncio.wait(endings)
                continue
            now = self._clock.now()
            # A member that was stopped right here would promise by an old confirmation.
            if now - asked < PROMISE_SECONDS:
                break
        found = [self._counted(lease_id) for lease_id in lease_ids]
        leases = [lease for lease in found if lease is not None]
        for lease in leases:
            self._countdown.renew(lease.lease_id, now, asked + lease.ttl_seconds)
        known = tuple([(each.lease_id, 0) for each in leases if each.remaining_seconds])
        if known:
            command = CheckpointLeases(self._term, known)
            await self._node.propose_as_leader(encode(command), self._term)
        return [0 if lease is None else lease.ttl_seconds for lease in found]

    async def left(self, lease_id: int) -> tuple[int, Lease] | None:
        """Return how long a lease will last.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        tuple of int and Lease, or None
            Whole seconds, and the lease; None if there is no such lease.

        Raises
        ------
        NotLeader
            If this member does not lead.
        """
        await self._confirm()
        lease = self._counted(lease_id)
        if lease is None:
            return None
        return int(self._countdown.left(lease_id, self._clock.now())), lease

    async def in_order(self) -> list[int]:
        """Return all leases.

        Returns
        -------
        list of int
            What ends first comes first.

        Raises
        ------
        NotLeader
            If this member does not lead.
        """
        await self._confirm()
        return self._countdown.in_order()

    def _counted(self, lease_id: int) -> Lease | None:
        """Return a lease that is counted."""
        return self._store.lease(lease_id) if lease_id in self._countdown else None

    async def _confirm(self) -> None:
        """Return when we are the leader, were so after we were asked, and count."""
        await self._node.read_barrier()
        while True:
            term = self._leading_term()
            if term is None:
                raise NotLeader("this member does not lead, so it counts no leases")
            if term == self._term:
                return
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._changed)
