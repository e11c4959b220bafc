"""What a group agreed upon, as its key-value store took it.

A store of its own, which never forgets, is fed with the agreed commands. Its history is
what clients' answers are held against.
"""

from collections.abc import Callable, Sequence

from raftwerk.core.records import Snapshot
from raftwerk.kv import (
    Compact,
    ExpireLeases,
    KeyValue,
    KvError,
    Range,
    RevokeLease,
    Store,
    decode,
)
from raftwerk.sim.agreement import Agreement, Seen
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex

__all__ = ["Ledger", "Seen"]


class Ledger(Agreement):
    """Everything that was ever agreed upon, and what became of it.

    Parameters
    ----------
    first : Snapshot
        What the group began with.
    now : callable
        Returns the true time.

    Attributes
    ----------
    store : Store
        All agreed commands, applied, but for compactions.
    lease_ends : dict of int to float
        When each lease was ended.
    """

    def __init__(self, first: Snapshot, now: Callable[[], float]) -> None:
        super().__init__(first, now)
        self.store = Store()
        self.lease_ends: dict[int, float] = {}
        self._revisions: list[int] = [self.store.revision]
        self._results: dict[int, object] = {}

    def note_applied(
        self,
        seen: Seen,
        index: LogIndex,
        commands: Sequence[bytes],
        results: Sequence[object],
        revision: int,
    ) -> None:
        """Check what a member applied, and what came of it.

        Parameters
        ----------
        seen : Seen
            Of the member.
        index : LogIndex
            Of the last command.
        commands : sequence of bytes
            What it applied.
        results : sequence of object
            Of each.
        revision : int
            Its store's, after them.

        Raises
        ------
        Violation
            If the log has others, or another member had other results.
        """
        self.note_commands(seen, index, commands, results)
        if self._revisions[index - self.first.index] != revision:
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} is at revision {revision} after entry {index};"
                f" it should be at {self._revisions[index - self.first.index]}",
            )

    def _note_effect(
        self, seen: Seen, index: int, command: bytes, result: object
    ) -> None:
        """Check one result; the first who shows one decides."""
        if index > self.applied_index:
            self._apply(index, command, result)
            return
        agreed = self._results.get(index)
        if not _is_equal(agreed, result):
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} makes {result!r} of entry {index}; another made"
                f" {agreed!r}",
            )

    def _apply(self, index: int, content: bytes, result: object) -> None:
        """Take a command into the store that never forgets."""
        self._fill(index)
        command = decode(content)
        if not isinstance(command, Compact):
            (own,) = self.store.apply(index, [content])
            if not _is_equal(own, result):
                raise Violation(
                    Property.EFFECTS,
                    f"a member makes {result!r} of entry {index}; done in one go, it is"
                    f" {own!r}",
                )
            if isinstance(command, RevokeLease):
                self.lease_ends.setdefault(command.lease, self._now())
            elif isinstance(command, ExpireLeases):
                for lease in command.leases:
                    if self.store.lease(lease) is None:
                        self.lease_ends.setdefault(lease, self._now())
        self._results[index] = result
        self._revisions[index - self.first.index] = self.store.revision
        self.commands += 1

    def _fill(self, index: int) -> None:
        """Know the revision of all indexes up to this one."""
        missing = index - self.first.index + 1 - len(self._revisions)
        if missing > 0:
            self._revisions += [self._revisions[-1]] * missing
        self.applied_index = LogIndex(index)

    def check_whole(
        self, seen: Seen, revision: int, key: bytes, end: bytes, kvs: Sequence[KeyValue]
    ) -> None:
        """Check what a member shows amid a change of many keys.

        Parameters
        ----------
        seen : Seen
            Of the member.
        revision : int
            That its store has.
        key, end : bytes
            The range that is changed.
        kvs : sequence of KeyValue
            All that it shows of it.

        Raises
        ------
        Violation
            If that is not what was there at this revision.
        """
        if revision > self.store.revision:
            return  # the first who ends many leases is ahead
        if self.store.range(Range(key, end, revision=max(revision, 1))).kvs != list(
            kvs
        ):
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} shows {len(kvs)} keys at revision {revision},"
                " amid a change, that are not those of this revision",
            )

    def note_restored(self, seen: Seen, index: LogIndex, revision: int) -> None:
        """Check a member that begins with a snapshot.

        Parameters
        ----------
        seen : Seen
            Of the member.
        index : LogIndex
            The last command in the snapshot.
        revision : int
            Its store's.

        Raises
        ------
        Violation
            If no such state was ever agreed upon.
        """
        seen.applied_index = index
        place = index - self.first.index
        if place < 0:
            return
        known = self._revisions[min(place, len(self._revisions) - 1)]
        if known != revision:
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} was restored to revision {revision} at entry"
                f" {index}; it should be {known}",
            )


def _is_equal(one: object, other: object) -> bool:
    """Tell whether two results are the same; refusals are by kind and words."""
    if isinstance(one, KvError) and isinstance(other, KvError):
        return type(one) is type(other) and str(one) == str(other)
    return one == other
