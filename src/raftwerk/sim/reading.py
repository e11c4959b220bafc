"""Clients that read in bursts, many at one member, wherever that is.

A member that confirms reads by rounds goes wrong where rounds meet: where one read
comes while another's round is under way, and where an answer comes late. So all readers
ask the same member in the same seconds: the one whose lines are bad, if any are.
"""

from typing import Final

from raftwerk.sim.clients import KEYS, Client
from raftwerk.sim.history import Action, Operation
from raftwerk.sim.machine import Machine
from raftwerk.sim.workload import carry_out

__all__ = ["read"]

WINDOW_SECONDS: Final = 2.0
"""For so long all readers ask the same member."""

READS_MAX: Final = 30
"""Reads in a row."""


async def read(client: Client) -> None:
    """Read single keys in bursts until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    while not client.is_over:
        for _ in range(1 + client.draw.below(READS_MAX)):
            if client.is_over:
                return
            operation = Operation(
                client=client.number,
                action=Action.READ,
                key=b"key %d" % client.draw.below(KEYS),
                started=client.now(),
            )
            if await carry_out(client, operation, _present(client)) is None:
                break
            await client.rest(0.05)
        await client.rest(8.0)


def _present(client: Client) -> Machine:
    """Return the member that all readers ask now."""
    if client.world.lagging is not None:
        return client.world.lagging
    machines = [each for each in client.world.machines.values() if not each.is_gone]
    return machines[int(client.now() / WINDOW_SECONDS) * 7 % len(machines)]
