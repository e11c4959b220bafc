"""Clients that read in bursts, many at one member, wherever that is.

Now and then one looks at several keys at once, as they are or were.

A member that confirms reads by rounds goes wrong where rounds meet: where one read
comes while another's round is under way, and where an answer comes late. So all readers
ask the same member in the same seconds: the one whose lines are bad, if any are.
"""

from typing import Final

from msgspec.structs import replace

from raftwerk.errors import RaftwerkError
from raftwerk.kv import Range
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import KEYS, Client
from raftwerk.sim.history import Action, Operation
from raftwerk.sim.machine import Machine
from raftwerk.sim.records import Looked
from raftwerk.sim.workload import carry_out

__all__ = ["read"]

WINDOW_SECONDS: Final = 2.0
"""For so long all readers ask the same member."""

READS_MAX: Final = 30
"""Reads in a row."""

LOOK_BACK_MAX: Final = 60
"""Of so many revisions an older one is drawn."""


async def read(client: Client) -> None:
    """Read single keys in bursts, and ranges of them, until told to stop.

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
        if not client.is_over:
            await _look(client)


async def _look(client: Client) -> None:
    """Look at some keys, the first few perhaps, as they are or were."""
    draw = client.draw
    first, beyond = sorted((draw.below(KEYS), 1 + draw.below(KEYS)))
    request = Range(
        b"key %d" % first,
        b"key %d" % beyond if first < beyond else b"key0",
        limit=draw.below(4),
        count_only=draw.below(8) == 0,
    )
    if draw.below(3) == 0:  # at all that is there, of whatever sort
        request = replace(request, key=b"\0", range_end=b"\0")
    try:
        result = await client.ask(lambda services: services.kv.range(request))
        if draw.below(2):
            # Seldom forgotten yet, and other than the newest.
            ago = max(1, result.revision - draw.below(LOOK_BACK_MAX))
            request = replace(request, revision=ago)
            result = await client.ask(lambda services: services.kv.range(request))
    except (Unreached, Lost):
        client.records.count("not looked")
    except RaftwerkError as error:
        client.records.count(f"look refused: {type(error).__name__}")
    else:
        client.records.count("looked")
        client.records.looks.append(
            Looked(client=client.number, request=request, result=result)
        )


def _present(client: Client) -> Machine:
    """Return the member that all readers ask now."""
    if client.world.lagging is not None:
        return client.world.lagging
    machines = [each for each in client.world.machines.values() if not each.is_gone]
    return machines[int(client.now() / WINDOW_SECONDS) * 7 % len(machines)]
