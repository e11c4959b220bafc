"""How a quarantined replica becomes sound again: by the state of one that is.

Its log is what a majority agreed upon, so only its machine has to be replaced: by the
state of a snapshot that the leader takes, with the entries behind it applied once more.
A leader that is quarantined hands over first, to one that is not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from raftwerk.core.records import Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import NotLeader, RequestError
from raftwerk.host.protocol import Timers
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.calls import Calls
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.snapshots import Snapshots
from raftwerk.types import LogIndex, NodeId

__all__ = ["STATE_TOPIC", "Healer"]

STATE_TOPIC: Final = "raftwerk/state"

AGAIN_SECONDS: Final = 1.0
"""After which is tried again what did not come to its end."""

PATIENCE_SECONDS: Final = 60.0
"""How long the leader may take to write a snapshot."""

_LOOK_SECONDS: Final = 0.1


class _Wanted(msgspec.Struct, frozen=True, array_like=True):
    """Who asks, and how old the state may be."""

    node_id: NodeId
    index_min: LogIndex


class _Offered(msgspec.Struct, frozen=True, array_like=True):
    """Who has it, and what it is."""

    node_id: NodeId
    snapshot: Snapshot


class Healer:
    """Replaces this replica's state while it is quarantined; gives ours to others.

    Parameters
    ----------
    state : State
        The core's; only looked at.
    applier : Applier
        Knows who is quarantined.
    calls : Calls
        The way to the leader.
    snapshots : Snapshots
        Takes, offers and takes over.
    timers : Timers
        For trying again.
    hand_over : callable
        Has another one lead.
    on_failure : callable
        Takes an error that ends this member.
    """

    def __init__(
        self,
        state: State,
        applier: Applier,
        calls: Calls,
        snapshots: Snapshots,
        timers: Timers,
        *,
        hand_over: Callable[[], Awaitable[None]],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._state = state
        self._applier = applier
        self._calls = calls
        self._snapshots = snapshots
        self._timers = timers
        self._hand_over = hand_over
        self._on_failure = on_failure
        self._task: asyncio.Task[None] | None = None

    @property
    def _quarantined(self) -> Mapping[NodeId, LogIndex]:
        """Who is quarantined, and since which index."""
        return self._applier.drift.quarantined

    def look(self) -> None:
        """Begin to heal if we are quarantined; called when something was applied."""
        if self._task is None and self._applier.is_quarantined:
            self._task = asyncio.get_running_loop().create_task(self._heal())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Be ready for another time."""
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def _heal(self) -> None:
        """Do all that is needed until we are quarantined no more."""
        healed_for = LogIndex(0)
        while (found_at := self._quarantined.get(self._state.id)) is not None:
            if self._state.role is Role.LEADER:
                await self._hand_over()
            elif healed_for < found_at and await self._take_over(found_at):
                healed_for = found_at
            await self._timers.sleep(AGAIN_SECONDS)
        # The snapshot that we have may be from the time when we were not sound.
        self._snapshots.take()

    async def _take_over(self, found_at: LogIndex) -> bool:
        """Take over the leader's state; return whether that was done."""
        wanted = _Wanted(
            self._state.id, max(found_at, LogIndex(self._state.log.first_index - 1))
        )
        try:
            answer = await self._calls.ask_leader(
                STATE_TOPIC, msgspec.msgpack.encode(wanted), PATIENCE_SECONDS
            )
        except RequestError:
            return False
        offered = msgspec.msgpack.decode(answer, type=_Offered)
        if offered.node_id == self._state.id:
            return False
        return await self._snapshots.adopt(offered.node_id, offered.snapshot)

    async def on_wanted(self, content: bytes) -> bytes:
        """Offer our state to a replica that wants it.

        Parameters
        ----------
        content : bytes
            Who it is, and how old the state may be.

        Returns
        -------
        bytes
            A snapshot's manifest; the state is fetched as any other.

        Raises
        ------
        NotLeader
            If we don't lead, or are not sound ourselves.
        """
        wanted = msgspec.msgpack.decode(content, type=_Wanted)
        while self._state.role is Role.LEADER and not self._applier.is_quarantined:
            snapshot = self._snapshots.newest
            has_state = Manifest.decode(snapshot.data).chunks is not None
            if snapshot.index >= wanted.index_min and has_state:
                return msgspec.msgpack.encode(_Offered(self._state.id, snapshot))
            self._snapshots.take()
            await self._timers.sleep(_LOOK_SECONDS)
        raise NotLeader(f"member {self._state.id:x} does not lead, or is not sound")

    def stop(self) -> None:
        """Do nothing more."""
        if self._task is not None:
            self._task.cancel()
