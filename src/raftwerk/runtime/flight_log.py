"""A log whose reads and writes are noted, for the flight recorder."""

from collections.abc import Callable, Sequence

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.runtime.flight_form import Compacted, Installed, Wrote
from raftwerk.storage.protocol import LogStore, Room
from raftwerk.types import NO_INDEX, LogIndex, Term

__all__ = ["RecordedLog"]


class RecordedLog:
    """A `LogStore` that does as another one does, and tells what it did.

    Parameters
    ----------
    log : LogStore
        The member's.
    on_read : callable
        Takes the first index and the entries of each read.
    note : callable
        Takes the kind of a record, and its fields by name, after each change.
    """

    def __init__(
        self,
        log: LogStore,
        on_read: Callable[[LogIndex, Sequence[Entry]], None],
        note: Callable[..., None],
    ) -> None:
        self._log = log
        self._on_read = on_read
        self._note = note

    # ---- what is noted ------------------------------------------------------

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Do as `LogStore.read` says."""
        entries = self._log.read(start, stop, bytes_max)
        self._on_read(start, entries)
        return entries

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Do as `LogStore.append` says."""
        self._log.append(hard_state, entries)
        self._note(
            Wrote,
            hard_state=hard_state,
            first=entries[0].index if entries else NO_INDEX,
            terms=tuple(entry.term for entry in entries),
        )

    def install(self, snapshot: Snapshot) -> None:
        """Do as `LogStore.install` says."""
        self._log.install(snapshot)
        self._note(Installed, snapshot=snapshot)

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Do as `LogStore.compact` says."""
        self._log.compact(snapshot, keep)
        self._note(Compacted, snapshot=snapshot, keep=keep)

    # ---- what follows from it -----------------------------------------------

    def initial_state(self) -> tuple[HardState, ConfState]:
        """Do as `LogStore.initial_state` says."""
        return self._log.initial_state()

    def first_index(self) -> LogIndex:
        """Do as `LogStore.first_index` says."""
        return self._log.first_index()

    def last_index(self) -> LogIndex:
        """Do as `LogStore.last_index` says."""
        return self._log.last_index()

    def term(self, index: LogIndex) -> Term:
        """Do as `LogStore.term` says."""
        return self._log.term(index)

    def snapshot(self) -> Snapshot:
        """Do as `LogStore.snapshot` says."""
        return self._log.snapshot()

    # ---- what the core does not see -----------------------------------------

    def sync(self) -> None:
        """Do as `LogStore.sync` says."""
        self._log.sync()

    def mark(self) -> None:
        """Do as `LogStore.mark` says."""
        self._log.mark()

    def room(self) -> Room:
        """Do as `LogStore.room` says."""
        return self._log.room()

    def make_room(self) -> None:
        """Do as `LogStore.make_room` says."""
        self._log.make_room()

    def close(self) -> None:
        """Do as `LogStore.close` says."""
        self._log.close()
