"""The log of one member: its stable and its unstable part seen as one.

Knows what is committed, what is being applied, and what is applied.
Source: Raft paper §5.3 (log matching, conflicts), §5.4.1 (which log is more
complete); etcd for paging and the hint that finds a conflict with one probe a term.
"""

from collections.abc import Callable, Sequence

from raftwerk.core.events import (
    AcknowledgementMismatched,
    AcknowledgementUnneeded,
    Event,
    LogConflict,
    LogReplaced,
    LogTruncated,
    SnapshotRestoreStarted,
)
from raftwerk.core.records import Entry, Snapshot
from raftwerk.core.sizes import entries_bytes, limit_bytes
from raftwerk.core.stable import StableLog
from raftwerk.core.unstable import UnstableLog
from raftwerk.errors import (
    EntryCompacted,
    EntryUnavailable,
    InvariantViolation,
    require,
)
from raftwerk.types import NO_TERM, LogIndex, NodeId, Term

__all__ = ["RaftLog"]


class RaftLog:
    """Entries by index, and how far they are committed and applied.

    Parameters
    ----------
    stable : StableLog
        What storage has.
    node_id : NodeId
        Whose log this is, for events.
    observe : callable
        Takes each event.
    committed_bytes_max : int
        Bytes of committed entries that may be in application at a time.

    Attributes
    ----------
    unstable : UnstableLog
        The part that storage has not acknowledged.
    commit_index : LogIndex
        Up to here all is committed.
    applying_index, applied_index : LogIndex
        Up to here all was handed out for application, and was applied.
    """

    __slots__ = (
        "_node_id",
        "_observe",
        "applied_index",
        "applying_bytes",
        "applying_index",
        "commit_index",
        "committed_bytes_max",
        "is_applying_paused",
        "stable",
        "unstable",
    )

    def __init__(
        self,
        stable: StableLog,
        node_id: NodeId,
        observe: Callable[[Event], None],
        committed_bytes_max: int,
    ) -> None:
        self.stable = stable
        self._node_id = node_id
        self._observe = observe
        self.unstable = UnstableLog(LogIndex(stable.last_index() + 1))
        before_first = LogIndex(stable.first_index() - 1)
        self.commit_index = before_first
        self.applying_index = before_first
        self.applied_index = before_first
        self.applying_bytes = 0
        self.committed_bytes_max = committed_bytes_max
        self.is_applying_paused = False

    # ---- what is there ------------------------------------------------------

    @property
    def first_index(self) -> LogIndex:
        """The index of the first entry; it may be one above the last."""
        snapshot = self.unstable.snapshot
        if snapshot is not None:
            return LogIndex(snapshot.index + 1)
        return self.stable.first_index()

    @property
    def last_index(self) -> LogIndex:
        """The index of the last entry, or of the snapshot if there is none."""
        # `offset` is the last stable index plus one, or the snapshot's plus one.
        return LogIndex(self.unstable.offset + len(self.unstable.entries) - 1)

    @property
    def last_term(self) -> Term:
        """The term of the last entry."""
        return self.term(self.last_index)

    @property
    def has_pending_snapshot(self) -> bool:
        """Whether a received snapshot is not installed yet."""
        return self.unstable.snapshot is not None

    def term(self, index: LogIndex) -> Term:
        """Return the term of an entry, or of the place just before the first.

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
        unstable = self.unstable
        term = unstable.term(index)
        if term is not None:
            return term
        if index >= unstable.offset:
            raise EntryUnavailable(
                f"entry {index} is not there; the last is {self.last_index}"
            )
        if unstable.snapshot is not None:
            # What storage has below is gone as soon as the snapshot is installed.
            raise EntryCompacted(
                f"entry {index} is gone; the first is {self.first_index}"
            )
        return self.stable.term(index)

    def term_or_zero(self, index: LogIndex) -> Term:
        """Return the term of an entry, or 0 if the log does not have it.

        Parameters
        ----------
        index : LogIndex
            Any place.

        Returns
        -------
        Term
            Its term, or 0.
        """
        try:
            return self.term(index)
        except (EntryCompacted, EntryUnavailable):
            return NO_TERM

    def matches(self, index: LogIndex, term: Term) -> bool:
        """Return whether the entry at this place has this term (log matching, §5.3).

        Parameters
        ----------
        index : LogIndex
            Any place.
        term : Term
            The term it should have.

        Returns
        -------
        bool
            False also if the log does not have the entry.
        """
        try:
            return self.term(index) == term
        except (EntryCompacted, EntryUnavailable):
            return False

    def is_up_to_date(self, last_index: LogIndex, last_term: Term) -> bool:
        """Return whether another log is at least as complete as this one (§5.4.1).

        Parameters
        ----------
        last_index : LogIndex
            The last index of the other log.
        last_term : Term
            The term of its last entry.

        Returns
        -------
        bool
            The later last term wins; with equal terms the longer log.
        """
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Return entries of a half-open range, as many as fit, but at least one.

        Parameters
        ----------
        start, stop : LogIndex
            First place, and the place behind the last.
        bytes_max : int
            The bound in bytes.

        Returns
        -------
        sequence of Entry
            In order and without a gap; empty only if the range is.

        Raises
        ------
        EntryCompacted
            If the range begins below the first index.
        """
        if start >= stop:
            return ()
        offset = self.unstable.offset
        if start >= offset:
            return limit_bytes(self.unstable.slice(start, stop), bytes_max)
        if start < self.first_index:
            raise EntryCompacted(
                f"entry {start} is gone; the first is {self.first_index}"
            )
        cut = min(stop, offset)
        stable = self.stable.read(start, cut, bytes_max)
        if stop <= offset or len(stable) < cut - start:
            return stable
        room = bytes_max - entries_bytes(stable)
        if room <= 0:
            return stable
        unstable = limit_bytes(self.unstable.slice(offset, stop), room)
        if len(unstable) == 1 and entries_bytes(unstable) > room:
            return stable
        return [*stable, *unstable]

    def snapshot(self) -> Snapshot:
        """Return the snapshot to send to a follower that lags behind the first index.

        Returns
        -------
        Snapshot
            The pending one if there is one, else storage's newest.

        Raises
        ------
        SnapshotUnavailable
            While storage is making one.
        """
        return self.unstable.snapshot or self.stable.snapshot()

    # ---- appending ----------------------------------------------------------

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, replacing those from their first index on.

        Parameters
        ----------
        entries : sequence of Entry
            In order, at least one; none may replace a committed entry.
        """
        if entries[0].index <= self.commit_index:
            raise InvariantViolation(
                f"entry {entries[0].index} replaces no committed one"
                f" (commit index {self.commit_index})"
            )
        was_offset = self.unstable.offset
        cut = self.unstable.append(entries)
        if cut is None:
            return
        if cut <= was_offset:
            self._observe(LogReplaced(node=self._node_id, index=cut))
        else:
            self._observe(LogTruncated(node=self._node_id, index=cut))

    def append_after(
        self, prev_index: LogIndex, prev_term: Term, entries: Sequence[Entry]
    ) -> LogIndex | None:
        """Append a leader's entries if the log agrees with it just before them (§5.3).

        Parameters
        ----------
        prev_index : LogIndex
            The place before the first of them; not below the commit index.
        prev_term : Term
            The term that the leader has there.
        entries : sequence of Entry
            What follows there, perhaps nothing.

        Returns
        -------
        LogIndex or None
            The last index that agrees with the leader now; None if the log does not
            agree at `prev_index`, and nothing changed.
        """
        if not self.matches(prev_index, prev_term):
            return None
        conflict = self._first_new(entries)
        if conflict is not None:
            self.append(entries[conflict:] if conflict else entries)
        return LogIndex(prev_index + len(entries))

    def _first_new(self, entries: Sequence[Entry]) -> int | None:
        """Return the position of the first entry that the log has not, or not so."""
        if not entries:
            return None
        last_index = self.last_index
        if entries[0].index > last_index:
            return 0
        for position, entry in enumerate(entries):
            if self.matches(entry.index, entry.term):
                continue
            if entry.index <= last_index:
                self._observe(
                    LogConflict(
                        node=self._node_id,
                        index=entry.index,
                        existing_term=self.term_or_zero(entry.index),
                        conflicting_term=entry.term,
                    )
                )
            return position
        return None

    def find_conflict_by_term(
        self, index: LogIndex, term: Term
    ) -> tuple[LogIndex, Term]:
        """Return the greatest place not above `index` whose term is not above `term`.

        With it a leader skips a whole term at each probe (§5.3, last paragraphs).

        Parameters
        ----------
        index : LogIndex
            Where to begin, going down.
        term : Term
            The greatest term that may agree.

        Returns
        -------
        tuple of LogIndex and Term
            The place and its term; a place whose term is not known any more counts
            as one that may agree, with term 0.
        """
        while index > 0:
            try:
                own = self.term(index)
            except (EntryCompacted, EntryUnavailable):
                return index, NO_TERM
            if own <= term:
                return index, own
            index = LogIndex(index - 1)
        return index, NO_TERM

    def restore(self, snapshot: Snapshot) -> None:
        """Put a received snapshot in the place of the whole log (§7).

        Parameters
        ----------
        snapshot : Snapshot
            Above the commit index.
        """
        unstable = self.unstable
        self._observe(
            SnapshotRestoreStarted(
                node=self._node_id,
                commit_index=self.commit_index,
                applied_index=self.applied_index,
                applying_index=self.applying_index,
                unstable_offset=unstable.offset,
                unstable_offset_in_progress=unstable.offset_in_progress,
                unstable_count=len(unstable.entries),
                snapshot_index=snapshot.index,
                snapshot_term=snapshot.term,
            )
        )
        self.commit_index = snapshot.index
        unstable.restore(snapshot)

    # ---- committing ---------------------------------------------------------

    def commit_to(self, index: LogIndex) -> None:
        """Know that all up to this index is committed; never goes back.

        Parameters
        ----------
        index : LogIndex
            At most the last index.

        Raises
        ------
        InvariantViolation
            If it is above the last index: a leader counts on what was acknowledged
            here and is not here any more.
        """
        if index <= self.commit_index:
            return
        if index > self.last_index:
            raise InvariantViolation(
                f"the leader knows that member {self._node_id:x} stores entry {index};"
                f" its log ends at {self.last_index}: it has lost what it promised to"
                f" keep; run `raftwerk member replace {self._node_id:x}` against the"
                " rest of the cluster"
            )
        self.commit_index = index

    # ---- storage ------------------------------------------------------------

    def stable_to(self, index: LogIndex, term: Term) -> None:
        """Know that storage has all up to this entry.

        Parameters
        ----------
        index : LogIndex
            The last entry of the log when the order was given.
        term : Term
            Its term; if the entry here has another one, it was rewritten since.
        """
        present = self.unstable.term(index)
        if present is None:
            self._observe(AcknowledgementUnneeded(node=self._node_id, index=index))
        elif index < self.unstable.offset:
            pass  # The snapshot's own place: it is acknowledged apart.
        elif present != term:
            self._observe(
                AcknowledgementMismatched(
                    node=self._node_id,
                    index=index,
                    acknowledged_term=term,
                    present_term=present,
                )
            )
        else:
            self.unstable.forget_entries(index)

    def snapshot_stable_to(self, index: LogIndex) -> None:
        """Know that storage has installed a received snapshot.

        Parameters
        ----------
        index : LogIndex
            The snapshot's index.
        """
        self.unstable.forget_snapshot(index)

    def accept_unstable(self) -> None:
        """Mark all that is not stable as handed out to storage."""
        self.unstable.accept()

    # ---- applying -----------------------------------------------------------

    def _appliable_index(self, allow_unstable: bool) -> LogIndex:
        """Return the greatest index that may be handed out for application."""
        if allow_unstable:
            return self.commit_index
        return min(self.commit_index, LogIndex(self.unstable.offset - 1))

    def has_next_committed(self, allow_unstable: bool) -> bool:
        """Return whether committed entries can be handed out for application.

        Parameters
        ----------
        allow_unstable : bool
            Whether entries count that storage has not acknowledged.

        Returns
        -------
        bool
            Whether `next_committed` would return any.
        """
        if self.applying_index >= self.commit_index:
            return False  # As it is most of the time.
        if self.is_applying_paused or self.has_pending_snapshot:
            return False
        return self.applying_index < self._appliable_index(allow_unstable)

    def next_committed(self, allow_unstable: bool) -> Sequence[Entry]:
        """Return the next page of committed entries to apply.

        Parameters
        ----------
        allow_unstable : bool
            Whether entries count that storage has not acknowledged.

        Returns
        -------
        sequence of Entry
            In order, as many as the bound leaves room for; perhaps none.
        """
        if not self.has_next_committed(allow_unstable):
            return ()
        room = self.committed_bytes_max - self.applying_bytes
        require(room > 0, "application is paused when its bound is reached")
        start = LogIndex(self.applying_index + 1)
        stop = LogIndex(self._appliable_index(allow_unstable) + 1)
        return self.read(start, stop, room)

    def accept_applying(
        self, index: LogIndex, size_bytes: int, allow_unstable: bool
    ) -> None:
        """Mark entries up to this index as handed out for application.

        Parameters
        ----------
        index : LogIndex
            The last of them.
        size_bytes : int
            Their size.
        allow_unstable : bool
            As in `next_committed`.
        """
        self.applying_index = index
        self.applying_bytes += size_bytes
        # A page that was cut short waits for its acknowledgement too: else a bound
        # of one byte would hand out one entry after the other at once.
        self.is_applying_paused = (
            self.applying_bytes >= self.committed_bytes_max
            or index < self._appliable_index(allow_unstable)
        )

    def applied_to(self, index: LogIndex, size_bytes: int) -> None:
        """Know that the state machine has applied all up to this index.

        Parameters
        ----------
        index : LogIndex
            Between the applied and the commit index.
        size_bytes : int
            What these entries counted when they were handed out.
        """
        if not self.applied_index <= index <= self.commit_index:
            raise InvariantViolation(
                f"applied index {index} lies between {self.applied_index}"
                f" and the commit index {self.commit_index}"
            )
        self.applied_index = index
        self.applying_index = max(self.applying_index, index)
        self.applying_bytes = max(self.applying_bytes - size_bytes, 0)
        self.is_applying_paused = self.applying_bytes >= self.committed_bytes_max
