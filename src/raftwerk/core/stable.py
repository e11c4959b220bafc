"""What the core reads of a member's durable log; `storage` writes it.

A `raftwerk.storage.protocol.LogStore` is one that can also be written.
"""

from collections.abc import Sequence
from typing import Protocol

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.types import LogIndex, Term

__all__ = ["StableLog"]


class StableLog(Protocol):
    """Entries that storage has, from the snapshot on.

    Ranges are half-open; indexes start at 1.
    """

    def initial_state(self) -> tuple[HardState, ConfState]:
        """Return what a member starts from.

        Returns
        -------
        HardState
            The newest one; right after a start, that is what was durable. Its commit
            index lies between the snapshot and the last entry, also where a torn write
            had separated them.
        ConfState
            The configuration at the snapshot.
        """

    def first_index(self) -> LogIndex:
        """Return the index of the first entry.

        Returns
        -------
        LogIndex
            At most that of the snapshot plus one; less where entries were kept.
        """

    def last_index(self) -> LogIndex:
        """Return the index of the last entry.

        Returns
        -------
        LogIndex
            The first index minus one if there are no entries.
        """

    def term(self, index: LogIndex) -> Term:
        """Return the term of an entry, also of the one just before the first.

        Parameters
        ----------
        index : LogIndex
            The entry's place.

        Returns
        -------
        Term
            Its term.

        Raises
        ------
        EntryCompacted
            If it lies below the place before the first entry.
        EntryUnavailable
            If it lies above the last entry.
        """

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Return entries of a range, as many as fit but at least one.

        Parameters
        ----------
        start : LogIndex
            The first that is wanted.
        stop : LogIndex
            One above the last that is wanted; equal to `start` for none.
        bytes_max : int
            How many bytes they may have, counted as `core.sizes` does; a first entry
            that has more is returned alone.

        Returns
        -------
        sequence of Entry
            From `start` on, without a gap.

        Raises
        ------
        EntryCompacted
            If `start` lies below the first entry.
        EntryUnavailable
            If `stop` lies above the last entry plus one.
        """

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot.

        Returns
        -------
        Snapshot
            An empty one if there was never any. No entry above its index is missing:
            it is at least one below the first.

        Raises
        ------
        SnapshotUnavailable
            While one is being made, where that takes time.
        """
