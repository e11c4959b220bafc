"""Clients of a simulated group: what they do, and all that they are told.

Each draws from a seed of its own, calls one member after the other, and takes nothing
for done that nobody has said. What they remember is judged at the end (`judge`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from raftwerk.errors import RaftwerkError
from raftwerk.host.draw import SplitMix64
from raftwerk.kv import (
    Compare,
    CompareTarget,
    DeleteRange,
    Put,
    Range,
    RangeResult,
    Txn,
)
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.history import Action, Answer, Operation
from raftwerk.sim.kv_machine import KvServices, kv_services
from raftwerk.sim.machine import Machine
from raftwerk.sim.records import Holding, Records, Transfer
from raftwerk.sim.world import World

__all__ = ["ACCOUNTS", "Client", "bank", "hold", "lease_out", "write"]

KEYS: Final = 5
ACCOUNTS: Final = 4
LOCKS: Final = 2
CALL_SECONDS: Final = 2.0
LOCK_SECONDS: Final = 8.0

_ACTIONS: Final = (
    *[Action.PUT] * 9,
    *[Action.READ] * 6,
    *[Action.COMPARE_AND_PUT] * 3,
    *[Action.DELETE] * 2,
)

Result = TypeVar("Result")


class Client:
    """Somebody who asks members for things.

    Parameters
    ----------
    world : World
        Where.
    records : Records
        What is remembered.
    number : int
        Who.
    """

    def __init__(self, world: World, records: Records, number: int) -> None:
        self.world = world
        self.records = records
        self.number = number
        self.draw: SplitMix64 = world.draw.fork(f"client {number}")
        self.is_over = False
        self._caller = Caller(world, self.draw.fork("calls"))
        self._member = number
        self._values = 0

    def member(self) -> Machine:
        """Return whom to ask: mostly the same as before.

        Returns
        -------
        Machine
            Perhaps down.
        """
        machines = [each for each in self.world.machines.values() if not each.is_gone]
        return machines[self._member % len(machines)]

    def move(self) -> None:
        """Ask another one from now on."""
        self._member += 1 + self.draw.below(4)

    async def ask(
        self,
        request: Callable[[KvServices], Coroutine[Any, Any, Result]],
        seconds: float = CALL_SECONDS,
    ) -> Result:
        """Ask once; whoever could not do it is not asked next time.

        Parameters
        ----------
        request : callable
            What, of a member's services.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        Unreached, Lost, RaftwerkError
            As `Caller.call`.
        """
        try:
            return await self._caller.call(
                self.member(), lambda services: request(kv_services(services)), seconds
            )
        except (Unreached, Lost):
            self.move()
            raise

    async def rest(self, factor: float = 1.0) -> None:
        """Wait before the next thing, as long as the plan's pace says on average.

        Parameters
        ----------
        factor : float
            How much longer than that.
        """
        micros = round(2e6 * self.world.plan.pace_seconds * factor)
        await self.world.sleep((1 + self.draw.below(micros + 1)) / 1e6)

    def value(self) -> bytes:
        """Return a value that nobody else writes, not always a short one.

        Returns
        -------
        bytes
            Of 3 to some hundred bytes.
        """
        self._values += 1
        size = (0, 0, 0, 50, 400)[self.draw.below(5)]
        return b"%d:%d" % (self.number, self._values) + b"." * size

    def now(self) -> float:
        """Return the time that all share.

        Returns
        -------
        float
            In virtual seconds.
        """
        return self.world.now()


# ---- single keys ----------------------------------------------------------------


async def write(client: Client) -> None:
    """Write, read, compare and delete single keys until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    seen: dict[bytes, int] = {}
    while not client.is_over:
        action = _ACTIONS[client.draw.below(len(_ACTIONS))]
        key = b"key %d" % client.draw.below(KEYS)
        has_value = action in (Action.PUT, Action.COMPARE_AND_PUT)
        operation = Operation(
            client=client.number,
            action=action,
            key=key,
            value=client.value() if has_value else None,
            expected_mod_revision=seen.get(key, 0),
            started=client.now(),
        )
        answer = await carry_out(client, operation)
        await client.rest()
        if answer is None or not answer.succeeded:
            continue
        if action is Action.READ:
            seen[key] = answer.mod_revision
        else:
            seen[key] = 0 if action is Action.DELETE else answer.revision or 0


