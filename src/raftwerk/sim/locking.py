"""Clients that take locks, write under their protection, and let go, or forget to."""

from typing import Final

from raftwerk.errors import RaftwerkError
from raftwerk.kv import Compare, CompareTarget, Put, Range, Txn
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import Client
from raftwerk.sim.records import Holding

__all__ = ["hold"]

LOCKS: Final = 2

LOCK_SECONDS: Final = 8.0
"""How long a client waits for a lock."""


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
