"""Clients that change more keys at once than a store does in one go.

Such a change is made in steps (decision 123), between which a member may die, take a
snapshot or be asked. The keys are written in a few transactions, often under a lease,
and go all at once: by a range, in a transaction, or with their lease.
"""

from typing import Final

from raftwerk.errors import RaftwerkError
from raftwerk.kv import DeleteRange, DeleteRangeResult, Put, Range, Txn
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import Client
from raftwerk.sim.kv_machine import SWEPT
from raftwerk.sim.records import Sweep

__all__ = ["sweep"]

KEYS_MIN: Final = 1_001
"""The fewest keys that a store does not delete in one go."""

KEYS_MORE: Final = 300

PUTS_MAX: Final = 125
"""Keys of one transaction."""

LEASE_SECONDS: Final = 3
"""How long a lease lasts that is left alone: the keys may be there by then."""


async def sweep(client: Client) -> None:
    """Write many keys and have them go at once, until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    prefix = SWEPT + b"%d " % client.number
    while not client.is_over:
        await client.rest(5.0)
        try:
            await _write_and_sweep(client, prefix)
        except (Unreached, Lost):
            client.records.count("not swept")
        except RaftwerkError as error:
            client.records.count(f"sweep refused: {type(error).__name__}")


async def _write_and_sweep(client: Client, prefix: bytes) -> None:
    """Write the keys, and have them go, in one of some ways."""
    draw, lease = client.draw, 0
    if draw.below(2):
        asked = client.now()
        granted = await client.ask(lambda s: s.lease.grant(LEASE_SECONDS))
        lease = granted.lease_id
        client.records.leases[lease] = (asked, granted.ttl_seconds)
    count = KEYS_MIN + draw.below(KEYS_MORE)
    for begin in range(0, count, PUTS_MAX):
        puts = tuple(
            Put(b"%b%04d" % (prefix, number), b"", lease)
            for number in range(begin, min(begin + PUTS_MAX, count))
        )
        await _put(client, puts)
    if not lease:
        await _delete(client, prefix)
    elif draw.below(2):
        del client.records.leases[lease]  # it may end early now, answered or not
        await client.ask(lambda services: services.lease.revoke(lease))
        client.records.count("swept by revoking")
    else:
        client.records.count("left to be swept")
        await client.world.sleep(LEASE_SECONDS)


async def _put(client: Client, puts: tuple[Put, ...]) -> None:
    """Write some keys in one transaction."""
    await client.ask(lambda services: services.kv.txn(Txn(success=puts)))


async def _delete(client: Client, prefix: bytes) -> None:
    """Delete all keys, alone or in a transaction that looks at them first."""
    everything = prefix[:-1] + b"!"  # what follows a space
    started = client.now()
    delete = DeleteRange(prefix, everything)
    if client.draw.below(2):
        gone = await client.ask(lambda services: services.kv.delete_range(delete))
        revision, found = gone.revision, gone.deleted
    else:
        seen = Range(prefix, everything, count_only=True)
        mark = Put(b"mark of " + prefix, client.value())
        txn = Txn(success=(seen, delete, mark, seen))
        told = await client.ask(lambda services: services.kv.txn(txn))
        result = told.responses[1]
        revision = told.revision
        found = result.deleted if isinstance(result, DeleteRangeResult) else -1
    client.records.count("swept")
    client.records.sweeps.append(
        Sweep(
            client=client.number,
            prefix=prefix,
            range_end=everything,
            started=started,
            revision=revision,
            deleted=found,
        )
    )
