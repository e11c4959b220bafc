"""Who has asked us of late: whoever asks is there, though we may not reach it."""

from collections.abc import Callable
from typing import Final

from raftwerk.host.protocol import Timer, Timers
from raftwerk.types import NodeId

__all__ = ["Askers"]

ASKER_SECONDS: Final = 2.0
"""How long who has asked counts as being there."""

ASKERS_MAX: Final = 256
"""How many who have asked are counted; the first is forgotten for the next."""


class Askers:
    """Counts who asks, and forgets who asks no more.

    Parameters
    ----------
    timers : Timers
        Say when to forget.
    on_gone : callable
        Told who is forgotten.
    """

    def __init__(self, timers: Timers, on_gone: Callable[[NodeId], object]) -> None:
        self._timers = timers
        self._on_gone = on_gone
        self._leaving: dict[NodeId, Timer] = {}

    def count(self, asker: NodeId) -> None:
        """Count an asker as being there, for a while.

        Parameters
        ----------
        asker : NodeId
            Who has asked just now.
        """
        if asker not in self._leaving and len(self._leaving) >= ASKERS_MAX:
            self._forget(next(iter(self._leaving)))
        if asker in self._leaving:
            self._leaving[asker].cancel()
        self._leaving[asker] = self._timers.call_later(
            ASKER_SECONDS, self._forget, asker
        )

    def _forget(self, asker: NodeId) -> None:
        """Count an asker as gone."""
        timer = self._leaving.pop(asker, None)
        if timer is not None:
            timer.cancel()
        self._on_gone(asker)
