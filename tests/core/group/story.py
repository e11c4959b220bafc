"""One line for each thing that happened, for whoever looks into a failed run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from raftwerk.core.events import Event
from raftwerk.core.messages import PeerMessage
from raftwerk.core.ready import Ready
from raftwerk.types import NodeId

if TYPE_CHECKING:
    from .world import World

__all__ = ["Story"]


def _short(value: msgspec.Struct) -> str:
    """Return a value's name and its fields, without those that say nothing."""
    fields = (
        f"{name}={getattr(value, name)!r}"
        for name in value.__struct_fields__
        if name not in ("node", "sender", "receiver")
    )
    return f"{type(value).__name__}({', '.join(fields)})"


class Story:
    """Tells what happens in a world.

    Parameters
    ----------
    tell : callable
        Takes each line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._world: "World | None" = None

    def begin(self, world: "World", seed: int) -> None:
        """Say what the seed has decided."""
        self._world = world
        self._tell(f"seed {seed}: {world.shape}")

    def line(self, text: str) -> None:
        """Tell one thing, with the time in ticks before it."""
        now = self._world.now if self._world is not None else 0
        self._tell(f"{now / 1000:9.3f} {text}")

    def events(self, node_id: NodeId, events: Sequence[Event]) -> None:
        """Tell what a member recorded."""
        for event in events:
            self.line(f"{node_id}   {_short(event)}")

    def arrival(self, message: PeerMessage) -> None:
        """Tell that a message arrives."""
        self.line(f"{message.sender}->{message.receiver} {_short(message)}")

    def ready(self, node_id: NodeId, ready: Ready) -> None:
        """Tell what a member hands out, but for messages."""
        told = [
            f"{name}={value!r}"
            for name in ("hard_state", "entries", "snapshot", "committed")
            if (value := getattr(ready, name))
        ]
        if told:
            self.line(f"{node_id}   hands out {', '.join(told)}")
