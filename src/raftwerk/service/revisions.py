"""Waiting for a revision that somebody has seen elsewhere."""

from typing import Final

from raftwerk.errors import NotProposed
from raftwerk.host.protocol import Clock, Timers
from raftwerk.kv import Store

__all__ = ["Revisions", "RevisionNotReached"]

WAIT_SECONDS: Final = 5.0
"""How long a read may wait for its revision."""

LOOK_SECONDS: Final = 0.005
"""From one look at the store to the next: a tenth of a heartbeat."""


class RevisionNotReached(NotProposed):
    """This member is not as far as the reader is; another one may be."""


class Revisions:
    """Lets readers wait until this member is as far as they are.

    Parameters
    ----------
    store : Store
        The member's state machine.
    clock : Clock
        For the bound.
    timers : Timers
        For the wait.
    wait_seconds : float
        How long a read may wait.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        timers: Timers,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timers = timers
        self._wait_seconds = wait_seconds

    async def wait(self, revision: int) -> None:
        """Return once the store has a revision.

        Parameters
        ----------
        revision : int
            The one that the reader has seen.

        Raises
        ------
        RevisionNotReached
            If that takes too long.
        """
        deadline = self._clock.now() + self._wait_seconds
        while self._store.revision < revision:
            if self._clock.now() >= deadline:
                raise RevisionNotReached(
                    f"revision {revision} did not come in {self._wait_seconds:g}"
                    f" seconds; this member is at {self._store.revision}"
                )
            await self._timers.sleep(LOOK_SECONDS)