async def carry_out(client: Client, operation: Operation) -> Answer | None:
    """Carry out one operation, and remember how it ended.

    Parameters
    ----------
    client : Client
        Who.
    operation : Operation
        Without an answer.

    Returns
    -------
    Answer or None
        None: nothing happened, or nobody knows.
    """
    records = client.records
    try:
        answer = await client.ask(lambda services: _do(services, operation))
    except Unreached:
        records.count("nothing happened")
        return None
    except Lost:
        records.count("unknown")
        if operation.action is not Action.READ:
            records.operations.append(operation)
        return None
    except asyncio.CancelledError:
        if operation.action is not Action.READ:
            records.operations.append(operation)
        raise
    done = msgspec.structs.replace(operation, ended=client.now(), answer=answer)
    records.operations.append(done)
    records.count("answered")
    if done.may_write:
        records.writes += 1
    return answer


async def _do(services: KvServices, operation: Operation) -> Answer:
    """Do an operation on a member."""
    kv, key, value = services.kv, operation.key, operation.value or b""
    if operation.action is Action.READ:
        found = await kv.range(Range(key))
        if not found.kvs:
            return Answer(revision=found.revision)
        kept = found.kvs[0]
        return Answer(
            revision=found.revision, value=kept.value, mod_revision=kept.mod_revision
        )
    if operation.action is Action.PUT:
        return Answer(revision=(await kv.put(Put(key, value))).revision)
    if operation.action is Action.DELETE:
        gone = await kv.delete_range(DeleteRange(key))
        return Answer(revision=gone.revision, succeeded=gone.deleted > 0)
    expected = operation.expected_mod_revision
    is_so = Compare(key, target=CompareTarget.MOD, number=expected)
    done = await kv.txn(Txn((is_so,), (Put(key, value),)))
    return Answer(revision=done.revision, succeeded=done.succeeded)


# ---- transactions over several keys -----------------------------------------------


async def bank(client: Client) -> None:
    """Move money between accounts in one transaction each, until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    while not client.is_over:
        await client.rest()
        one = client.draw.below(ACCOUNTS)
        other = (one + 1 + client.draw.below(ACCOUNTS - 1)) % ACCOUNTS
        keys = (b"account %d" % one, b"account %d" % other)
        try:
            found = await _read_both(client, keys)
            if found is not None:
                await _transfer(client, keys, found)
        except Unreached:
            client.records.count("nothing happened")
        except Lost:
            client.records.count("unknown")


async def _read_both(
    client: Client, keys: tuple[bytes, bytes]
) -> tuple[tuple[int, int], ...] | None:
    """Return balance and mod revision of both, as one read saw them."""
    started = client.now()
    reads = (Range(keys[0]), Range(keys[1]))
    told = await client.ask(lambda services: services.kv.txn(Txn(success=reads)))
    found = []
    for response in told.responses:
        kvs = response.kvs if isinstance(response, RangeResult) else []
        found.append(
            (int(kvs[0].value.split()[0]), kvs[0].mod_revision) if kvs else (0, 0)
        )
    values = tuple(
        (
            response.kvs[0].value
            if isinstance(response, RangeResult) and response.kvs
            else None
        )
        for response in told.responses
    )
    client.records.transfers.append(
        Transfer(
            keys=keys,
            started=started,
            ended=client.now(),
            revision=told.revision,
            found=values,
        )
    )
    return tuple(found)


async def _transfer(
    client: Client, keys: tuple[bytes, bytes], found: tuple[tuple[int, int], ...]
) -> None:
    """Move some money, if nobody else has done so meanwhile."""
    amount = 1 + client.draw.below(10)
    mark = client.value()
    (less, less_at), (more, more_at) = found
    puts = (
        Put(keys[0], b"%d %b" % (less - amount, mark)),
        Put(keys[1], b"%d %b" % (more + amount, mark)),
    )
    are_so = (
        Compare(keys[0], target=CompareTarget.MOD, number=less_at),
        Compare(keys[1], target=CompareTarget.MOD, number=more_at),
    )
    transfer = Transfer(
        keys=keys,
        started=client.now(),
        puts=(puts[0].value, puts[1].value),
        expected=(less_at, more_at),
    )
    try:
        told = await client.ask(lambda services: services.kv.txn(Txn(are_so, puts)))
    except (Lost, asyncio.CancelledError):
        client.records.transfers.append(transfer)
        raise
    client.records.count("answered")
    client.records.transfers.append(
        msgspec.structs.replace(
            transfer,
            ended=client.now(),
            revision=told.revision,
            succeeded=told.succeeded,
        )
    )


# ---- locks ------------------------------------------------------------------------


async def hold(client: Client) -> None:
    """Take locks, write under their protection, and let go, until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    while not client.is_over:
        await client.rest()
        name = b"lock %d" % client.draw.below(LOCKS)
        try:
            await _hold_once(client, name)
        except (Unreached, Lost):
            client.records.count("lock given up")
        except RaftwerkError as error:
            client.records.count(f"lock refused: {type(error).__name__}")


