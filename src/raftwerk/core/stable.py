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
        """Return the first entry's index: at most that of the snapshot plus one."""

    def last_index(self) -> LogIndex:
        """Return the index of the last entry, or of the snapshot if there is none."""

    def term(self, index: LogIndex) -> Term:
        """Return the term of the entry, also of the one just before the first.

        Parameters
        ----------
        index : LogIndex
            The entry's.

        Returns
        -------
        Term
            Its term.

        Raises
        ------
        EntryCompacted
            If it is below the one just before the first.
        EntryUnavailable
            If it is above the last.
        """

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Return entries from `start` on: at least one, at most `bytes_max` bytes.

        Parameters
        ----------
        start : LogIndex
            The first one's index.
        stop : LogIndex
            The index after the last one's.
        bytes_max : int
            How many bytes they may have; a first entry that has more is returned alone.

        Returns
        -------
        sequence of Entry
            They follow one another without a gap.

        Raises
        ------
        EntryCompacted
            If `start` is below the first index.
        EntryUnavailable
            If `stop` is above the last index plus one.
        """

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot; an empty one if there was never any.

        Returns
        -------
        Snapshot
            No entry above its index is missing: it is at least one below the first.

        Raises
        ------
        SnapshotUnavailable
            While one is being made.
        """
