"""What the core is told, made from what the node is told: milliseconds as ticks."""

from raftwerk.config import NodeConfig
from raftwerk.core.config import CoreConfig
from raftwerk.types import LogIndex

__all__ = ["core_config"]


def core_config(config: NodeConfig, applied_index: LogIndex) -> CoreConfig:
    """Return the core's configuration.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    applied_index : LogIndex
        What the state machine holds at start.

    Returns
    -------
    CoreConfig
        With asynchronous storage, pre-vote and check-quorum.
    """
    tick = config.tick_millis
    return CoreConfig(
        node_id=config.node_id,
        election_ticks_min=max(config.election_timeout_min_millis // tick, 2),
        election_ticks_max=max(config.election_timeout_max_millis // tick, 2),
        heartbeat_ticks=max(config.heartbeat_millis // tick, 1),
        asynchronous_storage=True,
        append_bytes_max=config.append_bytes_max,
        inflight_bytes_max=config.inflight_bytes_max,
        uncommitted_bytes_max=config.uncommitted_bytes_max,
        committed_bytes_max=config.committed_bytes_max,
        applied_index=applied_index,
    )
