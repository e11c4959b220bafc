"""Grant, revoke, keep alive, time to live, list: what they mean on any member.

Who is granted a lease and whose is revoked is agreed upon as any write is. How long one
lasts only the leader knows (`lessor`): it is asked over the connections that members
have. Such a question may be put twice, so it is put again, to whoever leads by then,
if the answer does not come soon: a client must not lose its lease because the leader
that it can't even see has died.
"""

import asyncio
from typing import Final, TypeVar

import msgspec

from raftwerk.errors import InvariantViolation, NotLeader, OutcomeUnknown
from raftwerk.host.protocol import Clock, Draw, Timers
from raftwerk.kv import (
    GrantLease,
    GrantResult,
    LeasesResult,
    RevokeLease,
    Store,
    encode,
)
from raftwerk.runtime.once import present_request
from raftwerk.service.lease_calls import (
    TOPIC,
    KeepAlive,
    KeptAlive,
    LeaseQuestion,
    LeasesFound,
    ListLeases,
    TimeLeft,
    TimeToLive,
    decode_question,
    decode_reply,
)
from raftwerk.service.lease_calls import encode as encode_call
from raftwerk.service.lease_node import LeaseNode
from raftwerk.service.lessor import Lessor
from raftwerk.service.turns import in_turns

__all__ = ["Granted", "KeptLease", "LeaseService"]

ASK_SECONDS: Final = 1.0
"""How long one leader may take to answer; well below the shortest lease."""

ASK_SECONDS_MAX: Final = 7.0
"""How long all of them together may take; as long as any request."""

AGAIN_SECONDS: Final = 0.05
"""From an answer that was lost to the next question."""

BEATS_MAX: Final = 1_000
"""Leases that are kept alive by one question."""

_IDS: Final = 2**63 - 1

_Reply = TypeVar("_Reply", KeptAlive, TimeLeft, LeasesFound)
_Result = TypeVar("_Result")


class Granted(msgspec.Struct, frozen=True, gc=False):
    """A new lease.

    Parameters
    ----------
    revision : int
        The store's.
    lease_id : int
        Its id.
    ttl_seconds : int
        How long it lasts after it was kept alive.
    """

    revision: int
    lease_id: int
    ttl_seconds: int


class KeptLease(msgspec.Struct, frozen=True, gc=False):
    """A lease that was kept alive.

    Parameters
    ----------
    revision : int
        The store's.
    ttl_seconds : int
        How long it lasts; 0 if there is no such lease.
    """

    revision: int
    ttl_seconds: int


