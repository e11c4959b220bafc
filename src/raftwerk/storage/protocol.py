"""What a member's log must do for it, whatever it is kept on.

`memory` and `wal` pass the same contract tests. The core reads through these calls,
the driver writes through them.
"""

from collections.abc import Sequence
from typing import Protocol

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.types import LogIndex, Term

__all__ = ["LogStore"]


class LogStore(Protocol):
    """The durable log of one member. Ranges are half-open; indexes start at 1.

    All but `sync` are called on the loop's thread and do not wait for the disk. Reads
    see all that was appended, synced or not.
    """

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

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Write both, after dropping stored entries from ``entries[0].index`` on."""

    def install(self, snapshot: Snapshot) -> None:
        """Put a received snapshot in the place of the whole log."""

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Keep a snapshot of our own, and drop the log below it but for `keep` entries."""

    def sync(self) -> None:
        """Return once all that was appended before the call survives a power cut.

        The only call that may be made from another thread, one at a time. Raises
        `StorageError`; after that nothing may be written any more.
        """

    def close(self) -> None:
        """Sync, mark the end as clean, and let go of the files."""
