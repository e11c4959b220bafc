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
    epoch : int
        How often that cluster has lost its quorum and gone on with what was left of it.
    name : str
        The member's name, for people.
    peer_urls, client_urls : tuple of str
        Where others reach us; told to all members once we have started.
    directory_id : int
        Drawn when our data directory was made; 0: there is none, and we tell nothing.
    election_timeout_min_millis : int
        Least election timeout in milliseconds.
    election_timeout_max_millis : int
        Greatest election timeout in milliseconds.
    heartbeat_millis : int
        Milliseconds between two heartbeats.
    tick_millis : int
        The length of one tick of the core in milliseconds.
    request_timeout_millis : int
        How long a proposal or a read may wait, in milliseconds.
    queue_max : int
        Proposals that may wait here at a time, and as many reads; more are refused.
    queue_bytes_max : int
        Bytes that waiting proposals may have together; more are refused at once.
    command_bytes_max : int
        Bytes of one command; a larger one is refused, for no peer's queue would hold
        it, and whatever came after it would wait for ever.
    append_bytes_max : int
        Bytes of entries in one message to a peer; one entry always fits.
    inflight_bytes_max : int
        Unanswered bytes of entries to one peer.
    uncommitted_bytes_max : int
        Bytes of proposals in the leader's log that wait for a quorum; more are held.
    snapshot_entries : int
        Entries that are applied from one snapshot to the next.
    snapshot_keep_entries : int
        Entries below a snapshot that stay in the log, for members that lag a little.
    committed_bytes_max : int
        Bytes of entries that are applied in one go, before anything else has its turn;
        one entry always fits.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    node_id: NodeId
    cluster_id: int = 1
    epoch: int = 0
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    directory_id: int = 0
    election_timeout_min_millis: int = 150
    election_timeout_max_millis: int = 300
    heartbeat_millis: int = 50
    tick_millis: int = 1
    request_timeout_millis: int = 7_000
    queue_max: int = 20_000
    queue_bytes_max: int = 64 * 1024 * 1024
    command_bytes_max: int = 16 * 1024 * 1024
    append_bytes_max: int = 1024 * 1024
    inflight_bytes_max: int = 16 * 1024 * 1024
    uncommitted_bytes_max: int = 64 * 1024 * 1024
    snapshot_entries: int = 100_000
    snapshot_keep_entries: int = 5_000
    committed_bytes_max: int = 256 * 1024

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
