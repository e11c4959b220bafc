"""What a running node can say when somebody asks what is wrong."""

import shutil

from raftwerk.client.connections import Connections
from raftwerk.config import NodeConfig, ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.runtime import Node
from raftwerk.service.deposition import Deponent
from raftwerk.service.explain import Explainer
from raftwerk.service.interview import interviewer

__all__ = ["make_explainer"]

ONE_MEMBER_SECONDS = 1.0
"""How long another member may take to say what it knows."""


def make_explainer(
    config: ServeConfig, node_config: NodeConfig, host: Host, node: Node
) -> tuple[Explainer, Connections]:
    """Return what explains the cluster as a node sees it.

    Parameters
    ----------
    config : ServeConfig
        What the process was told.
    node_config : NodeConfig
        What the node was told.
    host : Host
        Time.
    node : Node
        It runs.

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

    deponent = Deponent(node, node_config, host.clock, disk_free_bytes=_free_bytes)
    connections = Connections(host.timers)
    ask = interviewer(
        connections, host.timers, ONE_MEMBER_SECONDS, config.api.api_prefix
    )
    return Explainer(deponent.testify, ask), connections
