"""Clients that write, read, compare and delete single keys."""

import asyncio
from typing import Final

import msgspec

from raftwerk.kv import Compare, CompareTarget, DeleteRange, Put, Range, Txn
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import KEYS, Client
from raftwerk.sim.history import Action, Answer, Operation
from raftwerk.sim.kv_machine import KvServices
from raftwerk.sim.machine import Machine

__all__ = ["carry_out", "write"]

_ACTIONS: Final = (
    *[Action.PUT] * 9,
    *[Action.READ] * 6,
    *[Action.COMPARE_AND_PUT] * 3,
    *[Action.DELETE] * 2,
)


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


async def carry_out(
    client: Client, operation: Operation, machine: Machine | None = None
) -> Answer | None:
    """Carry out one operation, and remember how it ended.

    Parameters
    ----------
    client : Client
        Who.
    operation : Operation
        Without an answer.
    machine : Machine, optional
        Whom to ask; without it, whom the client asks now.

    Returns
    -------
    Answer or None
        None: nothing happened, or nobody knows.
    """
    records = client.records
    try:
        asked = client.member() if machine is None else machine
        answer = await client.ask_of(asked, lambda services: _do(services, operation))
    except Unreached:
        client.move()
        records.count("nothing happened")
        return None
    except Lost:
        client.move()
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
