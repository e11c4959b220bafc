"""Somebody who is no member knocks at a member's door: garbage, and lengths like lies.

What a stranger sends may cost a member a connection, and nothing else: the member takes
little before it closes the door, and goes on.
"""

import asyncio
from typing import Final

from raftwerk.host.draw import SplitMix64
from raftwerk.sim.machine import Machine
from raftwerk.sim.streams import End
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.world import World

__all__ = ["knock"]

PIECES: Final = 16
PIECE_BYTES: Final = 4 * 1024
"""A handshake has at most so much, and who says that more will come is a stranger."""

_LENGTHS: Final = (0, 8 * 1024, 1 << 20, 1 << 28, 0xFFFF_FFFF)


class _Listening(asyncio.Protocol):
    """Takes what comes, and makes nothing of it."""


async def knock(
    world: World, machine: Machine, draw: SplitMix64, seconds: float
) -> None:
    """Connect to a member, and send it what it must not take.

    Parameters
    ----------
    world : World
        Where.
    machine : Machine
        The member's.
    draw : SplitMix64
        Decides what is sent.
    seconds : float
        How long the stranger stays.

    Raises
    ------
    Violation
        If the member takes more than it must.
    """
    host, _, port = machine.address.rpartition(":")
    try:
        end, _ = await world.ways.streams.connect(_Listening, host, int(port))
    except OSError:
        return  # it does not listen now
    begin = b""
    if draw.below(4):
        length = _LENGTHS[draw.below(len(_LENGTHS))]
        begin = length.to_bytes(4, "little") + bytes(4)
    for number in range(PIECES):
        end.write(begin + _garbage(draw) if number == 0 else _garbage(draw))
        await world.sleep(0.01)
    await world.sleep(min(seconds, 0.5))
    if not machine.is_paused:
        await world.sleep(0.01)  # it may have gone on in this moment
        _judge(machine, end)
    end.abort()


def _garbage(draw: SplitMix64) -> bytes:
    """Return some bytes."""
    return draw.next_64_bits().to_bytes(8, "little") * (PIECE_BYTES // 8)


def _judge(machine: Machine, end: End) -> None:
    """Raise if a member listens still, though it has heard too much."""
    other = end.other
    if other is None or other.is_closing() or machine.is_paused or not machine.is_up:
        return
    if other.received_bytes >= 2 * PIECE_BYTES:
        raise Violation(
            Property.STRANGERS,
            f"{machine.name} has taken {other.received_bytes} bytes of a stranger, and"
            " takes more",
        )
