"""What a member of the core may be told: ticks, bytes, counts, switches.

How long a tick is, the driver decides; the core knows no seconds.
"""

from typing import Final

import msgspec

from raftwerk.errors import ConfigError
from raftwerk.types import NO_INDEX, LogIndex, NodeId

__all__ = ["NO_LIMIT", "CoreConfig"]

NO_LIMIT: Final = 2**63 - 1
"""A bound that nothing reaches."""


class CoreConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one member, checked when they are made.

    Parameters
    ----------
    node_id : NodeId
        Who we are; never 0.
    election_ticks_min : int
        Least election timeout, in ticks; check-quorum and leases use it too.
    election_ticks_max : int
        Greatest election timeout, in ticks; each draw lies between both (§5.2).
    heartbeat_ticks : int
        Ticks between two heartbeats; less than `election_ticks_min`.
    pre_vote : bool
        Ask before standing, so that a returning member disturbs nobody (thesis §9.6).
    check_quorum : bool
        A leader without a quorum steps down, and followers of a live leader ignore
        candidates (thesis §6.2, §4.2.3).
    lease_read : bool
        Answer reads by the clock instead of a round of heartbeats, while a quorum has
        heard of the leader within the least election timeout (thesis §6.4.1). Needs
        `check_quorum`; all members must have both on, and clocks that run alike.
    forward_proposals : bool
        A follower hands proposals on to its leader instead of refusing them.
    validate_changes : bool
        Refuse a membership change at proposal that can't be applied then.
    step_down_on_removal : bool
        A leader that is removed or demoted becomes a follower as it applies that.
    join_by_older_snapshot : bool
        A member of no configuration takes a snapshot that is older than the change that
        adds it, for the change is in the log behind. Off, as in etcd: it ignores such a
        snapshot, and joins only where its leader's driver soon makes a newer one.
    lead_before_own_vote : bool
        With a quorum of others' votes, lead before the own vote is stored. On in etcd;
        off here: whoever forgets that vote by a crash could lead in that term again.
    asynchronous_storage : bool
        Take the next `Ready` before the last one is stored (thesis §10.2.1).
    snapshot_ticks_max : int
        Ticks after which a snapshot that nobody reported about counts as lost, to
        within an election timeout: a lost report pauses no follower for ever.
    append_bytes_max : int
        Bytes of entries in one message; one entry always fits.
    inflight_messages_max : int
        Unanswered messages with entries to one follower.
    inflight_bytes_max : int
        Unanswered bytes of entries to one follower; the last message may exceed it.
    uncommitted_bytes_max : int
        Bytes of proposals that wait for a quorum; more are refused.
    committed_bytes_max : int
        Bytes of entries handed out for application at a time; one always fits.
    applied_index : LogIndex
        What the state machine had applied before this start.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    node_id: NodeId
    election_ticks_min: int = 10
    election_ticks_max: int = 19
    heartbeat_ticks: int = 1
    pre_vote: bool = True
    check_quorum: bool = True
    lease_read: bool = False
    forward_proposals: bool = True
    validate_changes: bool = True
    step_down_on_removal: bool = True
    join_by_older_snapshot: bool = True
    lead_before_own_vote: bool = False
    asynchronous_storage: bool = False
    snapshot_ticks_max: int = 10_000
    append_bytes_max: int = 1024 * 1024
    inflight_messages_max: int = 256
    inflight_bytes_max: int = NO_LIMIT
    uncommitted_bytes_max: int = NO_LIMIT
    committed_bytes_max: int = NO_LIMIT
    applied_index: LogIndex = NO_INDEX

    def __post_init__(self) -> None:
        """Check the settings that depend on one another."""
        self._at_least("node_id", 1)
        self._at_least("heartbeat_ticks", 1)
        self._at_least("inflight_messages_max", 1)
        self._at_least("applied_index", 0)
        self._at_least("append_bytes_max", 0)
        for name in (
            "snapshot_ticks_max",
            "inflight_bytes_max",
            "uncommitted_bytes_max",
            "committed_bytes_max",
        ):
            self._at_least(name, 1)
        if self.election_ticks_min <= self.heartbeat_ticks:
            raise ConfigError(
                f"election_ticks_min is {self.election_ticks_min}; it must be more"
                f" than heartbeat_ticks ({self.heartbeat_ticks}), or followers would"
                " stand before a heartbeat could reach them"
            )
        if self.election_ticks_max < self.election_ticks_min:
            raise ConfigError(
                f"election_ticks_max is {self.election_ticks_max}; it must be at least"
                f" election_ticks_min ({self.election_ticks_min})"
            )
        if self.lease_read and not self.check_quorum:
            raise ConfigError(
                "lease_read is on but check_quorum is off; a lease holds only where"
                " a leader without a quorum steps down"
            )

    def _at_least(self, name: str, least: int) -> None:
        """Raise `ConfigError` if a number is too small."""
        value = getattr(self, name)
        if value < least:
            raise ConfigError(f"{name} is {value}; it must be at least {least}")
