"""Clients that move money between accounts, in one transaction each."""

import asyncio
from typing import Final

import msgspec

from raftwerk.kv import Compare, CompareTarget, Put, Range, RangeResult, Txn
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import Client
from raftwerk.sim.records import Transfer

__all__ = ["bank"]

ACCOUNTS: Final = 4


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
