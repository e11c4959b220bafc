"""A log in memory, with the history of snapshots that stands for the state machine."""

from collections.abc import Sequence

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.core.sizes import limit_bytes
from raftwerk.errors import EntryCompacted, EntryUnavailable
from raftwerk.types import LogIndex, Term

__all__ = ["ScriptStorage", "StorageRefusal"]


class StorageRefusal(Exception):
    """Storage refused; the message is what a script prints then."""


class ScriptStorage:
    """What one node has stored.

    The core is sent the newest snapshot of `history` where it asks for one: the state
    that was applied last, not what storage keeps below its log.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.hard_state = HardState()
        self.history = [snapshot]
        self._kept = Snapshot()
        # In front stands what the first entry follows; it is no entry itself.
        self._entries = [Entry(Term(0), LogIndex(0))]
        if not snapshot.is_empty:
            self.install(snapshot)

    # ---- what the core reads ------------------------------------------------

    def initial_state(self) -> tuple[HardState, ConfState]:
        """Return what was stored before the start."""
        return self.hard_state, self._kept.conf_state

    def first_index(self) -> LogIndex:
        """Return the index of the first entry, there or to come."""
        return LogIndex(self._entries[0].index + 1)

    def last_index(self) -> LogIndex:
        """Return the index of the last entry, or of what the first one follows."""
        return self._entries[-1].index

    def term(self, index: LogIndex) -> Term:
        """Return the term of an entry, or of what the first one follows."""
        place = index - self._entries[0].index
        if place < 0:
            raise EntryCompacted(f"entry {index} is below {self.first_index()}")
        if place >= len(self._entries):
            raise EntryUnavailable(f"entry {index} is above {self.last_index()}")
        return self._entries[place].term

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Return entries of a half-open range, as many as fit."""
        if start < self.first_index():
            raise EntryCompacted(f"entry {start} is below {self.first_index()}")
        if stop > self.last_index() + 1:
            raise EntryUnavailable(f"entry {stop - 1} is above {self.last_index()}")
        offset = self._entries[0].index
        return limit_bytes(self._entries[start - offset : stop - offset], bytes_max)

    def snapshot(self) -> Snapshot:
        """Return the state that was applied last."""
        return self.history[-1]

    # ---- what the harness writes --------------------------------------------

    def install(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the log."""
        if not self._kept.is_empty and self._kept.index >= snapshot.index:
            raise StorageRefusal("requested index is older than the existing snapshot")
        self._kept = snapshot
        self._entries = [Entry(snapshot.term, snapshot.index)]

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries, in the place of those from the first new index on."""
        new = [entry for entry in entries if entry.index >= self.first_index()]
        if not new:
            return
        place = new[0].index - self._entries[0].index
        if place > len(self._entries):
            raise StorageRefusal(
                f"missing log entry [last: {self.last_index()},"
                f" append at: {new[0].index}]"
            )
        self._entries[place:] = new

    def store(
        self,
        hard_state: HardState | None,
        entries: Sequence[Entry],
        snapshot: Snapshot | None,
    ) -> None:
        """Write what one Ready asks for."""
        if hard_state is not None and hard_state != HardState():
            self.hard_state = hard_state
        if snapshot is None or snapshot.is_empty:
            self.append(entries)
            return
        if entries:
            raise StorageRefusal("can't apply snapshot and entries at the same time")
        self.install(snapshot)

    def compact(self, index: LogIndex) -> None:
        """Drop all entries up to this one."""
        place = index - self._entries[0].index
        if place <= 0:
            raise StorageRefusal("requested index is unavailable due to compaction")
        if place >= len(self._entries):
            raise StorageRefusal(
                f"compact {index} is out of bound lastindex({self.last_index()})"
            )
        front = Entry(self._entries[place].term, self._entries[place].index)
        self._entries[: place + 1] = [front]

    def entries(self) -> Sequence[Entry]:
        """Return all entries."""
        return self._entries[1:]
