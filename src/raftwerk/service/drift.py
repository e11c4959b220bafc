"""What replicas that differ mean for clients: who is not to be read, and an alarm.

A replica that differs from a majority heals by itself (`raftwerk.runtime.healing`), and
clients ask another member meanwhile. Where there is no majority nobody knows which
state is right, so nothing more may be built upon any of them: etcd's CORRUPT alarm is
raised for all that were compared, and stays until an operator ends it.
"""

import logging
from typing import Final

from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader, RequestError
from raftwerk.host.protocol import Timers
from raftwerk.kv import AlarmKind, SetAlarm, Store, encode
from raftwerk.runtime.disk_guard import report_nothing
from raftwerk.runtime.status import NodeStatus
from raftwerk.service.node import NodeLike
from raftwerk.transport.protocol import Report
from raftwerk.types import LogIndex, NodeId

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
    report : Report, optional
        Takes a line when replicas differ, and when they are equal again.
    """

    def __init__(
        self,
        node: NodeLike,
        store: Store,
        timers: Timers,
        report: Report = report_nothing,
    ) -> None:
        self._node = node
        self._store = store
        self._timers = timers
        self._report = report
        self._raised_for = LogIndex(0)
        self._told_for = LogIndex(0)
        self._told: frozenset[NodeId] = frozenset()

    async def run(self) -> None:
        """Look, as long as this member runs; it does not end by itself."""
        while True:
            try:
                await self.look()
            except RequestError:
                pass  # The next look tries it again.
            await self._timers.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Tell what is new of replicas that differ; raise the alarm if nobody is right.

        Raises
        ------
        RequestError
            If that could not be done.
        """
        try:
            status = self._node.status()
        except NotLeader:
            return  # it does not run
        self._tell(status)
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

    def _tell(self, status: NodeStatus) -> None:
        """Write a line for each that differs, or does no more, and for a quarrel."""
        now = frozenset(status.quarantined)
        for member in sorted(now - self._told):
            self._report(
                logging.ERROR,
                "a replica differs from the majority and is quarantined until it has"
                " taken over their state",
                member=f"{member:x}",
                found_at=status.compared_index,
            )
        for member in sorted(self._told - now):
            self._report(
                logging.INFO,
                "a replica is as the majority again, or was removed",
                member=f"{member:x}",
            )
        self._told = now
        quarrel = status.disagreement
        if quarrel is not None and quarrel.index > self._told_for:
            self._told_for = quarrel.index
            self._report(
                logging.ERROR,
                "the replicas differ and no majority is the same: nobody can know which"
                " is right, and nothing more is written",
                index=quarrel.index,
                replicas={f"{member:x}": link.hex() for member, link in quarrel.links},
            )
