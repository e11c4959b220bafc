"""A log as it is held in memory: what each operation means, and every read.

The stores differ in how they keep a log over a crash, not in what it is: `memory` and
`wal` inherit this, and recovery replays records into it. No disk, no thread.
"""

from collections.abc import Sequence

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.core.sizes import ENTRY_OVERHEAD_BYTES
from raftwerk.errors import (
    EntryCompacted,
    EntryUnavailable,
    InvariantViolation,
    require,
)
from raftwerk.storage.payloads import Base
from raftwerk.types import LogIndex, Term

__all__ = ["HeldLog", "bootstrap_base"]


def bootstrap_base(snapshot: Snapshot) -> Base:
    """Return how a new log begins.

    Parameters
    ----------
    snapshot : Snapshot
        What the members of a new group agree upon without a vote; empty for a member
        that joins a group and is sent everything.

    Returns
    -------
    Base
        The snapshot, committed, and no entries.
    """
    return Base(
        HardState(snapshot.term, None, snapshot.index),
        snapshot,
        LogIndex(snapshot.index + 1),
        snapshot.term,
        snapshot.index,
        snapshot.term,
    )


class HeldLog:
    """Entries in a list, and what lies before them.

    Parameters
    ----------
    base : Base
        How it begins; of its entries nothing is known, so that the log begins behind
        them.
    """

    def __init__(self, base: Base) -> None:
        self._hard_state = base.hard_state
        self._snapshot = base.snapshot
        self._previous_index = base.last_index
        self._previous_term = base.last_term
        self._entries: list[Entry] = []

    # ---- reading ------------------------------------------------------------

    def initial_state(self) -> tuple[HardState, ConfState]:
        """Do as `LogStore.initial_state` says."""
        return self._hard_state, self._snapshot.conf_state

    def first_index(self) -> LogIndex:
        """Do as `LogStore.first_index` says."""
        return LogIndex(self._previous_index + 1)

    def last_index(self) -> LogIndex:
        """Do as `LogStore.last_index` says."""
        return LogIndex(self._previous_index + len(self._entries))

    def term(self, index: LogIndex) -> Term:
        """Do as `LogStore.term` says."""
        place = index - self._previous_index - 1
        if place >= len(self._entries):
            raise EntryUnavailable(
                f"entry {index} is not there; the last is {self.last_index()}"
            )
        if place >= 0:
            return self._entries[place].term
        if place == -1:
            return self._previous_term
        raise EntryCompacted(
            f"entry {index} is gone; the first is {self.first_index()}"
        )

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Do as `LogStore.read` says."""
        entries = self._entries
        begin = start - self._previous_index - 1
        end = stop - self._previous_index - 1
        if begin < 0:
            raise EntryCompacted(
                f"entry {start} is gone; the first is {self.first_index()}"
            )
        if end > len(entries):
            raise EntryUnavailable(
                f"entry {stop - 1} is not there; the last is {self.last_index()}"
            )
        # Counted up to the bound only: a follower that lags asks for the whole log.
        place = begin
        while place < end:
            bytes_max -= len(entries[place].data) + ENTRY_OVERHEAD_BYTES
            if bytes_max < 0 and place > begin:
                break
            place += 1
        return entries[begin:place]

    def snapshot(self) -> Snapshot:
        """Do as `LogStore.snapshot` says."""
        return self._snapshot

    def base(self) -> Base:
        """Return all but the entries.

        Returns
        -------
        Base
            As it is now.
        """
        last = self._previous_index + len(self._entries)
        return Base(
            self._hard_state,
            self._snapshot,
            LogIndex(self._previous_index + 1),
            self._previous_term,
            LogIndex(last),
            self._entries[-1].term if self._entries else self._previous_term,
        )

    # ---- changing -----------------------------------------------------------

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Do as `LogStore.append` says."""
        place = len(self._entries)
        last = self.last_index()
        if entries:
            first = entries[0]
            place = first.index - self._previous_index - 1
            last = LogIndex(first.index + len(entries) - 1)
            # Not `require`, which would make each text whether it is needed or not.
            if not 0 <= place <= len(self._entries):
                raise InvariantViolation(
                    f"an append at {first.index} fits a log of entries"
                    f" {self.first_index()} to {self.last_index()}"
                )
            require(entries[-1].index == last, "appended indexes have no gap")
            previous = self.term(LogIndex(first.index - 1))
            if not previous <= first.term <= entries[-1].term:
                raise InvariantViolation(
                    f"terms do not go back: entry {first.index} has {first.term},"
                    f" the one before it {previous}"
                )
        held = self._hard_state if hard_state is None else hard_state
        if held.term < self._hard_state.term:
            raise InvariantViolation(
                f"the term does not go back from {self._hard_state.term} to"
                f" {held.term}"
            )
        if held.commit_index > last:
            raise InvariantViolation(
                f"the commit index {held.commit_index} is in the log, which ends at"
                f" {last}"
            )
        self._hard_state = held
        if entries:
            del self._entries[place:]
            self._entries.extend(entries)

    def become(self, other: "HeldLog") -> None:
        """Hold what another one holds.

        Parameters
        ----------
        other : HeldLog
            Stays as it is, and does not follow.
        """
        base = other.base()
        self._hard_state = base.hard_state
        self._snapshot = base.snapshot
        self._previous_index = LogIndex(base.first_index - 1)
        self._previous_term = base.previous_term
        stop = LogIndex(base.last_index + 1)
        self._entries = list(other.read(base.first_index, stop, NO_LIMIT))

    def install(self, snapshot: Snapshot) -> None:
        """Do as `LogStore.install` says."""
        require(
            snapshot.index > self._snapshot.index,
            f"a snapshot at {snapshot.index} is newer than the one at"
            f" {self._snapshot.index}",
        )
        self._entries.clear()
        self._previous_index = snapshot.index
        self._previous_term = snapshot.term
        self._take(snapshot)

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Do as `LogStore.compact` says."""
        require(
            self._snapshot.index < snapshot.index <= self.last_index(),
            f"a snapshot at {snapshot.index} lies above the one at"
            f" {self._snapshot.index}, and in a log that ends at {self.last_index()}",
        )
        require(
            snapshot.term == self.term(snapshot.index),
            f"a snapshot at {snapshot.index} has the term of that entry",
        )
        self._take(snapshot)
        previous = LogIndex(max(snapshot.index - keep, self._previous_index))
        self._drop_up_to(previous, self.term(previous))

    def _take(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the last, and the hard state not behind it."""
        self._snapshot = snapshot
        held = self._hard_state
        # The hard state that goes with a snapshot is appended after it, and may be torn
        # off. What a snapshot covers is committed, and its term was reached; had a vote
        # been cast in that term, the hard state would tell.
        if held.term < snapshot.term:
            held = HardState(snapshot.term, None, held.commit_index)
        if held.commit_index < snapshot.index:
            held = HardState(held.term, held.vote, snapshot.index)
        self._hard_state = held

    def _drop_up_to(self, index: LogIndex, term: Term) -> None:
        """Forget entries up to one, of which the term is kept."""
        del self._entries[: index - self._previous_index]
        self._previous_index = index
        self._previous_term = term
