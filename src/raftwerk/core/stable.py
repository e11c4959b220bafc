"""What the core reads of a member's durable log; `storage` writes it.

The reading half of `raftwerk.storage.protocol.LogStore`.
"""

from collections.abc import Sequence
from typing import Protocol

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.types import LogIndex, Term

__all__ = ["StableLog"]


class StableLog(Protocol):
    """Entries that storage has, from the snapshot on. Ranges are half-open."""

    def initial_state(self) -> tuple[HardState, ConfState]:
        """Return what was durable at start, and the configuration of the snapshot."""

    def first_index(self) -> LogIndex:
        """Return the index of the first entry: that of the snapshot plus one."""

    def last_index(self) -> LogIndex:
        """Return the index of the last entry, or of the snapshot if there is none."""

    def term(self, index: LogIndex) -> Term:
        """Return the term of the entry, also of the one just before the first.

        Raises `EntryCompacted` below that and `EntryUnavailable` above the last.
        """

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Return entries from `start` on: at least one, at most `bytes_max` bytes.

        Raises `EntryCompacted` if `start` is below the first index and
        `EntryUnavailable` if `stop` is above the last index plus one.
        """

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot; an empty one if there was never any.

        Raises `SnapshotUnavailable` while one is being made.
        """
