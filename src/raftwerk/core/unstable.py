"""The end of the log that storage has not acknowledged yet.

Entries from `offset` on, and perhaps a snapshot below them. What was handed out to
storage is marked in progress and not handed out again, unless a conflict rewrites it.
Source: thesis §10.2.1 (a leader writes and sends in parallel); etcd's unstable log.
"""

from collections.abc import Sequence

from raftwerk.core.records import Entry, Snapshot
from raftwerk.errors import InvariantViolation
from raftwerk.types import LogIndex, Term

__all__ = ["UnstableLog"]


class UnstableLog:
    """Entries and a snapshot on their way to storage.

    Parameters
    ----------
    offset : LogIndex
        Where the next entry goes: the last stable index plus one.
    """

    __slots__ = (
        "entries",
        "is_snapshot_in_progress",
        "offset",
        "offset_in_progress",
        "snapshot",
    )

    def __init__(self, offset: LogIndex) -> None:
        self.offset = offset
        self.offset_in_progress = offset
        self.entries: list[Entry] = []
        self.snapshot: Snapshot | None = None
        self.is_snapshot_in_progress = False

    @property
    def stop(self) -> LogIndex:
        """The index behind the last entry."""
        return LogIndex(self.offset + len(self.entries))

    def term(self, index: LogIndex) -> Term | None:
        """Return the term of an entry or of the snapshot, or None if it is not here.

        Parameters
        ----------
        index : LogIndex
            Any place of the log.

        Returns
        -------
        Term or None
            Its term.
        """
        place = index - self.offset
        if place >= 0:
            return self.entries[place].term if place < len(self.entries) else None
        if self.snapshot is not None and self.snapshot.index == index:
            return self.snapshot.term
        return None

    def slice(self, start: LogIndex, stop: LogIndex) -> Sequence[Entry]:
        """Return the entries of a half-open range that lies wholly here.

        Parameters
        ----------
        start, stop : LogIndex
            First place, and the place behind the last.

        Returns
        -------
        sequence of Entry
            A copy.
        """
        if not self.offset <= start <= stop <= self.stop:
            raise InvariantViolation(
                f"unstable entries {start} to {stop} lie in {self.offset} to"
                f" {self.stop}"
            )
        return self.entries[start - self.offset : stop - self.offset]

    def append(self, entries: Sequence[Entry]) -> LogIndex | None:
        """Add entries, replacing those from their first index on.

        Parameters
        ----------
        entries : sequence of Entry
            At least one; the first lies at most just behind the last one here.

        Returns
        -------
        LogIndex or None
            Where entries had to go, if any had to.
        """
        start = entries[0].index
        if start == self.stop:
            self.entries.extend(entries)
            return None
        if start <= self.offset:
            # Storage may still be writing what stood here: hand all out again.
            self.entries = list(entries)
            self.offset = start
            self.offset_in_progress = start
            return start
        del self.entries[start - self.offset :]
        self.entries.extend(entries)
        self.offset_in_progress = min(self.offset_in_progress, start)
        return start

    def restore(self, snapshot: Snapshot) -> None:
        """Drop all entries, for a snapshot takes the place of the log.

        Parameters
        ----------
        snapshot : Snapshot
            What storage has to install.
        """
        self.offset = LogIndex(snapshot.index + 1)
        self.offset_in_progress = self.offset
        self.entries = []
        self.snapshot = snapshot
        self.is_snapshot_in_progress = False

    def next_entries(self) -> Sequence[Entry]:
        """Return the entries that were not handed out to storage yet.

        Returns
        -------
        sequence of Entry
            Perhaps none.
        """
        return self.entries[self.offset_in_progress - self.offset :]

    @property
    def has_next_entries(self) -> bool:
        """Whether there are entries to hand out."""
        return self.offset_in_progress < self.offset + len(self.entries)

    def next_snapshot(self) -> Snapshot | None:
        """Return the snapshot if it was not handed out to storage yet.

        Returns
        -------
        Snapshot or None
            What storage has to install.
        """
        return None if self.is_snapshot_in_progress else self.snapshot

    def accept(self) -> None:
        """Mark all that there is as handed out."""
        self.offset_in_progress = self.stop
        if self.snapshot is not None:
            self.is_snapshot_in_progress = True

    def forget_entries(self, last_index: LogIndex) -> None:
        """Drop entries that are stable now.

        Parameters
        ----------
        last_index : LogIndex
            The last of them; it lies here.
        """
        del self.entries[: last_index + 1 - self.offset]
        self.offset = LogIndex(last_index + 1)
        self.offset_in_progress = max(self.offset_in_progress, self.offset)

    def forget_snapshot(self, index: LogIndex) -> None:
        """Drop the snapshot if it is this one, for it is installed now.

        Parameters
        ----------
        index : LogIndex
            The snapshot's index.
        """
        if self.snapshot is not None and self.snapshot.index == index:
            self.snapshot = None
            self.is_snapshot_in_progress = False
