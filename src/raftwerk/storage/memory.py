"""The twin of the log on a disk: it keeps apart what a power cut would take.

Product code: simulated members use it where the file system is not what is tested, and
small clusters in one process, such as the examples.
"""

from collections import deque
from collections.abc import Callable, Sequence

from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.errors import StorageError
from raftwerk.storage.held_log import HeldLog, bootstrap_base
from raftwerk.storage.protocol import Room

__all__ = ["MemoryLog"]


class MemoryLog(HeldLog):
    """A `LogStore` in memory, with the power to crash.

    Parameters
    ----------
    snapshot : Snapshot
        What a group is bootstrapped with; empty for a member that joins.

    Examples
    --------
    >>> from raftwerk.core.records import Entry
    >>> from raftwerk.types import LogIndex, Term
    >>> log = MemoryLog()
    >>> log.append(None, [Entry(Term(1), LogIndex(1), b"synced")])
    >>> log.sync()
    >>> log.append(None, [Entry(Term(1), LogIndex(2), b"not synced")])
    >>> log.last_index(), log.crash().last_index()
    (2, 1)
    """

    def __init__(self, snapshot: Snapshot = Snapshot()) -> None:
        super().__init__(bootstrap_base(snapshot))
        self._durable = HeldLog(bootstrap_base(snapshot))
        self._unsynced: deque[Callable[[HeldLog], None]] = deque()
        self._failure: str | None = None

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Do as `LogStore.append` says."""
        self._check_usable()
        entries = tuple(entries)
        super().append(hard_state, entries)
        self._unsynced.append(lambda log: log.append(hard_state, entries))

    def install(self, snapshot: Snapshot) -> None:
        """Do as `LogStore.install` says."""
        self._check_usable()
        super().install(snapshot)
        self._unsynced.append(lambda log: log.install(snapshot))

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Do as `LogStore.compact` says."""
        self._check_usable()
        super().compact(snapshot, keep)
        self._unsynced.append(lambda log: log.compact(snapshot, keep))

    def sync(self) -> None:
        """Do as `LogStore.sync` says."""
        self._check_usable()
        self._make_durable(len(self._unsynced))

    def mark(self) -> None:
        """Do as `LogStore.mark` says: memory is not damaged."""
        self._check_usable()

    def room(self) -> Room:
        """Do as `LogStore.room` says: memory has no end here."""
        return Room()

    def make_room(self) -> None:
        """Do as `LogStore.make_room` says."""

    def close(self) -> None:
        """Do as `LogStore.close` says."""
        if self._failure is None:
            self.sync()
            self._failure = "the log is closed"

    def crash(self, kept: int = 0) -> "MemoryLog":
        """Cut the power: this store is dead, the one that is returned is the restart.

        Parameters
        ----------
        kept : int
            How many calls that were not synced survive nevertheless, in their order.

        Returns
        -------
        MemoryLog
            What was durable, and what was kept.
        """
        self._make_durable(kept)
        self._failure = "the log is that of a member that crashed"
        restarted = MemoryLog()
        restarted.become(self._durable)
        return restarted

    def become(self, other: HeldLog) -> None:
        """Hold what another one holds, and have it durable.

        Parameters
        ----------
        other : HeldLog
            Stays as it is, and does not follow.
        """
        super().become(other)
        self._durable.become(other)
        self._unsynced.clear()

    def fail(self) -> None:
        """Let the disk fail: from now on no call that writes succeeds."""
        self._failure = "the disk failed"

    @property
    def unsynced(self) -> int:
        """How many calls a crash would take back.

        Returns
        -------
        int
            Those that are not synced yet.
        """
        return len(self._unsynced)

    def _make_durable(self, count: int) -> None:
        """Do the oldest calls on the durable log, too.

        May run beside the loop's thread: a deque is appended to at one end and popped
        from at the other without a lock, and the durable log is touched here alone.
        """
        for _ in range(min(count, len(self._unsynced))):
            self._unsynced.popleft()(self._durable)

    def _check_usable(self) -> None:
        """Refuse to write after a failure."""
        if self._failure is not None:
            raise StorageError(f"{self._failure}; nothing is written any more")
