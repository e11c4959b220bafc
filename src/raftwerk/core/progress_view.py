"""A follower's progress as its leader saw it at one moment: for events and status."""

import enum

import msgspec

from raftwerk.types import LogIndex

__all__ = ["ProgressState", "ProgressView"]


class ProgressState(enum.Enum):
    """How a leader sends to one follower (etcd's names)."""

    PROBE = "PROBE"
    """One append at a time, to find where the logs agree."""
    REPLICATE = "REPLICATE"
    """Many appends in flight, next index moved on as they are sent."""
    SNAPSHOT = "SNAPSHOT"
    """Nothing but heartbeats, until a snapshot is dealt with."""


class ProgressView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A copy of one follower's progress."""

    state: ProgressState
    match_index: LogIndex
    next_index: LogIndex
    is_learner: bool = False
    is_paused: bool = False
    pending_snapshot_index: LogIndex = LogIndex(0)
    is_recently_active: bool = True
    inflight_count: int = 0
    is_inflight_full: bool = False
