"""What a member's log must do for it, whatever it is kept on.

`memory` and `wal` pass the same contract tests (`tests/storage/contract.py`). The core
reads it as a `raftwerk.core.stable.StableLog`; the driver writes through these calls.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.core.stable import StableLog
from raftwerk.errors import StorageError
from raftwerk.types import NodeId

__all__ = ["DirectoryIdentity", "LogStore", "Room", "SyncsInPlace", "Written"]


class DirectoryIdentity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose data a directory holds; every segment of the log repeats it.

    `directory_id` is drawn when the directory is made. A member that comes back without
    its data comes back with another one, and is told apart by that. `epoch` counts how
    often the cluster has lost its quorum and gone on with what was left of it.
    """

    cluster_id: int
    node_id: NodeId
    directory_id: int
    epoch: int = 0


class Room(msgspec.Struct, frozen=True, gc=False):
    """How much more a log can take."""

    shortage: str = ""
    """What it lacks, in words; "": nothing. Then no number is meant."""
    left_bytes: int = 0
    """With a shortage: what entries may still take. Terms and votes may take more."""


class LogStore(StableLog, Protocol):
    """The durable log of one member: what the core reads, and what writes it.

    All but `sync` are called on the loop's thread and do not wait for the disk. Reads
    see all that was appended, synced or not.
    """

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Write both, after dropping stored entries from ``entries[0].index`` on.

        After a crash either both are there or neither.

        Parameters
        ----------
        hard_state : HardState or None
            The new one; None: as before.
        entries : sequence of Entry
            One index after the other; the first at most one above the last stored.

        Raises
        ------
        InvariantViolation
            If they do not fit what is stored; nothing is written then.
        StorageError
            If an earlier sync failed.
        """

    def install(self, snapshot: Snapshot) -> None:
        """Put a received snapshot in the place of the whole log.

        Parameters
        ----------
        snapshot : Snapshot
            Newer than the one that is there.

        Raises
        ------
        InvariantViolation
            If it is not newer.
        StorageError
            If an earlier sync failed.
        """

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Keep a snapshot of our own, and drop the log below it.

        Parameters
        ----------
        snapshot : Snapshot
            Newer than the one that is there, and of an entry that is in the log.
        keep : int
            How many entries up to the snapshot's stay, for followers that lag a
            little.

        Raises
        ------
        InvariantViolation
            If the snapshot goes back, or beyond the log.
        StorageError
            If an earlier sync failed.
        """

    def sync(self) -> None:
        """Return once all that was appended before the call survives a power cut.

        It and `mark` may be called from another thread, one at a time.

        Raises
        ------
        DiskFull
            If there is no room; nothing is lost, and the call may be made again.
        StorageError
            If the disk failed; after that nothing may be written any more.
        """

    def mark(self) -> None:
        """Write down that all is durable, if that is not known to a later start yet.

        For quiet times, called as `sync` is: until then, what was synced last looks
        after a damage as if a crash had torn it. What compactions left on disk goes.

        Raises
        ------
        DiskFull
            If there is no room; nothing is lost by that.
        StorageError
            If the disk failed; after that nothing may be written any more.
        """

    def room(self) -> Room:
        """Return how much room there was after the last sync.

        Returns
        -------
        Room
            With a shortage if no room can be made ahead: entries should come no more,
            so that terms and votes can still be stored.
        """

    def make_room(self) -> None:
        """Try to end a shortage; `room` tells whether that is done.

        Called as `sync` is.

        Raises
        ------
        StorageError
            If the disk failed; after that nothing may be written any more. Never
            `DiskFull`.
        """

    def close(self) -> None:
        """Sync, mark the end as clean, and let go of the files.

        Raises
        ------
        StorageError
            If the last sync failed; the files are let go all the same.
        """


class Written(Protocol):
    """What was written to a file that has its place on the disk, and is not synced."""

    @property
    def descriptor(self) -> int | None:
        """The file, for who can sync it without a thread; None if nobody can."""

    def sync(self) -> None:
        """Return once it survives a power cut; may be called from another thread.

        Raises
        ------
        StorageError
            If the disk failed.
        """

    def sync_failure(self, error: OSError) -> StorageError:
        """Return what `sync` raises if the system says this.

        Parameters
        ----------
        error : OSError
            The system's.

        Returns
        -------
        StorageError
            For people.
        """


@runtime_checkable
class SyncsInPlace(Protocol):
    """A `LogStore` whose `sync` comes in two halves, if there is little to do.

    So the loop's thread can write, as that is into the system's memory, and something
    quicker than a thread that runs Python can wait for the disk.
    """

    def begin_sync(self) -> Written | None:
        """Write what was appended, if that takes one write to a file that is there.

        No other call of `sync`, `mark` or `make_room` may be under way, nor be made
        before `end_sync`.

        Returns
        -------
        Written or None
            What is to be synced; None if only `sync` can do what is to be done.

        Raises
        ------
        DiskFull
            If there is no room; nothing is lost, and the call may be made again.
        StorageError
            If the disk failed; after that nothing may be written any more.
        """

    def end_sync(self, error: BaseException | None) -> None:
        """Know what became of it; called before anything else is, `close` too.

        May be called from another thread.

        Parameters
        ----------
        error : BaseException or None
            None: it is durable. Else nothing may be written any more.
        """
