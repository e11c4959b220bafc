"""All that the store remembers, and the two ways in which it changes.

A change over many keys is made in steps (`steps`). Until it is whole it is *held*: it
stands in the index and in the history at the next revision, and whoever reads at the
newest whole one sees nothing of it, as in every store of many versions.
"""

from collections.abc import Sequence
from typing import Final

from raftwerk.errors import require
from raftwerk.kv.history import History
from raftwerk.kv.index import KeyIndex
from raftwerk.kv.leases import Leases
from raftwerk.kv.records import KeyValue

__all__ = ["FIRST_REVISION", "NEVER_COMPACTED", "State"]

FIRST_REVISION: Final = 1
"""The revision of a store that nothing was ever put into."""

NEVER_COMPACTED: Final = -1
"""Below 0, for even a compaction at 0 is remembered, and refused the second time."""


class State:
    """The store's memory; `index` and `history` change together or not at all.

    Parameters
    ----------
    revision : int
        The newest revision.
    compact_revision : int
        The oldest readable revision.
    index : KeyIndex, optional
        The keys as they are before any change in the history.
    """

    __slots__ = (
        "_written",
        "alarms",
        "compact_revision",
        "effects",
        "history",
        "index",
        "is_held",
        "is_scavenged",
        "leases",
        "revision",
    )

    def __init__(
        self,
        revision: int = FIRST_REVISION,
        compact_revision: int = NEVER_COMPACTED,
        index: KeyIndex | None = None,
    ) -> None:
        self.revision = revision
        """The newest that is whole: what everybody sees."""
        self._written = revision
        self.is_held = False
        """Whether a change is under way that nobody sees yet."""
        self.compact_revision = compact_revision
        self.index = KeyIndex() if index is None else index
        self.history = History()
        self.leases = Leases(self.index.current())
        self.alarms: set[tuple[int, int]] = set()
        """The kind of each alarm that is raised, and the member whose it is."""
        self.is_scavenged = compact_revision == NEVER_COMPACTED
        """Whether nothing is left of what can't be read any more."""
        self.effects: list[object] = []
        """What the present step has changed and answered so far, in order."""

    @property
    def written(self) -> int:
        """The newest revision of any version: above `revision` while one is held."""
        return self._written if self.is_held else self.revision

    def put(self, kv: KeyValue, before: KeyValue | None) -> None:
        """Take in a version of a key.

        Parameters
        ----------
        kv : KeyValue
            The version; its `mod_revision` is the present revision or the next.
        before : KeyValue or None
            The newest version so far; None if the key does not exist.
        """
        if kv.lease or (before is not None and before.lease):
            self.leases.move(kv.key, before.lease if before else 0, kv.lease)
        self.index.put(kv, before)
        self.history.append(kv, before)
        self.effects.append(kv)
        if self.is_held:
            self._written = kv.mod_revision
        else:
            self.revision = kv.mod_revision

    def delete(self, before: Sequence[KeyValue], revision: int) -> None:
        """Take in that keys were deleted.

        Parameters
        ----------
        before : sequence of KeyValue
            The newest versions so far of the keys, in their order.
        revision : int
            The present revision or the next.
        """
        deletions = [KeyValue(kv.key, 0, revision, 0) for kv in before]
        self.index.delete(deletions, before)
        for deletion, kv in zip(deletions, before, strict=True):
            if kv.lease:
                self.leases.move(kv.key, kv.lease, 0)
            self.history.append(deletion, kv)
        self.effects += deletions
        if not deletions:
            return
        if self.is_held:
            self._written = revision
        else:
            self.revision = revision

    def hold(self) -> None:
        """Have nobody see from now on what changes, until all of it is released."""
        require(not self.is_held, "one change is under way at a time")
        self._written = self.revision
        self.is_held = True
        self.history.hold()
        self.leases.hold()

    def release(self) -> list[tuple[bytes, int]]:
        """Have everybody see what has changed, in one go, however much it is.

        Returns
        -------
        list of tuple of bytes and int
            As `Leases.release`.
        """
        self.revision, self.is_held = self.written, False
        self.history.release()
        return self.leases.release()

    def check(self) -> None:
        """Raise unless what must be true of any store is true of this one.

        Raises
        ------
        InvariantViolation
            If it is not.
        """
        changes = self.history.since(self.compact_revision)
        revisions = [made.mod_revision for made, _ in changes]
        require(revisions == sorted(revisions), "changes stand in order")
        require(
            not revisions or revisions[-1] == self.revision,
            "the newest change made the newest revision",
        )
        require(self.compact_revision <= self.revision, "the past alone is compacted")
        self.index.check()
        self.leases.check(self.index.current())
