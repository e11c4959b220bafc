"""What replicas that differ mean for clients: who is not to be read, and an alarm.

A replica that differs from a majority heals by itself (`raftwerk.runtime.healing`), and
clients ask another member meanwhile. Where there is no majority nobody knows which
state is right, so nothing more may be built upon any of them: etcd's CORRUPT alarm is
raised for all that were compared, and stays until an operator ends it.
"""

from typing import Final

from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader, RequestError
from raftwerk.host.protocol import Timers
from raftwerk.kv import AlarmKind, SetAlarm, Store, encode
from raftwerk.service.node import NodeLike
from raftwerk.types import LogIndex

__all__ = ["DriftAlarm"]

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether replicas disagree."""


class DriftAlarm:
    """Raises the CORRUPT alarm where replicas disagree and nobody is right.

    Parameters
    ----------
    node : NodeLike
        The member; the one that leads does it.
    store : Store
        Its state machine.
    timers : Timers
        For looking now and then.
    """

    def __init__(self, node: NodeLike, store: Store, timers: Timers) -> None:
        self._node = node
        self._store = store
        self._timers = timers
        self._raised_for = LogIndex(0)

    async def run(self) -> None:
        """Look, as long as this member runs; it ends by no itself."""
        while True:
            try:
                await self.look()
            except RequestError:
                pass  # It is looked again.
            await self._timers.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Raise the alarm if there is a new disagreement.

        Raises
        ------
        RequestError
            If that could not be done.
        """
        try:
            status = self._node.status()
        except NotLeader:
            return  # it does not run
        report = status.disagreement
        if (
            report is None
            or status.role is not Role.LEADER
            or report.index <= self._raised_for
        ):
            return
        raised = set(self._store.alarms())
        for member, _ in report.links:
            if (AlarmKind.CORRUPT, member) not in raised:
                command = SetAlarm(True, member, AlarmKind.CORRUPT)
                await self._node.propose(encode(command))
        # An operator may end it; it is raised again by the next comparison that fails.
        self._raised_for = report.index