class LeaseService:
    """The calls about leases on one member; any member takes any of them.

    Parameters
    ----------
    node : LeaseNode
        The member.
    store : Store
        Its state machine.
    clock : Clock
        What leases are counted by.
    timers : Timers
        For waits.
    draw : Draw
        For ids of leases that nobody gave one.
    """

    def __init__(
        self, node: LeaseNode, store: Store, *, clock: Clock, timers: Timers, draw: Draw
    ) -> None:
        self._node = node
        self._store = store
        self._clock = clock
        self._timers = timers
        self._draw = draw
        self._lessor = Lessor(node, store, clock, timers)
        self._beats: list[tuple[int, asyncio.Future[KeptLease]]] = []
        self._beating: asyncio.Task[None] | None = None
        node.serve_calls(TOPIC, self._answer)

    async def run(self) -> None:
        """Count leases as long as this member may lead; it does not end by itself."""
        await self._lessor.run()

    async def grant(self, ttl_seconds: int, lease_id: int = 0) -> Granted:
        """Begin a lease.

        Parameters
        ----------
        ttl_seconds : int
            How long it lasts after it was kept alive; less than the least becomes that.
        lease_id : int
            Its id; 0 for any.

        Returns
        -------
        Granted
            With its id and the time that it has.

        Raises
        ------
        LeaseExists
            If there is one of this id.
        LeaseTooLong
            If it is to last longer than any may.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be granted.
        """
        chosen = lease_id
        if not chosen:
            # Asked for once more, it must be the same one.
            request = present_request()
            below = self._draw.below if request is None else request.below
            chosen = 1 + below(_IDS)
        result = await self._propose(GrantLease(chosen, ttl_seconds), GrantResult)
        return Granted(result.revision, chosen, result.ttl_seconds)

    async def revoke(self, lease_id: int) -> int:
        """End a lease, and delete the keys that are attached to it.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        int
            The store's revision, which is that of the deletions if there were any.

        Raises
        ------
        LeaseNotFound
            If there is none of this id.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be revoked.
        """
        return (await self._propose(RevokeLease(lease_id), LeasesResult)).revision

    async def keep_alive(self, lease_id: int) -> KeptLease:
        """Let a lease last for all of its time again, counted from this call at least.

        What comes while the leader is asked is asked together, next time.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        KeptLease
            How long it lasts; no time if there is no such lease.

        Raises
        ------
        NotProposed, OutcomeUnknown
            If no leader could say so; it may be tried again.
        """
        future: asyncio.Future[KeptLease] = asyncio.get_running_loop().create_future()
        self._beats.append((lease_id, future))
        if self._beating is None:
            self._beating = asyncio.ensure_future(self._beat())
        return await future

    async def time_to_live(self, lease_id: int, *, with_keys: bool = False) -> TimeLeft:
        """Return how long a lease will last.

        Parameters
        ----------
        lease_id : int
            Which.
        with_keys : bool
            Whether to return what is attached to it.

        Returns
        -------
        TimeLeft
            With -1 seconds if there is no such lease.

        Raises
        ------
        NotProposed, OutcomeUnknown
            If no leader could say so; it may be tried again.
        """
        return await self._ask(TimeToLive(lease_id, with_keys), TimeLeft)

    async def leases(self) -> LeasesFound:
        """Return which leases there are.

        Returns
        -------
        LeasesFound
            What ends first comes first.

        Raises
        ------
        NotProposed, OutcomeUnknown
            If no leader could say so; it may be tried again.
        """
        return await self._ask(ListLeases(), LeasesFound)

    async def _beat(self) -> None:
        """Keep alive what waits for it, many at a time."""
        try:
            while self._beats:
                batch = self._beats[:BEATS_MAX]
                del self._beats[:BEATS_MAX]
                await self._keep_all_alive(batch)
        finally:
            self._beating = None

    async def _keep_all_alive(
        self, batch: "list[tuple[int, asyncio.Future[KeptLease]]]"
    ) -> None:
        """Keep some leases alive, and tell those who wait."""
        question = KeepAlive(tuple([lease_id for lease_id, _ in batch]))
        try:
            kept = await self._ask(question, KeptAlive)
        # pylint: disable-next=broad-exception-caught  # passed on
        except Exception as error:
            # Whatever it is, it is theirs who wait: each of them raises it.
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), seconds in zip(batch, kept.ttl_seconds, strict=True):
            if not future.done():
                future.set_result(KeptLease(kept.revision, seconds))

    async def _propose(
        self, command: GrantLease | RevokeLease, expected: type[_Result]
    ) -> _Result:
        """Have a command agreed upon, and return what the store made of it."""
        result = await self._node.propose(encode(command))
        if not isinstance(result, expected):
            raise InvariantViolation(
                f"a {type(command).__name__} ends with a {expected.__name__}, not with"
                f" {result!r}"
            )
        return result

    async def _ask(self, question: LeaseQuestion, expected: type[_Reply]) -> _Reply:
        """Ask whoever leads, and again if the answer is lost."""
        content = encode_call(question)
        deadline = self._clock.now() + ASK_SECONDS_MAX
        while True:
            try:
                data = await self._node.ask_leader(TOPIC, content, ASK_SECONDS)
            except (NotLeader, OutcomeUnknown):
                self._node.status()  # raises if the member does not run any more
                if self._clock.now() >= deadline:
                    raise
                # An answer may be known to be lost at once, again and again.
                await self._timers.sleep(AGAIN_SECONDS)
                continue
            reply = decode_reply(data)
            if not isinstance(reply, expected):
                raise InvariantViolation(
                    f"{question!r} is answered by a {expected.__name__}, not by"
                    f" {reply!r}"
                )
            return reply

    async def _answer(self, content: bytes) -> bytes:
        """Answer as the leader."""
        match decode_question(content):
            case KeepAlive(leases):
                times = tuple(await self._lessor.renew(leases))
                return encode_call(KeptAlive(self._store.revision, times))
            case TimeToLive(lease, with_keys):
                found = await self._lessor.left(lease)
                if found is None:
                    return encode_call(TimeLeft(self._store.revision, -1))
                left, granted = found
                revision, seconds = self._store.revision, granted.ttl_seconds
                keys: list[bytes] = []
                if with_keys:
                    keys = await in_turns(self._store.lease_keys_in_steps(lease))
                reply = TimeLeft(revision, left, seconds, keys)
                return encode_call(reply)
            case ListLeases():
                found_leases = await self._lessor.in_order()
                return encode_call(LeasesFound(self._store.revision, found_leases))
