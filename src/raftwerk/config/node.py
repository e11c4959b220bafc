"""What a node is told, whoever runs it."""

import msgspec

from raftwerk.errors import ConfigError
from raftwerk.types import NodeId

__all__ = ["NodeConfig"]


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `raftwerk.runtime.Node` is told.

    Parameters
    ----------
    node_id : NodeId
        Who we are; never 0, never reused.
    cluster_id : int
        Which cluster we belong to; peers of another one are refused.
    name : str
        The member's name, for people.
    election_timeout_min_millis : int
        Least election timeout in milliseconds.
    election_timeout_max_millis : int
        Greatest election timeout in milliseconds.
    heartbeat_millis : int
        Milliseconds between two heartbeats.
    tick_millis : int
        The length of one tick of the core in milliseconds.
    queue_max : int
        Proposals that may wait here at a time; more are refused.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    node_id: NodeId
    cluster_id: int = 1
    name: str = ""
    election_timeout_min_millis: int = 150
    election_timeout_max_millis: int = 300
    heartbeat_millis: int = 50
    tick_millis: int = 10
    queue_max: int = 20_000

    def __post_init__(self) -> None:
        """Check what depends on one another."""
        if self.node_id < 1:
            raise ConfigError(f"node_id is {self.node_id}; it must be at least 1")
        if self.heartbeat_millis * 2 > self.election_timeout_min_millis:
            raise ConfigError(
                f"heartbeat_millis is {self.heartbeat_millis}; it must be at most half"
                f" of election_timeout_min_millis ({self.election_timeout_min_millis})"
            )
        if self.election_timeout_max_millis < self.election_timeout_min_millis:
            raise ConfigError(
                f"election_timeout_max_millis is {self.election_timeout_max_millis};"
                " it must be at least election_timeout_min_millis"
                f" ({self.election_timeout_min_millis})"
            )
