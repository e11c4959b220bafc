"""What a running node can say when somebody asks what is wrong."""

import shutil
from typing import Final

from raftwerk.cli.running_member import RunningMember
from raftwerk.client.connections import Connections
from raftwerk.config import ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.kv import AlarmKind
from raftwerk.service.deposition import Deponent
from raftwerk.service.explain import Explainer
from raftwerk.service.interview import interviewer

__all__ = ["make_explainer"]

ONE_MEMBER_SECONDS: Final = 1.0
"""How long another member may take to say what it knows."""


def make_explainer(
    config: ServeConfig, host: Host, member: RunningMember
) -> tuple[Explainer, Connections]:
    """Return what explains the cluster as a node sees it.

    Parameters
    ----------
    config : ServeConfig
        What the process was told.
    host : Host
        Time.
    member : RunningMember
        Who takes part.

    Returns
    -------
    Explainer
        For the API.
    Connections
        To the other members; to be closed in the end.
    """

    def _free_bytes() -> int:
        """Return how much room there is for data."""
        return shutil.disk_usage(config.data_dir).free

    def _alarms() -> list[str]:
        """Return the alarms that this member has raised."""
        own = member.config.node_id
        return [
            AlarmKind(kind).name
            for kind, raised_by in member.store.alarms()
            if raised_by == own
        ]

    def _sync_seconds() -> float:
        """Return how long a sync takes, or has taken if it hangs."""
        hanging = member.node.disk().outstanding_seconds
        return max(member.metrics.late_sync_seconds(), hanging)

    deponent = Deponent(
        member.node,
        member.config,
        host.clock,
        disk_free_bytes=_free_bytes,
        sync_seconds=_sync_seconds,
        alarms=_alarms,
    )
    connections = Connections(host.timers)
    ask = interviewer(
        connections, host.timers, ONE_MEMBER_SECONDS, config.api.api_prefix
    )
    return Explainer(deponent.testify, ask), connections
