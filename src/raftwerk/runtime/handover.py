"""What a member does before it stops: it lets another one lead, and ends what it began.

Source: thesis §3.10. A leader that just went away would leave its group without one for
an election timeout.
"""

import asyncio
from collections.abc import Callable, Collection

from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.host.protocol import Timers
from raftwerk.types import NodeId

__all__ = ["Farewell", "successor"]


def successor(state: State, unfit: Collection[NodeId] = ()) -> NodeId | None:
    """Return who should lead after us: the voter who lacks least.

    Parameters
    ----------
    state : State
        A leader's.
    unfit : collection of NodeId
        Who should not lead.

    Returns
    -------
    NodeId or None
        None if there is nobody else who votes from now on, and may lead.
    """
    progress = state.tracker.progress
    others = [
        voter
        for voter in state.tracker.conf_state.voters
        if voter != state.id and voter not in unfit
    ]
    return max(
        others,
        key=lambda voter: (
            progress[voter].is_recently_active,
            progress[voter].match_index,
            -voter,
        ),
        default=None,
    )


class Farewell:
    """Hands leadership over, and waits until nobody waits for an answer; for a while.

    Parameters
    ----------
    state : State
        The core's; only looked at.
    give : callable
        Takes an input for the core.
    is_any_waiting : callable
        Says whether requests are under way.
    timers : Timers
        For the end of patience.
    patience_seconds : float
        How long each of both may take.
    unfit : callable
        Returns who should not lead.
    """

    def __init__(
        self,
        state: State,
        give: Callable[[TransferLeadership], None],
        is_any_waiting: Callable[[], bool],
        timers: Timers,
        patience_seconds: float,
        unfit: Callable[[], Collection[NodeId]] = tuple,
    ) -> None:
        self._unfit = unfit
        self._state = state
        self._give = give
        self._is_any_waiting = is_any_waiting
        self._timers = timers
        self._patience_seconds = patience_seconds
        self._waits: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._is_over = False

    async def hand_over(self) -> None:
        """Return when another leads, or when that takes too long."""
        state = self._state
        is_leader = state.role is Role.LEADER
        heir = successor(state, self._unfit()) if is_leader else None
        if heir is not None:
            self._give(TransferLeadership(heir))
            # To step down is not enough: the new leader may need our vote, which
            # leaves after a sync. Once it is known, it has won.
            await self._until(lambda: state.leader not in (None, state.id))

    async def say(self) -> None:
        """Return when another leads and nobody waits, or when it takes too long."""
        await self.hand_over()
        await self._until(lambda: not self._is_any_waiting())

    async def _until(self, is_done: Callable[[], bool]) -> None:
        """Return when something has come true, or when it takes too long."""
        if self._is_over or is_done():
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wait = (is_done, done)
        self._waits.append(wait)
        timer = self._timers.call_later(self._patience_seconds, _set, done)
        try:
            await done
        finally:
            timer.cancel()
            self._waits.remove(wait)

    def look(self) -> None:
        """See whether it is done; called at the end of each turn."""
        for is_done, done in self._waits:
            if is_done():
                _set(done)

    def end(self) -> None:
        """Wait no longer."""
        self._is_over = True
        for _, done in self._waits:
            _set(done)


def _set(done: "asyncio.Future[None]") -> None:
    """Wake whoever waits, unless that was done."""
    if not done.done():
        done.set_result(None)
