"""Clients that attach keys to leases, keep some alive, and let them end."""

from raftwerk.errors import RaftwerkError
from raftwerk.kv import Put
from raftwerk.service.lease import KeptLease
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import KEYS, Client
from raftwerk.sim.machine import Machine

__all__ = ["lease_out"]


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
    leader = client.world.leader()
    if leader is not None and draw.below(2):
        await _hang_on(client, leader, lease)
        return
    for _ in range(draw.below(4)):
        await client.world.sleep(ttl_seconds * (200 + draw.below(300)) / 1000)
        asked = client.now()
        kept = await client.ask(lambda services: services.lease.keep_alive(lease))
        _note(client, lease, asked, kept)


async def _hang_on(client: Client, leader: Machine, lease: int) -> None:
    """Keep a lease alive with whoever leads now, until that one does not answer.

    Should it be overthrown and not know, it must promise nothing: the next leader
    counts from when it began.
    """
    for _ in range(10 + client.draw.below(60)):
        if client.is_over:
            return
        asked = client.now()
        try:
            kept = await client.ask_of(leader, lambda s: s.lease.keep_alive(lease))
        except Lost:
            continue  # it may be stalled, and go on in this moment
        _note(client, lease, asked, kept)
        await client.rest()


def _note(client: Client, lease: int, asked: float, kept: KeptLease) -> None:
    """Remember what was promised."""
    if kept.ttl_seconds > 0:
        client.records.leases[lease] = (asked, kept.ttl_seconds)
        client.records.count("kept alive")