async def _hold_once(client: Client, name: bytes) -> None:
    """Take a lock once."""
    ttl = 2 + client.draw.below(3)
    lease = (await client.ask(lambda s: s.lease.grant(ttl))).lease_id
    locked = await client.ask(lambda s: s.lock.lock(name, lease), LOCK_SECONDS)
    client.records.holdings.append(
        Holding(client.number, name, locked.key, locked.revision, client.now())
    )
    client.records.count("locked")
    found = await client.ask(lambda s: s.kv.range(Range(locked.key)))
    if found.kvs:
        created = found.kvs[0].create_revision
        is_mine = Compare(locked.key, target=CompareTarget.CREATE, number=created)
        guarded = Put(b"guarded " + name, b"%d %b" % (created, client.value()))
        await client.ask(lambda s: s.kv.txn(Txn((is_mine,), (guarded,))))
    await client.rest(3.0)
    if client.draw.below(4):
        await client.ask(lambda s: s.lock.unlock(locked.key))
        await client.ask(lambda s: s.lease.revoke(lease))
    # Else nobody keeps it alive, and it ends by itself.


# ---- leases -----------------------------------------------------------------------


async def lease_out(client: Client) -> None:
    """Attach keys to leases, keep some alive, and let them end, until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    records = client.records
    while not client.is_over:
        await client.rest()
        ttl = 2 + client.draw.below(4)
        asked = client.now()
        try:
            granted = await client.ask(lambda s: s.lease.grant(ttl))
        except (Unreached, Lost):
            continue
        lease, lasts = granted.lease_id, granted.ttl_seconds
        records.leases[lease] = (asked, lasts)
        try:
            await _use_lease(client, lease, lasts)
        except (Unreached, Lost):
            records.count("lease left alone")
        except RaftwerkError as error:
            records.count(f"lease refused: {type(error).__name__}")


async def _use_lease(client: Client, lease: int, ttl_seconds: int) -> None:
    """Attach a key to a lease, and keep it alive for a while."""
    records, draw = client.records, client.draw
    put = Put(b"leased %d" % draw.below(KEYS), client.value(), lease)
    await client.ask(lambda services: services.kv.put(put))
    records.count("leased")
    for _ in range(draw.below(4)):
        await client.world.sleep(ttl_seconds * (200 + draw.below(300)) / 1000)
        asked = client.now()
        kept = await client.ask(lambda services: services.lease.keep_alive(lease))
        if kept.ttl_seconds > 0:
            records.leases[lease] = (asked, kept.ttl_seconds)
            records.count("kept alive")
